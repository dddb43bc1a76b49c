"""Events reach a consumer in order, each once: from memory while it is caught up, from the log when it is behind."""

from pathlib import Path

import pytest

from mercato.runtime.bus import feed as feed_module
from mercato.runtime.bus.outbox import Log
from mercato.values.messages import Envelope
from tests.runtime.bench import Bench, buyer
from tests.runtime.wishes import Tell, Wish, Wished


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The positions after which the log was read."""
    seen: list[int] = []
    read = Log.read

    def noting(log: Log, after: int, limit: int) -> list[Envelope]:
        seen.append(after)
        return read(log, after, limit)

    monkeypatch.setattr(Log, "read", noting)
    return seen


def test_a_consumer_that_is_caught_up_gets_events_in_memory(bench: Bench, reads: list[int]) -> None:
    bench.drain(bench.notebook)
    assert reads == [0]  # the first look tells it that it is caught up
    bench.tell(("a", "raise_later", 1), ("a", "raise_later", 2))
    bench.tell(("a", "raise_later", 4))
    bench.drain(bench.notebook)
    assert reads == [0]
    assert (bench.pages(), bench.position()) == ({"a": 7}, 3)


def test_a_consumer_that_is_behind_reads_the_log(
    bench: Bench, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "READ_AT_ONCE", 2)
    for _ in range(5):
        bench.tell(("a", "raise_later", 1))
    bench.drain(bench.notebook)
    assert reads == [0, 2, 4]
    assert (bench.pages(), bench.position()) == ({"a": 5}, 5)
    bench.tell(("a", "raise_later", 1))
    bench.drain(bench.notebook)
    assert reads == [0, 2, 4]
    assert bench.pages() == {"a": 6}


def test_a_consumer_goes_on_after_a_restart_where_it_stood(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.tell(("a", "raise_later", 1), ("b", "raise_later", 1))
    first.drain(first.notebook)
    first.tell(("a", "raise_later", 1))
    first.close()
    second = Bench(tmp_path)
    second.drain(second.notebook)
    assert (second.pages(), second.position()) == ({"a": 2, "b": 1}, 3)
    second.close()


def test_what_was_done_already_is_dropped(bench: Bench) -> None:
    bench.drain(bench.notebook)
    command = Tell((Wish("a", "raise_later", 1), Wish("b", "raise_later", 1)))
    bench.wishes.submit(command, buyer())
    batch = bench.wishes.take()
    assert batch is not None
    bench.wishes.apply(batch)
    bench.wishes.commit(batch)
    bench.wishes.settle(batch)
    assert batch.tx is not None
    bench.drain(bench.notebook)
    for _ in range(3):
        bench.notebook.offer("wishes", batch.tx.events)
        bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({"a": 1, "b": 1}, 2)
    bench.tell(("a", "raise_later", 1))
    bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({"a": 2, "b": 1}, 3)


def test_a_gap_moves_nothing_until_the_missing_events_are_read(bench: Bench) -> None:
    bench.drain(bench.notebook)
    bench.wishes.committed.clear()
    bench.tell(("a", "raise_later", 1))  # nobody hands this one over
    bench.wishes.committed.append(bench._hand_over)
    bench.tell(("a", "raise_later", 10))
    bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({"a": 11}, 2)


def test_events_that_nobody_wants_move_the_position_when_there_is_time(bench: Bench) -> None:
    bench.drain(bench.notebook)
    bench.tell(("a", "passed", 0), ("b", "passed", 0))
    assert not bench.notebook.has_work()
    assert bench.position() == 0
    bench.notebook.nudge()
    bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({}, 2)


def test_unknown_fields_of_an_event_are_passed_over_and_kept(bench: Bench) -> None:
    bench.tell(("a", "raise_later", 1))
    raw = b'{"name":"a","kind":"raise_later","change":1,"later":{"field":[1]}}'
    bench.wishes.database.writer.execute("UPDATE outbox SET body = ?", (raw,))
    bench.notebook.feeds["wishes"].restart(0)
    bench.drain(bench.notebook)
    assert bench.pages() == {"a": 1}
    assert Wished.__struct_fields__ == ("name", "kind", "change")
    assert bench.wishes.database.reader().fetch("SELECT body FROM outbox", (), 2) == [(raw,)]
