"""One batch: refusals, failures, commits that fail, keys, and rows of one store."""

from pathlib import Path
from typing import Any

import apsw
import pytest

from mercato.runtime.answers import Answer
from mercato.runtime.bus.positions import MOVE_POSITION
from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.database.sqlite import SqliteDatabase
from mercato.values.messages import Caller, Conflict, Failed, Forbidden, KeyReused, Overloaded, Refusal, Unavailable
from tests.runtime.bench import OTHER, Bench, buyer, key, outcome
from tests.runtime.notebook import Begin, Do, TooLittle, Unwanted


def redone(bench: Bench) -> int:
    return int(bench.parts.telemetry.redone.labels("notebook")._value.get())


def stored(bench: Bench) -> list[tuple[Any, ...]]:
    return bench.rows("SELECT scope, client_key, fingerprint, status FROM idempotency ORDER BY 1, 2")


def test_a_refusal_without_writes_is_answered_and_kept_under_its_key(bench: Bench) -> None:
    answer = bench.run(Do("a", "look", 1), key=key("k1"))
    assert isinstance(answer, Answer)
    assert answer.status == 422
    assert redone(bench) == 0
    assert stored(bench) == [("ann POST /do", "k1", "body", 422)]
    bench.run(Do("a", "insert", 5))
    assert bench.run(Do("a", "look", 1), key=key("k1")) == answer


def test_a_refusal_after_a_write_leaves_nothing_and_the_others_succeed(bench: Bench) -> None:
    commands = (Do("a", "insert", 1), Do("b", "write_and_refuse", 9), Do("c", "save_later", 3), Do("b", "look", 1))
    futures = [bench.notebook.submit(command, buyer()) for command in commands]
    assert bench.drain(bench.notebook) == 1
    first, refused, third, last = map(outcome, futures)
    assert (first, third) == (1, 3)
    assert isinstance(refused, Unwanted)
    assert isinstance(last, Unwanted)
    assert bench.pages() == {"a": 1, "c": 3}
    assert [name for (name,) in bench.rows("SELECT aggregate FROM outbox ORDER BY number")] == ["a", "c"]
    assert bench.rows("SELECT number FROM outbox ORDER BY number") == [(1,), (2,)]
    assert redone(bench) == 1


def test_a_refusal_after_a_write_is_kept_under_its_key_too(bench: Bench) -> None:
    answer = bench.run(Do("b", "later_and_refuse", 9), key=key("k1"))
    assert answer.status == 422
    assert bench.pages() == {}
    assert bench.run(Do("b", "later_and_refuse", 9), key=key("k1")) == answer


@pytest.mark.parametrize("how", ["insert", "insert_later"])
def test_a_constraint_refuses_its_command_alone(bench: Bench, how: Any) -> None:
    bench.run(Do("a", "insert", 1))
    futures = [bench.notebook.submit(Do(name, how, 2), buyer()) for name in ("a", "b")]
    bench.drain(bench.notebook)
    broken, well = map(outcome, futures)
    assert isinstance(broken, Conflict)
    assert well == 2
    assert bench.pages() == {"a": 1, "b": 2}


def test_a_fault_in_a_handler_is_logged_and_leaves_nothing(bench: Bench) -> None:
    assert isinstance(bench.run(Do("a", "break", 1), key=key("k1")), Failed)
    assert "a fault in a handler" in bench.log.getvalue()
    assert (bench.pages(), stored(bench)) == ({}, [])
    assert bench.rows("SELECT count(*) FROM intents") == [(0,)]
    assert bench.run(Do("a", "insert", 1), key=key("k1")).status == 201  # nothing was done: the key is still free


def test_the_documents_of_others_survive_a_failure_in_their_batch(bench: Bench) -> None:
    bench.run(Do("a", "write_sheet", 0))
    commands = (Do("a", "write_sheet", 1), Do("b", "write_sheet_and_break", 1), Do("a", "write_sheet", 2))
    assert bench.run(*commands) == 3
    assert bench.run(Do("a", "write_sheet", 3)) == 4
    assert bench.rows("SELECT id, version, body FROM documents") == [("a", 4, '{"words":["0","1","2","3"]}')]


def test_who_may_not_send_a_command_is_refused_at_once(bench: Bench) -> None:
    with pytest.raises(Forbidden):
        bench.notebook.submit(Do("a", "insert", 1), Caller("sto_one"))
    assert not bench.notebook.has_work() or bench.drain(bench.notebook) == 0
    assert bench.pages() == {}


def test_a_full_queue_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mercato.runtime.batches.executor.QUEUE", 2)
    futures = [bench.notebook.submit(Do(name, "insert", 1), buyer()) for name in "ab"]
    with pytest.raises(Overloaded):
        bench.notebook.submit(Do("c", "insert", 1), buyer())
    bench.drain(bench.notebook)
    assert [outcome(future) for future in futures] == [1, 1]
    assert bench.pages() == {"a": 1, "b": 1}


# Keys.


def test_the_same_key_and_body_get_the_same_bytes(bench: Bench) -> None:
    bench.run(Do("a", "insert", 5))
    first = bench.run(Do("a", "take", 2), key=key("k1"))
    assert (first.status, first.body) == (201, b"3")
    assert bench.run(Do("a", "take", 2), key=key("k1")) == first
    assert bench.pages() == {"a": 3}


def test_a_repetition_in_the_same_batch_gets_the_same_bytes(bench: Bench) -> None:
    bench.run(Do("a", "insert", 5))
    futures = [bench.notebook.submit(Do("a", "take", 2), buyer(), key("k1")) for _ in range(3)]
    assert bench.drain(bench.notebook) == 1
    assert {outcome(future).body for future in futures} == {b"3"}
    assert bench.pages() == {"a": 3}


def test_a_key_with_another_body_is_refused_and_changes_nothing(bench: Bench) -> None:
    bench.run(Do("a", "insert", 5))
    first = bench.run(Do("a", "take", 2), key=key("k1"))
    before = stored(bench)
    assert isinstance(bench.run(Do("a", "take", 1), key=key("k1", body="another")), KeyReused)
    assert (bench.pages(), stored(bench)) == ({"a": 3}, before)
    assert bench.run(Do("a", "take", 2), key=key("k1")) == first


def test_a_key_belongs_to_its_caller_and_store(bench: Bench) -> None:
    bench.run(Do("a", "insert", 5))
    bench.run(Do("a", "insert", 5), caller=buyer(store=OTHER))
    assert bench.run(Do("a", "take", 2), key=key("k1")).body == b"3"
    assert bench.run(Do("a", "take", 2), caller=buyer("usr_bob"), key=key("k1", scope="bob POST /do")).body == b"1"
    assert bench.run(Do("a", "take", 4), caller=buyer(store=OTHER), key=key("k1")).body == b"1"
    assert len(stored(bench)) == 3


def test_an_answer_that_is_decided_later_completes_the_key_once(bench: Bench) -> None:
    begun = bench.run(Begin("a", "begun a"), key=key("k1"))
    assert (begun.status, begun.body, begun.subject) == (201, None, "begun a")
    replayed = bench.run(Begin("a", "begun other"), key=key("k1"))
    assert (replayed.body, replayed.subject) == (None, "begun a")
    waiting = bench.waiters.register("sto_one", "begun a", 5.0)
    bench.run(Do("a", "answer", 7))
    assert outcome(waiting) == Answer(201, b"7", "begun a")
    bench.run(Do("a", "answer", 8))
    assert bench.run(Begin("a", "begun third"), key=key("k1")) == Answer(201, b"7", "begun a")
    assert bench.pages() == {"begun a": 0}


def test_nobody_is_told_an_answer_to_what_was_answered_before(bench: Bench) -> None:
    """Who waits has missed the first one: seed 331 was told another answer than the one that is stored."""
    bench.run(Begin("a", "begun a"), key=key("k1"))
    bench.run(Do("a", "answer", 7))
    waiting = bench.waiters.register("sto_one", "begun a", 5.0)
    bench.run(Do("a", "answer", 8))
    assert (waiting.done(), waiting.result()) == (True, None)  # it looks again, and finds the first
    assert bench.run(Begin("a", "begun other"), key=key("k1")) == Answer(201, b"7", "begun a")


# Stores.


def test_a_handler_reaches_the_rows_of_its_callers_store_alone(bench: Bench) -> None:
    bench.run(Do("a", "insert", 5))
    other = buyer(store=OTHER)
    assert isinstance(bench.run(Do("a", "look", 1), caller=other), Unwanted)
    assert isinstance(bench.run(Do("a", "take", 1), caller=other), TooLittle)
    assert bench.run(Do("x", "sum", 1), caller=other) == 0
    bench.run(Do("a", "save_later", 1), Do("a", "set_later", 2), Do("a", "write_sheet", 3), caller=other)
    assert bench.rows("SELECT store, amount FROM pages ORDER BY store") == [("sto_one", 5), ("sto_two", 2)]
    assert bench.rows("SELECT store FROM documents") == [("sto_two",)]


# Commits that fail.


class FailingFiles:
    """Opens databases whose COMMIT raises while `fails` names their service."""

    def __init__(self, folder: Path) -> None:
        self.fails = ""
        self._folder = folder

    def __call__(self, service: str) -> SqliteDatabase:
        database = SqliteDatabase(self._folder / f"{service}.db")
        execute = database.writer.execute

        def failing(sql: str, parameters: Any = (), /) -> int:
            if sql == "COMMIT" and service == self.fails:
                error = apsw.IOError("disk I/O error")
                raise database.writer.translated(error) from error
            return execute(sql, parameters)

        database.writer.execute = failing  # type: ignore[method-assign]
        return database


def test_a_commit_that_fails_is_told_to_its_callers_and_leaves_nothing(tmp_path: Path) -> None:
    files = FailingFiles(tmp_path)
    bench = Bench(tmp_path, open_database=files)
    bench.run(Do("a", "insert", 5), Do("a", "write_sheet", 1))
    bench.tell(("b", "save_later", 3))
    files.fails = "notebook"
    refused = bench.run(Do("a", "take", 2), Do("a", "write_sheet", 2), key=key("k1"))
    assert isinstance(refused, Unavailable)
    assert (bench.pages(), bench.position(), stored(bench)) == ({"a": 5}, 0, [])
    assert not bench.notebook.has_work()  # it rests for a moment
    bench.tell(("c", "save_later", 4))
    files.fails = ""
    bench.notebook._resume()
    assert bench.run(Do("a", "write_sheet", 3)) == 2
    assert (bench.pages(), bench.position()) == ({"a": 5, "b": 3, "c": 4}, 2)
    assert bench.rows("SELECT number, aggregate FROM outbox ORDER BY number") == [(1, "a"), (2, "b"), (3, "c")]
    bench.close()


def test_a_connection_that_fails_within_a_batch_is_told_to_its_callers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run(Do("a", "insert", 5))

    def broken(*_: Any) -> None:
        raise DatabaseFault("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("tests.runtime.notebook.act", broken)
        assert isinstance(bench.run(Do("a", "take", 1)), Unavailable)
    bench.notebook._resume()
    assert bench.run(Do("a", "take", 1)) == 4
    assert redone(bench) == 0


# Positions.


def test_who_lost_its_position_undoes_its_effects_and_reads_the_log_again(bench: Bench) -> None:
    bench.tell(("a", "raise_later", 1), ("b", "raise_later", 1))
    bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({"a": 1, "b": 1}, 2)
    bench.tell(("a", "raise_later", 1), ("b", "raise_later", 1))
    tx = bench.notebook._transaction()
    # Another process of the same service does the third event meanwhile.
    assert tx.run(MOVE_POSITION, in_source="wishes", done=2, number=3) == 1
    command = bench.notebook.submit(Do("c", "insert", 1), buyer())
    bench.drain(bench.notebook)
    assert isinstance(outcome(command), Refusal)
    assert "Fenced" in bench.log.getvalue()
    assert (bench.pages(), bench.position()) == ({"a": 1, "b": 1}, 3)
    bench.notebook._resume()
    bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({"a": 1, "b": 2}, 4)


def test_a_command_whose_caller_is_gone_is_not_begun(bench: Bench) -> None:
    gone = bench.notebook.submit(Do("a", "insert", 1), buyer(), key("k1"))
    kept = bench.notebook.submit(Do("b", "insert", 2), buyer())
    gone.cancel()
    bench.drain(bench.notebook)
    assert outcome(kept) == 2
    assert bench.pages() == {"b": 2}
    assert stored(bench) == []
    last = bench.notebook.submit(Do("c", "insert", 3), buyer())
    last.cancel()
    bench.drain(bench.notebook)
    assert bench.pages() == {"b": 2}
    assert bench.notebook.idle


def test_a_command_that_has_begun_is_done_though_its_caller_is_gone(bench: Bench) -> None:
    future = bench.notebook.submit(Do("a", "insert", 1), buyer(), key("k1"))
    batch = bench.notebook.take()
    assert batch is not None
    future.cancel()
    bench.notebook.apply(batch)
    bench.notebook.commit(batch)
    bench.notebook.settle(batch)
    assert bench.pages() == {"a": 1}
    assert isinstance(bench.run(Do("a", "insert", 1), key=key("k1")), Answer)
    assert bench.pages() == {"a": 1}


@pytest.mark.parametrize("count", [1, 3, 4, 5, 21, 100])
def test_however_many_rows_wait_each_is_written_once(bench: Bench, count: int) -> None:
    futures = [bench.notebook.submit(Do(f"name {number}", "put_stamp", number), buyer()) for number in range(count)]
    bench.drain(bench.notebook)
    assert all(future.done() for future in futures)
    assert bench.rows("SELECT name, amount FROM stamps ORDER BY amount") == [(f"name {n}", n) for n in range(count)]
