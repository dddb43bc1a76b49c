"""Bulkheads: a crowd that wants one thing waits in a line of its own, and others go on as if it were not there.

Whoever is let in may take many turns of the loop; whoever waits takes none. So a crowd costs the others no more than
`room` members of it do.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Protocol

from mercato.values.messages import Overloaded

ROOM = 32
LONGEST = 20_000  # who may wait in one line; more are told to come back later
PATIENCE = 20.0  # seconds in a line after which nobody is let in: the caller is told to come back later


class Load(Protocol):
    """What counts the requests that are being served."""

    serving: int


class Bulkheads:
    """At most `room` at a time for each key; the others wait, first come, first served.

    Who waits is not being served, and does not count in `load`.
    """

    def __init__(self, loop: Any, load: Load, room: int = ROOM) -> None:
        self._loop = loop
        self._load = load
        self._room = room
        self._lines: dict[str, _Line] = {}

    def room(self, keys: Iterable[str]) -> "_Room":
        """A place for each key, for `async with`. Raises Overloaded where the line or the wait is too long."""
        return _Room(self, sorted(keys))

    def is_crowded(self, keys: Iterable[str]) -> bool:
        """Whether somebody else wants one of these at this moment."""
        return not self._lines.keys().isdisjoint(keys)

    async def enter(self, key: str) -> None:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line()
        if line.inside < self._room:
            line.inside += 1
            return
        if len(line.waiting) >= LONGEST:
            raise Overloaded
        since = self._loop.time()
        turn = self._loop.create_future()
        line.waiting.append(turn)
        self._load.serving -= 1
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.leave(key)
            raise
        finally:
            self._load.serving += 1
        if self._loop.time() > since + PATIENCE:
            self.leave(key)
            raise Overloaded

    def leave(self, key: str) -> None:
        """Hand the place to the first who still waits."""
        line = self._lines[key]
        while line.waiting:
            turn = line.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        line.inside -= 1
        if not line.inside:
            del self._lines[key]


class _Line:
    __slots__ = ("inside", "waiting")

    def __init__(self) -> None:
        self.inside = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class _Room:
    """Places are taken in the order of the keys, so that two who want the same keys never wait for each other."""

    def __init__(self, bulkheads: Bulkheads, keys: list[str]) -> None:
        self._bulkheads = bulkheads
        self._keys = keys
        self._entered: list[str] = []

    async def __aenter__(self) -> None:
        try:
            for key in self._keys:
                await self._bulkheads.enter(key)
                self._entered.append(key)
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        for key in self._entered:
            self._bulkheads.leave(key)
