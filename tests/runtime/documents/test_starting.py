"""What a service whose documents are apart looks at before it starts."""

from collections.abc import Callable

import pytest

from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.documents.mongo import MongoStore
from mercato.runtime.documents.urls import Address
from mercato.runtime.late_events import prepare_documents
from mercato.runtime.parts import in_the_database
from mercato.runtime.settings import SettingsError
from tests.runtime import shelf
from tests.runtime.documents.shelves import ANN, Shelves
from tests.runtime.processes import Processes
from tests.runtime.shelf import Put
from tools.engines import Engine


async def test_documents_that_would_not_be_seen_any_more_are_told(apart: Shelves) -> None:
    before = Processes(apart.ground, lambda _parts: shelf.service(), in_the_database)
    await before.start().does(Put("a", "x"), caller=ANN)
    process = apart.start()
    with pytest.raises(SettingsError, match=r"documents of shelf are in its database, and would not be seen on mongo"):
        prepare_documents(process.executor)
    await before.close()


async def test_a_server_that_can_be_reached_is_prepared(apart: Shelves) -> None:
    process = apart.start()
    prepare_documents(process.executor)
    prepare_documents(process.executor)
    assert await process.does(Put("a", "x"), caller=ANN) == [("x",)]


async def test_a_server_that_cannot_be_reached_is_told_in_one_sentence(apart: Shelves) -> None:
    process = apart.start()
    address = Address.read("mongodb://ann:secret-word@127.0.0.1:1/shelf")
    process.executor.documents = MongoStore(address, "the documents of shelf")
    with pytest.raises(DatabaseFault) as caught:
        prepare_documents(process.executor)
    told = str(caught.value)
    assert told.startswith("the documents of shelf on mongodb://ann@127.0.0.1:1/shelf: 127.0.0.1:1: [Errno")
    assert told.endswith("; see that MongoDB runs, can be reached, and lets the login in")
    assert "secret-word" not in told
    assert "timeout" not in told


@pytest.mark.server
async def test_a_name_that_the_server_refuses_is_told(engine: Callable[[str], Engine]) -> None:
    address = Address.read(f"{engine('mongo').url.rpartition('/')[0]}/a$b")
    with pytest.raises(SettingsError, match=r"the documents of shelf on mongodb://.*/a\$b: "):
        MongoStore(address, "the documents of shelf")
