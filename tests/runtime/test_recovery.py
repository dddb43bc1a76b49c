"""A database that fails at the worst moment: nothing in memory is believed afterwards, and nobody else is held up."""

import asyncio
from collections.abc import Callable
from typing import Any

import apsw
import pytest

from mercato.runtime.batches import executor as executor_module
from mercato.runtime.batches.executor import Executor
from mercato.runtime.database.faults import DatabaseFault
from mercato.values.messages import Unavailable
from tests.runtime.bench import Bench, buyer, outcome
from tests.runtime.notebook import Do


@pytest.fixture(autouse=True)
def _short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor_module, "PAUSE_AFTER_FAULT", 0.001)


def failing(executor: Executor, fails: Callable[[str], bool], *, after: bool = False) -> Callable[[], None]:
    """Make statements of a writer fail, before or after they are executed; the way back."""
    writer: Any = executor.database.writer
    execute = writer.execute

    def struck(sql: str, parameters: Any = (), /) -> Any:
        if not fails(sql):
            return execute(sql, parameters)
        if after:
            execute(sql, parameters)
        error = apsw.IOError("disk I/O error")
        raise writer.translated(error) from error

    def mend() -> None:
        writer.execute = execute

    writer.execute = struck
    return mend


def rest(bench: Bench) -> None:
    bench.loop.run_until_complete(asyncio.sleep(0.02))


def test_a_commit_that_seemed_to_fail_is_known_afterwards(bench: Bench) -> None:
    bench.run(Do("a", "write_sheet", 1))
    mend = failing(bench.notebook, lambda sql: sql == "COMMIT", after=True)
    futures = [bench.notebook.submit(Do("a", how, 2), buyer()) for how in ("write_sheet", "insert")]
    bench.drain(bench.notebook)
    assert [type(outcome(future)) for future in futures] == [Unavailable, Unavailable]
    mend()
    rest(bench)
    assert (bench.notebook.number, bench.pages()) == (1, {"a": 2})
    bench.run(Do("a", "write_sheet", 3))
    bench.run(Do("b", "insert", 3))
    assert bench.rows("SELECT version FROM documents") == [(3,)]
    assert bench.rows("SELECT number FROM outbox ORDER BY number") == [(1,), (2,)]


def test_consumers_look_again_after_a_commit_that_seemed_to_fail(bench: Bench) -> None:
    bench.wishes.resumed.append(lambda _told: bench.notebook.look_again("wishes"))
    mend = failing(bench.wishes, lambda sql: sql == "COMMIT", after=True)
    bench.tell(("a", "insert", 5))
    assert bench.pages() == {}
    mend()
    rest(bench)
    bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({"a": 5}, 1)


def test_a_log_that_cannot_be_read_is_read_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.tell(("a", "insert", 5))
    bench.notebook.look_again("wishes")
    feed = bench.notebook.feeds["wishes"]
    feed.restart(0)

    def unreadable(*_: Any) -> Any:
        raise DatabaseFault("disk I/O error")

    assert feed._log is not None
    monkeypatch.setattr(feed._log, "read", unreadable)
    assert bench.notebook.take() is None
    assert not bench.notebook.has_work()
    monkeypatch.undo()
    monkeypatch.setattr(executor_module, "PAUSE_AFTER_FAULT", 0.001)
    bench.loop.run_until_complete(asyncio.sleep(0.3))
    bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({"a": 5}, 1)


def test_while_the_database_cannot_be_read_commands_are_refused_at_once(bench: Bench) -> None:
    def reading_fails(executor: Executor) -> Callable[[], None]:
        rows = executor._rows

        def fail(*_: Any, **__: Any) -> Any:
            raise DatabaseFault("disk I/O error")

        executor._rows = fail  # type: ignore[method-assign]

        def mend() -> None:
            executor._rows = rows  # type: ignore[method-assign]

        return mend

    mend_commits = failing(bench.notebook, lambda sql: sql == "COMMIT")
    mend_reading = reading_fails(bench.notebook)
    assert isinstance(bench.run(Do("a", "insert", 1)), Unavailable)
    waiting = bench.notebook.submit(Do("b", "insert", 1), buyer())
    rest(bench)
    assert isinstance(outcome(waiting), Unavailable)
    mend_commits()
    mend_reading()
    rest(bench)
    bench.run(Do("b", "insert", 1))
    assert bench.pages() == {"b": 1}
