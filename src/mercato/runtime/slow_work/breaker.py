"""A breaker for each outside party: after failures in a row it stays open for a growing pause, then tries one call.

Calls that were out already when it opened tell nothing new: their failures do not make the pause longer.
"""

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
        self._is_trying = False

    def lets_through(self) -> bool:
        if self._failures < FAILURES:
            return True
        if self.pause:
            return False
        self._is_trying = True
        self._open_until = self._clock.now() + min(TRIAL, self._longer())
        return True

    @property
    def pause(self) -> int:
        """Milliseconds until a call may go out; 0: it may."""
        left = self._open_until - self._clock.now()
        return left if 0 < left <= PAUSES[-1] else 0  # longer: the clock has been set back since (F16)

    @property
    def open_until(self) -> int:
        """Milliseconds since the epoch; in the past when the breaker is closed."""
        return self._open_until

    def succeeded(self) -> None:
        self._failures = self._opened = self._open_until = 0
        self._is_trying = False

    def failed(self) -> None:
        self._failures += 1
        if self._failures == FAILURES or self._is_trying:
            self._is_trying = False
            self._open_until = self._clock.now() + self._longer()
            self._opened += 1

    def _longer(self) -> int:
        return PAUSES[min(self._opened, len(PAUSES) - 1)]
