"""A listener that fails: its event is parked, what belongs to it queues behind, everything else goes on."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.runtime.bus.parked import PAUSES, unpack
from tests.runtime import notebook
from tests.runtime.bench import Bench, outcome
from tests.runtime.wishes import Wished


class Mood:
    """Makes the listener fail for the kinds named in `fails`."""

    def __init__(self) -> None:
        self.fails = {"raise_later"}

    def listen(self, tx: Any, event: Wished, _caller: Any) -> None:
        notebook.act(tx, event.name, event.kind, event.change)
        if event.kind in self.fails:
            raise RuntimeError("the listener is out of order")


@pytest.fixture
def mood(monkeypatch: pytest.MonkeyPatch) -> Mood:
    made = Mood()
    monkeypatch.setattr(notebook, "when_wished_do_it", made.listen)
    return made


@pytest.fixture
def bench(mood: Mood, tmp_path: Path) -> Any:
    made = Bench(tmp_path)
    yield made
    made.close()


def retry(bench: Bench) -> None:
    bench.notebook.nudge()
    bench.drain(bench.notebook)


def parked(bench: Bench) -> list[tuple[int, int, int | None]]:
    """Number, attempts and milliseconds until the next try of what is parked."""
    rows = bench.rows("SELECT number, attempts, due_at FROM parked ORDER BY number")
    return [(number, attempts, None if due is None else due - bench.clock.now()) for number, attempts, due in rows]


def test_a_failing_event_is_parked_with_its_bytes_and_others_go_on(bench: Bench) -> None:
    bench.tell(("a", "raise_later", 1), ("b", "save_later", 2), ("a", "save_later", 3), ("b", "set_later", 4))
    bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({"b": 4}, 4)
    assert parked(bench) == [(1, 1, 1_000), (3, 0, 1_000)]
    log = bench.wishes.database.reader().fetch("SELECT body FROM outbox ORDER BY number", (), 9)
    rows = bench.notebook.list_parked()
    assert [unpack(row).body for row in rows] == [log[0][0], log[2][0]]
    assert msgspec.json.decode(unpack(rows[0]).body) == {"name": "a", "kind": "raise_later", "change": 1}
    assert [row.error for row in rows] == [
        "RuntimeError: the listener is out of order",
        "waits behind an earlier event of the same aggregate",
    ]


def test_what_comes_later_for_the_same_aggregate_queues_behind(bench: Bench, mood: Mood) -> None:
    bench.tell(("a", "raise_later", 1))
    bench.drain(bench.notebook)
    bench.tell(("a", "save_later", 3))
    bench.drain(bench.notebook)
    assert (bench.pages(), parked(bench)) == ({}, [(1, 1, 1_000), (2, 0, 1_000)])
    mood.fails.clear()
    bench.clock.advance(1_000)
    retry(bench)
    assert (bench.pages(), parked(bench)) == ({"a": 1}, [(2, 0, 0)])  # the first one first
    retry(bench)
    assert (bench.pages(), parked(bench)) == ({"a": 3}, [])
    bench.tell(("a", "save_later", 5))
    bench.drain(bench.notebook)
    assert (bench.pages(), bench.position()) == ({"a": 5}, 3)


def test_tries_follow_after_growing_pauses_until_somebody_must_look(bench: Bench) -> None:
    bench.tell(("a", "raise_later", 1), ("a", "save_later", 2))
    bench.drain(bench.notebook)
    for attempts, pause in enumerate(PAUSES, 1):
        assert parked(bench)[0] == (1, attempts, pause)
        bench.clock.advance(pause - 1)
        retry(bench)
        assert parked(bench)[0] == (1, attempts, 1)  # not before its time
        bench.clock.advance(1)
        retry(bench)
    assert parked(bench)[0] == (1, 6, None)
    bench.clock.advance(10**9)
    retry(bench)
    assert (bench.pages(), parked(bench)[0]) == ({}, (1, 6, None))


def test_a_replay_tries_again_at_once_and_deletes_the_row_with_its_effect(bench: Bench, mood: Mood) -> None:
    bench.tell(("a", "raise_later", 1), ("a", "save_later", 2))
    bench.drain(bench.notebook)
    for pause in PAUSES:
        bench.clock.advance(pause)
        retry(bench)
    mood.fails.clear()
    (first, _) = bench.notebook.list_parked()
    future = bench.notebook.replay(first)
    bench.drain(bench.notebook)
    assert outcome(future) is None
    for _ in range(2):
        retry(bench)
    assert (bench.pages(), parked(bench)) == ({"a": 2}, [])


def test_what_is_parked_is_known_again_after_a_restart(bench: Bench, mood: Mood, tmp_path: Path) -> None:
    bench.tell(("a", "raise_later", 1))
    bench.drain(bench.notebook)
    second = Bench(tmp_path, clock=bench.clock)
    second.tell(("a", "save_later", 3), ("b", "save_later", 4))
    second.drain(second.notebook)
    assert (second.pages(), parked(second)) == ({"b": 4}, [(1, 1, 1_000), (2, 0, 1_000)])
    mood.fails.clear()
    second.clock.advance(1_000)
    retry(second)
    retry(second)
    assert (second.pages(), parked(second)) == ({"a": 3, "b": 4}, [])
    second.close()


def test_an_event_that_cannot_be_read_is_parked(bench: Bench) -> None:
    bench.tell(("a", "save_later", 1), ("b", "save_later", 2))
    bench.wishes.database.writer.execute("UPDATE outbox SET body = ? WHERE number = 1", (b'{"name":7}',))
    bench.notebook.feeds["wishes"].restart(0)
    bench.drain(bench.notebook)
    assert (bench.pages(), parked(bench)) == ({"b": 2}, [(1, 1, 1_000)])
    assert [unpack(row).body for row in bench.notebook.list_parked()] == [b'{"name":7}']
