"""Rate limits: a token bucket for each key, in process. Those that processes share are cache/shared_limits.py."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, Protocol

import msgspec

from mercato.values.clock import Clock

Limit = Literal["none", "read", "write", "auth"]

SWEEP_AT = 50_000  # keys of a rule in memory before full buckets are forgotten


class Rule(msgspec.Struct, frozen=True):
    """`burst` requests at once, then `per_second` of them for as long as it goes on."""

    burst: int
    per_second: float


RULES: dict[Limit, Rule] = {
    "read": Rule(burst=2_000, per_second=200.0),
    "write": Rule(burst=200, per_second=20.0),
    "auth": Rule(burst=20, per_second=0.25),
}


class Sharing(Protocol):
    """Counts with other processes."""

    async def ask(self, limit: Limit, key: str) -> int:
        """After how many seconds a request is welcome that this process has just let in; 0: now."""


class _Buckets:
    """The buckets of one rule by key: how many requests are left in each, and when (ms) that was so.

    `taken` is what was let in since it was told to others; None where nobody is told.
    """

    __slots__ = ("burst", "left", "per_ms", "rule", "taken")

    def __init__(self, rule: Rule, scale: float) -> None:
        self.rule = Rule(int(rule.burst * scale), rule.per_second * scale)
        self.burst = float(self.rule.burst)
        self.per_ms = self.rule.per_second / 1_000
        self.left: dict[str, tuple[float, int]] = {}
        self.taken: dict[str, int] | None = None


class Limiter:
    """Counts requests. `scale` multiplies every rule; 0 switches the limits off. `sharing` is there where other
    processes count with this one."""

    def __init__(self, clock: Clock, scale: float = 1.0) -> None:
        self._clock = clock
        self._buckets = {name: _Buckets(rule, scale) for name, rule in RULES.items()} if scale else {}
        self._tell: Callable[[], None] = _tell_nobody
        self.sharing: Sharing | None = None

    def take(self, limit: Limit, key: str) -> int:
        """Take one request of `key` out of its bucket: 0, or after how many seconds the next one is welcome."""
        buckets = self._buckets.get(limit)
        if buckets is None:
            return 0
        now = self._clock.now()
        tokens, last = buckets.left.get(key, (buckets.burst, now))
        if now > last:
            tokens += (now - last) * buckets.per_ms
            tokens = min(tokens, buckets.burst)
        if tokens < 1:
            return 1 + int((1 - tokens) / buckets.per_ms / 1_000)
        if len(buckets.left) > SWEEP_AT:
            _sweep(buckets, now)
        buckets.left[key] = (tokens - 1, now)
        taken = buckets.taken
        if taken is not None:
            if not taken:
                self._tell()
            taken[key] = taken.get(key, 0) + 1
        return 0

    # For who shares the limits with other processes.

    def collect(self, limits: tuple[Limit, ...], tell: Callable[[], None]) -> None:
        """Collect what is taken of these limits from now on; `tell` is called when there is something."""
        self._tell = tell
        for limit in limits:
            if limit in self._buckets:
                self._buckets[limit].taken = {}

    def collected(self) -> Iterator[tuple[Limit, Mapping[str, int]]]:
        """What was taken since the last time."""
        for limit, buckets in self._buckets.items():
            if buckets.taken:
                taken, buckets.taken = buckets.taken, {}
                yield limit, taken

    def rule(self, limit: Limit) -> Rule | None:
        """The scaled rule of this limit; None where it is switched off."""
        buckets = self._buckets.get(limit)
        return None if buckets is None else buckets.rule

    def lower(self, limit: Limit, key: str, tokens: float) -> None:
        """All processes together have left this many: here there are no more, less what was taken meanwhile."""
        buckets = self._buckets[limit]
        left, last = buckets.left.get(key, (buckets.burst, self._clock.now()))
        if buckets.taken:
            tokens -= buckets.taken.get(key, 0)
        now = max(last, self._clock.now())
        left = min(left + (now - last) * buckets.per_ms, buckets.burst)
        if tokens < left:
            buckets.left[key] = (tokens, now)


def _tell_nobody() -> None: ...


def _sweep(buckets: _Buckets, now: int) -> None:
    for key, (tokens, last) in list(buckets.left.items()):
        if tokens + (now - last) * buckets.per_ms >= buckets.burst:
            del buckets.left[key]
