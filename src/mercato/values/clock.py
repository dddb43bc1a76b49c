"""Time: milliseconds since the epoch, UTC, from a clock that is handed in."""

import time
from typing import Protocol

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """Tells the time. `now` may be set back by an operator; `elapsed` only rises."""

    def now(self) -> int:
        """Milliseconds since the epoch, UTC."""

    def elapsed(self) -> float:
        """Seconds since some fixed moment, for measuring how long something took."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    elapsed = staticmethod(time.perf_counter)


class ManualClock:
    """A clock that stands still until it is told to go on: for tests and simulation."""

    def __init__(self, now: int = 1_750_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def elapsed(self) -> float:
        return self._now / SECOND

    def advance(self, milliseconds: int) -> None:
        self._now += milliseconds
