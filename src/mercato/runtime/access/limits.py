"""Rate limits: a token bucket for each key, in process. Shared by processes only where a cache is configured."""

from typing import Literal

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


class _Buckets:
    """The buckets of one rule by key: how many requests are left in each, and when (ms) that was so."""

    __slots__ = ("burst", "left", "per_ms")

    def __init__(self, rule: Rule, scale: float) -> None:
        self.burst = float(int(rule.burst * scale))
        self.per_ms = rule.per_second * scale / 1_000
        self.left: dict[str, tuple[float, int]] = {}


class Limiter:
    """Counts requests. `scale` multiplies every rule; 0 switches the limits off."""

    def __init__(self, clock: Clock, scale: float = 1.0) -> None:
        self._clock = clock
        self._buckets = {name: _Buckets(rule, scale) for name, rule in RULES.items()} if scale else {}

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
        return 0


def _sweep(buckets: _Buckets, now: int) -> None:
    for key, (tokens, last) in list(buckets.left.items()):
        if tokens + (now - last) * buckets.per_ms >= buckets.burst:
            del buckets.left[key]
