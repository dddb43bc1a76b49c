"""Questions to a database that is out of order are refused for a while, wherever it shows."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.parts import Pools
from mercato.runtime.questions import Questions
from mercato.values.messages import Unavailable
from tests.runtime.bench import Bench, buyer
from tests.runtime.notebook import Do, GetPages, get_pages


class AtOnce:
    async def run(self, work: Callable[[], Any]) -> Any:
        return work()


def test_a_file_that_cannot_be_opened_makes_a_question_unavailable(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = cast(Pools, SimpleNamespace(readers=AtOnce()))
    questions = Questions(bench.notebook, msgspec.structs.replace(bench.parts, pools=pools))
    database = bench.notebook.database
    reader = database.reader

    def broken() -> Any:
        raise DatabaseFault("notebook.db: unable to open database file")

    monkeypatch.setattr(database, "reader", broken)
    with pytest.raises(Unavailable):
        asyncio.run(questions.answer_in_pool(get_pages, GetPages(), buyer()))
    assert "query_failed" in bench.log.getvalue()
    monkeypatch.setattr(database, "reader", reader)
    assert asyncio.run(questions.answer_in_pool(get_pages, GetPages(), buyer())) == ()


def test_who_asks_hears_of_a_commit_when_memory_knows_of_it(bench: Bench) -> None:
    """The database has it first. Whoever heard of it earlier and asked memory would hear something older (I17)."""
    pools = cast(Pools, SimpleNamespace(readers=AtOnce()))
    questions = Questions(bench.notebook, msgspec.structs.replace(bench.parts, pools=pools))
    bench.notebook.submit(Do("a", "insert", 5), buyer())
    batch = bench.notebook.take()
    assert batch is not None
    bench.notebook.apply(batch)
    bench.notebook.commit(batch)

    async def asked() -> Any:
        asking = bench.loop.create_task(questions.answer_in_pool(get_pages, GetPages(), buyer()))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not asking.done()
        bench.notebook.settle(batch)
        return await asking

    assert [page.name for page in bench.loop.run_until_complete(asked())] == ["a"]


def test_memory_tells_nothing_from_before_a_commit_that_may_have_happened(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails after it has written: others read what is there now."""
    bench.run(Do("a", "write_sheet", 1))
    assert list(bench.notebook.memory.contents())
    refused = bench.notebook.submit(Do("a", "write_sheet", 2), buyer())
    batch = bench.notebook.take()
    assert batch is not None
    bench.notebook.apply(batch)
    execute = bench.notebook.database.writer.execute

    def doubtful(sql: str, *parameters: Any) -> Any:
        done = execute(sql, *parameters)
        if sql == "COMMIT":
            raise DatabaseFault("disk I/O error")
        return done

    with monkeypatch.context() as patch:
        patch.setattr(bench.notebook.database.writer, "execute", doubtful)
        bench.notebook.commit(batch)
    bench.notebook.settle(batch)
    assert isinstance(refused.exception(), Unavailable)
    assert not list(bench.notebook.memory.contents())
