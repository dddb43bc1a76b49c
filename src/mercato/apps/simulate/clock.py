"""The wall clock of a simulation: it goes with the loop's time, and can be set forward or back (F16)."""

import random

from mercato.apps.simulate.loop import SimulatedLoop

BEGINNING = 1_750_000_000_000  # ms since the epoch
LONG = 0.006  # seconds: more than a batch may take


class SimulatedClock:
    """`slow` is the share of measurements in which the process seems to have stood still for a moment."""

    def __init__(self, loop: SimulatedLoop, randomness: random.Random, slow: float) -> None:
        self._loop = loop
        self._random = randomness
        self._slow = slow
        self._offset = self._latest = BEGINNING
        self._stood_still = 0.0

    def now(self) -> int:
        return self._offset + int(self._loop.time() * 1_000)

    def elapsed(self) -> float:
        if self._slow and self._random.random() < self._slow:
            self._stood_still += LONG
        return self._loop.time() + self._stood_still

    def jump(self, milliseconds: int) -> None:
        """Somebody sets the clock."""
        self._latest = max(self._latest, self.now())
        self._offset += milliseconds

    def pass_latest(self, milliseconds: int) -> None:
        """So much time goes by, counted from the latest time that the clock has ever shown."""
        self.jump(max(0, self._latest - self.now()) + milliseconds)
