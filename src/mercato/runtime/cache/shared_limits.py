"""Rate limits that processes share, without asking anybody for each request.

A limiter lets requests in by itself. What it has let in is told to the cache 50 ms later, together with everything
else; the cache adds up what all processes tell, and its answer, how many are left, lowers the buckets here.

How much may slip through: what the processes let in before they have heard of each other. For each process that is at
most what it believed to be left, so a caller who comes to N processes at one moment gets N bursts instead of one; one
who goes on for longer gets more by what they let in within 50 ms and a round trip. What was too much is owed: all of
them refuse until it is given back, so in the long run the rate is that of one process, exactly (up to 16 bursts may be
owed). When the cache is flushed, this begins anew; while it is out of reach, each process counts for itself.

Attempts to log in guard passwords, and are few: the cache is asked about each. N processes allow no more of them than
one does, as long as the cache is in reach.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from mercato.runtime.access.limits import Limit, Limiter
from mercato.runtime.cache.around import Around
from mercato.runtime.cache.engine import Cache
from mercato.runtime.cache.hashing import KeyHash

EVERY = 0.05  # seconds
TOLD: tuple[Limit, ...] = ("read", "write")


class SharedLimits:
    """Tells the cache what `limiter` lets in, and the limiter what the cache has added up."""

    def __init__(self, limiter: Limiter, cache: Cache, around: Around) -> None:
        self._limiter = limiter
        self._cache = cache
        self._loop = around.loop
        self._hash = KeyHash(around.keyring, "limit")
        self._is_due = False
        self._telling: Any = None
        limiter.collect(TOLD, self._be_due)

    async def ask(self, limit: Limit, key: str) -> int:
        """After how many seconds a request is welcome that this process has just let in; 0: now."""
        rule = self._limiter.rule(limit)
        if rule is None:
            return 0
        before = await self._cache.ask(rule, f"{limit}:{self._hash(key)}")
        if before is None:
            return 0
        if before >= 1:
            self._limiter.lower(limit, key, before - 1)
            return 0
        self._limiter.lower(limit, key, before)
        return 1 + int((1 - before) / rule.per_second)

    async def tell(self) -> None:
        """Tell what was let in since the last time, and hear what is left."""
        collected = tuple(self._limiter.collected())
        if self._cache.up:
            takes = [self._take(limit, taken) for limit, taken in collected]
            for (limit, taken), left in zip(collected, await asyncio.gather(*takes), strict=True):
                for key, tokens in zip(taken, left or (), strict=left is not None):
                    self._limiter.lower(limit, key, tokens)

    def _take(self, limit: Limit, taken: Mapping[str, int]) -> Awaitable[tuple[float, ...] | None]:
        rule = self._limiter.rule(limit)
        assert rule is not None, "what is switched off takes nothing"
        return self._cache.take(rule, {f"{limit}:{self._hash(key)}": taken[key] for key in taken})

    def _be_due(self) -> None:
        """Something was let in."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_later(EVERY, self._begin)

    def _begin(self) -> None:
        self._is_due = False
        self._telling = self._loop.create_task(self.tell())
