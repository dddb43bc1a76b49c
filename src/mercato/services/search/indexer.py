"""The index of this process: what serves searches, and the task that follows the entries into it.

The rows of search are the truth; an index is a copy that any process can make by itself. It remembers the number of the
change up to which it has everything, so after a crash it goes on from there. A new one is made beside the one that
serves, and takes its place when it has everything.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from mercato.runtime.parts import Parts
from mercato.runtime.service import Door
from mercato.services.search.finding.finder import Finder
from mercato.services.search.finding.index import Index
from mercato.services.search.messages import LAST_ID, NEWS, Changes, CountNoResults, ListChanges
from mercato.values.messages import Caller, Unavailable

GATHER = 0.1  # seconds for which changes gather before they are written
PACE = 0.4  # seconds between writes while the shop is busy
REST = 4.0  # times as long as a chunk took is rested after it then: an import must not wait for its own index
LOOK = 5.0  # seconds after which is looked for changes that nobody told of
AGAIN = 1.0  # seconds until an index that could not be opened or written is tried again
CHUNK = 400  # entries
MOST_MISSES = 500  # searches without results that wait to be counted
LONGEST_MISS = 100  # characters

_CAUSE = "follow entries"
_FOLLOWER = Caller.system("", _CAUSE)


class Shelf(Protocol):
    """Where the index of this process is kept. Everything here may take long."""

    def open(self) -> Index:
        """The index that serves, an empty one at first. Raises Unavailable."""

    def rebuilds(self, serving: Index) -> int:
        """How many new indexes had been asked for when this one was begun."""

    def begin(self, serving: Index, rebuilds: int) -> Index:
        """An empty index beside the one that serves, now that so many have been asked for."""

    def finish(self, serving: Index, rebuilt: Index, rebuilds: int) -> Index:
        """Have the new index serve from now on; the one to search in then. The old one is gone."""


class Serving:
    """What searches of this process are answered from. Thread-safe. `generation` counts what may change an answer."""

    def __init__(self) -> None:
        self.generation = 0
        self._finder: Finder | None = None
        self._misses: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def finder(self) -> Finder:
        """Raises Unavailable where there is no index now."""
        if self._finder is None:
            raise Unavailable("search has no index at this moment")
        return self._finder

    def serve(self, index: Index | None) -> None:
        self._finder = None if index is None else Finder(index)
        self.generation += 1

    def changed(self) -> None:
        self.generation += 1

    def miss(self, store: str, typed: str) -> None:
        """Note a search that found nothing, as far as there is room."""
        plain = " ".join("".join(sign if sign.isprintable() else " " for sign in typed).lower().split())[:LONGEST_MISS]
        key = (store, plain.rstrip())
        with self._lock:
            if plain and (key in self._misses or len(self._misses) < MOST_MISSES):
                self._misses[key] = self._misses.get(key, 0) + 1

    def take_misses(self) -> dict[str, dict[str, int]]:
        """What was noted since, by store."""
        with self._lock:
            noted, self._misses = self._misses, {}
        by_store: dict[str, dict[str, int]] = {}
        for (store, typed), count in noted.items():
            by_store.setdefault(store, {})[typed] = count
        return by_store


class Indexer:
    """Follows the entries into the index. The log says once why there is none, until there is."""

    def __init__(self, shelf: Shelf, serving: Serving, parts: Parts) -> None:
        self._shelf = shelf
        self._serving = serving
        self._pool = parts.pools.slow
        self._loop = parts.loop
        self._log = parts.telemetry.log
        self._behind = parts.telemetry.lag.labels("search index", "search")
        self._is_away = False
        self._news = asyncio.Event()
        self._index: Index | None = None

    def hear(self, subject: str) -> None:
        """Something is new about a subject of this service."""
        if subject == NEWS:
            self._news.set()

    async def run(self, calls: Door, is_calm: Callable[[], bool]) -> None:
        while True:
            try:
                await self._follow(calls, is_calm)
            except Unavailable as reason:
                if not self._is_away:
                    self._log.error("search_index_unavailable", error=str(reason))
                self._is_away = True
                await self._pause(AGAIN)

    def close(self) -> None:
        index, self._index = self._index, None
        self._serving.serve(None)
        if index is not None:
            with suppress(Unavailable):
                index.close()

    async def _follow(self, calls: Door, is_calm: Callable[[], bool]) -> None:
        copy, rebuilt = _Copy(await self._open()), None
        rebuilds = await self._pool.run(partial(self._shelf.rebuilds, copy.index))
        while True:
            self._news.clear()
            begun = self._loop.time()
            changes = await self._advance(copy, calls)
            self._behind.set(max(0, changes.latest - changes.mark))
            wanted = changes.rebuilds > rebuilds or copy.index.mark > changes.latest
            if wanted and rebuilt is None:
                rebuilt = _Copy(await self._pool.run(partial(self._shelf.begin, copy.index, changes.rebuilds)))
            behind = copy.behind
            if rebuilt is not None and not behind:
                changes = await self._advance(rebuilt, calls)
                behind = True
                if not rebuilt.behind:
                    copy, rebuilt, rebuilds = await self._take(copy, rebuilt, changes.rebuilds), None, changes.rebuilds
            await self._count_misses(calls)
            if not behind:
                await self._until_news(is_calm)
            elif not is_calm():
                await self._pause(max(PACE, REST * (self._loop.time() - begun)))

    async def _open(self) -> Index:
        """The index, opened anew: one that could not be read or written may be damaged."""
        self.close()
        index = await self._pool.run(self._shelf.open)
        self._is_away = False
        self._index = index
        self._serving.serve(index)
        return index

    async def _advance(self, copy: "_Copy", calls: Door) -> Changes:
        """Write the next chunk of changes into an index."""
        changes = await calls.ask(ListChanges(copy.changed, copy.last_id, CHUNK), _FOLLOWER)
        if changes.entries or copy.within:
            await self._pool.run(lambda: copy.index.write(changes.entries, changes.mark))
            if copy.index is self._index:
                self._serving.changed()
        copy.changed, copy.last_id = changes.changed, changes.last_id
        copy.behind = copy.within = len(changes.entries) == CHUNK
        return changes

    async def _take(self, copy: "_Copy", rebuilt: "_Copy", rebuilds: int) -> "_Copy":
        """The copy that follows with the new index instead of the old one."""
        index = await self._pool.run(lambda: self._shelf.finish(copy.index, rebuilt.index, rebuilds))
        self._index = rebuilt.index = index
        self._serving.serve(index)
        return rebuilt

    async def _count_misses(self, calls: Door) -> None:
        for store, counts in self._serving.take_misses().items():
            await calls.do(CountNoResults(counts), Caller.system(store, _CAUSE))

    async def _until_news(self, is_calm: Callable[[], bool]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await self._news.wait()
        await self._pause(GATHER if is_calm() else PACE)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()


class _Copy:
    """An index, and after which entry it goes on. `within`: that may be one of several of the same change, so that the
    index does not count the change as done yet."""

    __slots__ = ("behind", "changed", "index", "last_id", "within")

    def __init__(self, index: Index) -> None:
        self.index = index
        self.changed = index.mark
        self.last_id = LAST_ID
        self.behind = True
        self.within = False
