"""A breaker for each outside party: after failures in a row it stays open for a growing pause, then tries one call."""

from mercato.values.clock import Clock

FAILURES = 5
PAUSES = (1_000, 5_000, 15_000, 60_000)  # ms
TRIAL = 5_000  # ms for which the others wait while one call sees how the peer is


class Breaker:
    """Closed: calls go out. Open: they wait. After the pause one call is let through to see; the others wait for what
    it sees, not for a whole pause more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._opened = 0
        self._open_until = 0

    def lets_through(self) -> bool:
        if self._failures < FAILURES:
            return True
        now = self._clock.now()
        if now < self._open_until <= now + PAUSES[-1]:  # farther ahead: the clock has been set back since (F16)
            return False
        self._open_until = now + min(TRIAL, self._pause())
        return True

    @property
    def open_until(self) -> int:
        """Milliseconds since the epoch; in the past when the breaker is closed."""
        return self._open_until

    def succeeded(self) -> None:
        self._failures = self._opened = self._open_until = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._open_until = self._clock.now() + self._pause()
            self._opened += 1

    def _pause(self) -> int:
        return PAUSES[min(self._opened, len(PAUSES) - 1)]
