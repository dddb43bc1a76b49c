"""OpenSearch: the contract, and what is true of an index that several processes share."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks.search.on_server import remove_indexes
from mercato.services.search.adapters import opensearch_index
from mercato.services.search.adapters.opensearch_client import Client, Place
from mercato.services.search.adapters.opensearch_index import OpenSearchIndex
from mercato.services.search.domain import Gone
from mercato.services.search.finding.documents import LAYOUT
from mercato.services.search.finding.finder import Finder
from mercato.services.search.finding.index import Index
from mercato.values.ids import ProductId
from mercato.values.messages import Unavailable
from tests.services.search.engine.contract import SHOES, IndexContract, Open
from tests.services.search.entries import STORE, entry, found, ids
from tools.engines import Engine


@pytest.fixture
def place(engine: Callable[[str], Engine]) -> Iterator[Place]:
    """A name for indexes; they are removed afterwards."""
    server = Place.read(engine("opensearch").url)
    made = Place(server.parts, "contract")
    remove_indexes(made)
    yield made
    remove_indexes(made)


@pytest.mark.server
class TestOpenSearch(IndexContract):
    @pytest.fixture
    def open(self, place: Place) -> Iterator[Open]:
        opened: list[OpenSearchIndex] = []

        def open_() -> Index:
            opened.append(OpenSearchIndex(place))
            return opened[-1]

        yield open_
        for index in opened:
            index.close()


@pytest.mark.server
def test_what_was_read_earlier_never_overwrites_what_is_newer(place: Place) -> None:
    ahead, behind = OpenSearchIndex(place), OpenSearchIndex(place)
    ahead.write([entry("p1", "New lamp"), Gone(STORE, ProductId("p2"))], 7)
    behind.write([entry("p1", "Old lamp"), entry("p2", "Old lamp")], 5)
    assert ids(Finder(behind), "lamp") == ["p1"]
    assert ids(Finder(behind), "new lamp") == ["p1"]
    assert OpenSearchIndex(place).mark == 7


@pytest.mark.server
def test_a_chunk_that_another_has_written_is_not_written_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = OpenSearchIndex(place), OpenSearchIndex(place)
    one.write(SHOES, 3)
    monkeypatch.setattr(Client, "bulk", _never)
    other.write(SHOES, 3)
    assert other.mark == 3
    assert ids(Finder(other), "running shoes")


@pytest.mark.server
def test_chunks_of_one_change_are_all_written(place: Place) -> None:
    """A change of many entries is more than one chunk: all but the last of these have the mark before it."""
    index = OpenSearchIndex(place)
    for chunk in range(3):
        index.write([entry(f"p{chunk}", "Lamp")], 6)
    index.write([entry("p3", "Lamp")], 7)
    assert found(Finder(index), "lamp").total == 4


@pytest.mark.server
def test_a_chunk_that_was_written_without_its_mark_is_written_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = OpenSearchIndex(place)
    call = Client.call
    monkeypatch.setattr(Client, "call", _dying_before_the_mark)
    with pytest.raises(Unavailable):
        index.write(SHOES, 4)
    monkeypatch.setattr(Client, "call", call)
    again = OpenSearchIndex(place)
    assert again.mark == 0
    again.write([*SHOES[:1], Gone(STORE, SHOES[1].id)], 5)
    assert again.mark == 5
    assert SHOES[1].id not in ids(Finder(again))


@pytest.mark.server
def test_a_rebuilt_index_serves_all_processes(place: Place) -> None:
    one, other = OpenSearchIndex(place), OpenSearchIndex(place)
    one.write([entry("old", "Old shoes")], 3)
    rebuilt, same = one.rebuild(1), other.rebuild(1)
    assert (rebuilt.mark, rebuilt.name) == (0, same.name)
    rebuilt.write(SHOES, 9)
    same.write(SHOES, 9)
    assert ids(Finder(one), "shoes") == ["old"]
    one.take(rebuilt)
    other.take(same)
    assert "old" not in ids(Finder(other), "shoes")
    opened = OpenSearchIndex(place)
    assert (opened.name, opened.mark, opened.rebuilds) == (rebuilt.name, 9, 1)
    with pytest.raises(Unavailable, match="index_not_found"):
        one.write([entry("p9", "Late")], 10)


@pytest.mark.server
def test_another_layout_has_an_index_of_its_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    index = OpenSearchIndex(place)
    index.write(SHOES, 5)
    monkeypatch.setattr(opensearch_index, "LAYOUT", LAYOUT + 1)
    newer = OpenSearchIndex(place)
    assert (newer.mark, found(Finder(newer)).total) == (0, 0)
    assert found(Finder(index)).total == len(SHOES)


@pytest.mark.server
def test_a_server_that_was_killed_has_what_was_told_to_be_written(
    place: Place, engine: Callable[[str], Engine]
) -> None:
    server = engine("opensearch")
    index = OpenSearchIndex(place)
    index.write(SHOES, 5)
    server.kill()
    with pytest.raises(Unavailable, match="cannot be reached"):
        found(Finder(index), "shoes")
    with pytest.raises(Unavailable):
        index.write([entry("p9", "Sandals")], 6)
    server.start()
    assert found(Finder(index)).total == len(SHOES)
    again = OpenSearchIndex(place)
    assert again.mark == 5
    again.write([entry("p9", "Sandals")], 6)
    assert ids(Finder(again), "sandals") == ["p9"]


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(Unavailable, match=r"opensearch://127\.0\.0\.1:1/shop cannot be reached"):
        OpenSearchIndex(Place.read("opensearch://ann:secret@127.0.0.1:1/shop"))


@pytest.mark.parametrize(
    "url", ["http://h/shop", "opensearch:///shop", "opensearch://h", "opensearch://h/Shop", "opensearch://h/a?shards=0"]
)
def test_a_url_that_cannot_be_used_is_told(url: str) -> None:
    with pytest.raises(ValueError, match="has the form opensearch://"):
        Place.read(url)


def _never(*_: object) -> None:
    raise AssertionError("nothing was to be written")


_call = Client.call


def _dying_before_the_mark(client: Client, method: str, path: str, *rest: Any, **named: Any) -> Any:
    if "/_doc/mark?" in path:
        raise Unavailable("killed")
    return _call(client, method, path, *rest, **named)
