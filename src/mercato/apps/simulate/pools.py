"""Pools without threads: commits of a round and slow functions run in the loop, after drawn delays."""

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

from mercato.apps.simulate.loop import SimulatedLoop
from mercato.apps.simulate.weather import Weather
from mercato.runtime.parts import Done, Thunk

Result = TypeVar("Result")

SLOW_COMMIT = 0.2  # seconds
WORK = 0.004  # seconds on average for a slow function


class Killed(BaseException):
    """The process ends here: nothing after this point happened."""


class SimulatedCommits:
    """Each commit of a round takes a drawn time, so that a kill leaves any of them undone.

    `on_kill` is called where a commit raised Killed; nobody is told of that one any more.
    """

    def __init__(
        self, loop: SimulatedLoop, weather: Weather, randomness: random.Random, on_kill: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._weather = weather
        self._random = randomness
        self._on_kill = on_kill

    def run(self, thunk: Thunk, done: Done) -> None:
        self._loop.call_later(self._delay(), self._commit, thunk, done)

    def _commit(self, thunk: Thunk, done: Done) -> None:
        outcome: BaseException | None = None
        try:
            thunk()
        except Killed:
            self._on_kill()
            return
        except BaseException as error:
            outcome = error
        self._loop.call_soon(done, outcome)

    def close(self) -> None:
        """Nothing is held."""

    def _delay(self) -> float:
        if self._random.random() < self._weather.slow_commit:
            return self._random.uniform(0.0, SLOW_COMMIT)
        return self._random.expovariate(1 / self._weather.commit)


class SimulatedWork:
    """Slow functions, each after a drawn delay."""

    def __init__(self, randomness: random.Random) -> None:
        self._random = randomness

    async def run(self, function: Callable[[], Result]) -> Result:
        await asyncio.sleep(self._random.expovariate(1 / WORK))
        return function()

    def close(self) -> None:
        """Nothing is held."""
