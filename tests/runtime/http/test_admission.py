"""Who is let in while more requests come than can be served."""

import pytest

from mercato.runtime.http import admission
from mercato.runtime.http.admission import BUSY, FULL, STAY, Admission
from mercato.values.clock import ManualClock


class Clock(ManualClock):
    """A clock whose seconds since some moment are set by hand, too."""

    seconds = 0.0

    def elapsed(self) -> float:
        return self.seconds


def test_everybody_is_let_in_while_there_is_room() -> None:
    door = Admission(Clock())
    door.serving = BUSY - 1
    assert all(door.admits(b"%d" % number) for number in range(10_000))


def test_a_busy_shop_lets_in_who_was_served_lately_and_a_full_one_nobody() -> None:
    door = Admission(Clock())
    assert door.admits(b"ann")
    door.serving = BUSY
    assert door.admits(b"ann")
    assert not door.admits(b"bob")
    assert not door.admits(b"bob")
    door.serving = FULL - 1
    assert door.admits(b"ann")
    door.serving = FULL
    assert not door.admits(b"ann")
    door.serving = 0
    assert door.admits(b"bob")


def test_who_stays_away_counts_as_new_again() -> None:
    clock = Clock()
    door = Admission(clock)
    assert door.admits(b"ann")
    clock.seconds = STAY + 0.1
    assert door.admits(b"bob")  # the first ten seconds end: who came in them is remembered for ten more
    door.serving = BUSY
    assert door.admits(b"bob")
    clock.seconds = 2 * STAY + 0.2
    assert door.admits(b"bob")
    assert door.admits(b"bob")
    assert not door.admits(b"ann")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MEMORY", 10)
    door = Admission(Clock())
    for number in range(1_000):
        door.admits(b"%d" % number)
    assert len(door._lately) + len(door._before) <= 22
    door.serving = BUSY
    assert door.admits(b"999")
    assert not door.admits(b"1")
