"""Admission: how many requests are served at a time, and who is let in when more come.

A purchase is several requests, and one that is turned away at its last step has cost all those before it. So a busy
shop turns away those who have not begun, at once and cheaply, and serves the others to the end.
"""

from mercato.values.clock import Clock

BUSY = 256  # requests being served, from which on only those are let in who were served lately
FULL = 2_048  # from which on nobody is
STAY = 10.0  # seconds for which somebody counts as served lately, at least
MEMORY = 100_000  # callers, of whom those come first that were served latest


class Admission:
    """`serving` is how many requests are being served; one that only waits in a line does not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.serving = 0
        self._lately: set[bytes] = set()
        self._before: set[bytes] = set()
        self._since = clock.elapsed()

    def admits(self, who: bytes) -> bool:
        """Whether a request of this caller may be served now."""
        serving = self.serving
        if serving >= BUSY and (serving >= FULL or not (who in self._lately or who in self._before)):
            return False
        self._lately.add(who)
        if self._clock.elapsed() > self._since + STAY or len(self._lately) > MEMORY:
            self._before, self._lately = self._lately, set()
            self._since = self._clock.elapsed()
        return True
