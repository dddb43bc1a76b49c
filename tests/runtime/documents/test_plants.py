"""The suites of documents see what they are for: they fail where a bug is planted."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from mercato.apps.simulate.mutants.planting import replaced
from mercato.runtime.documents import mongo
from mercato.runtime.documents.mongo import MongoStore
from mercato.runtime.documents.store import Write
from tests.runtime.documents import test_crashes, test_documents
from tests.runtime.documents.shelves import Shelves


def event_lost() -> AbstractContextManager[None]:
    """A document is written without the events that are not in the log yet."""
    return _written(events=())


def operation_not_noted() -> AbstractContextManager[None]:
    """A document does not say what has made it what it is."""
    return _written(done=())


def store_left_out() -> AbstractContextManager[None]:
    """A document is known by its id alone, whatever its store."""

    def where(_store: str, *ids: str) -> dict[str, Any]:
        return {"_id": {"$in": list(ids)}}

    return replaced((mongo, "_where", where), (mongo, "_key", lambda _store, document_id: document_id))


def _written(**instead: Any) -> AbstractContextManager[None]:
    write = MongoStore.write

    def careless(self: MongoStore, writes: Sequence[Write], token: str) -> None:
        write(self, [replace(each, document=replace(each.document, **instead)) for each in writes], token)

    return replaced((MongoStore, "write", careless))


@contextmanager
def found(plant: AbstractContextManager[None]) -> Iterator[None]:
    """The suite comes to where the bug is, and fails there."""
    with plant, pytest.raises(AssertionError) as caught:
        yield
    assert "it has not come to" not in str(caught.value)


async def test_a_store_that_is_left_out_is_found(apart: Shelves) -> None:
    with found(store_left_out()):
        await test_documents.test_two_stores_have_documents_of_one_id(apart)


async def test_an_event_that_is_lost_is_found(apart: Shelves) -> None:
    with found(event_lost()):
        await test_crashes.test_what_was_begun_is_told_before_what_comes_after_it(apart, "after documents")
    assert apart.told() == [("a", 3, ("1", "3", "4"))]


async def test_an_operation_of_a_request_that_is_not_noted_is_found(apart: Shelves) -> None:
    with found(operation_not_noted()):
        await test_crashes.test_a_request_that_is_made_again_has_one_effect_and_one_event(apart, "after documents")
    assert apart.get("a") == ("x", "x")


async def test_an_operation_of_an_event_that_is_not_noted_is_found(apart: Shelves) -> None:
    with found(operation_not_noted()):
        await test_crashes.test_an_event_that_comes_again_has_one_effect(apart, "after documents")
    assert apart.get("a") == ("3", "3", "3")
