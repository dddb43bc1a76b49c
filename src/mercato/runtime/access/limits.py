"""Rate limits: a token bucket for each key, in process. Shared by processes only where a cache is configured."""

from typing import Literal

import msgspec

from mercato.values.clock import Clock

Limit = Literal["none", "read", "write", "auth"]

SWEEP_AT = 50_000  # keys in memory before full buckets are forgotten


class Rule(msgspec.Struct, frozen=True):
    """`burst` requests at once, then `per_second` of them for as long as it goes on."""

    burst: int
    per_second: float


RULES: dict[Limit, Rule] = {
    "read": Rule(burst=2_000, per_second=200.0),
    "write": Rule(burst=200, per_second=20.0),
    "auth": Rule(burst=20, per_second=0.25),
}


class Verdict(msgspec.Struct, frozen=True):
    """`retry_after` seconds, 0 where the request may go on; `remaining` more may follow at once."""

    retry_after: int
    remaining: int


class Limiter:
    """Counts requests. `scale` multiplies every rule; 0 switches the limits off."""

    def __init__(self, clock: Clock, scale: float = 1.0) -> None:
        self._clock = clock
        self._rules = {name: Rule(int(rule.burst * scale), rule.per_second * scale) for name, rule in RULES.items()}
        self._off = scale == 0
        self._buckets: dict[tuple[str, str], tuple[float, int]] = {}

    def take(self, limit: Limit, key: str) -> Verdict:
        """Take one request of `key` out of its bucket."""
        if self._off or limit == "none":
            return _FREE
        rule = self._rules[limit]
        now = self._clock.now()
        tokens, last = self._buckets.get((limit, key), (float(rule.burst), now))
        tokens = min(float(rule.burst), tokens + max(0, now - last) * rule.per_second / 1_000)
        if tokens < 1:
            return Verdict(1 + int((1 - tokens) / rule.per_second), 0)
        if len(self._buckets) > SWEEP_AT:
            self._sweep(now)
        self._buckets[limit, key] = (tokens - 1, now)
        return Verdict(0, int(tokens - 1))

    def _sweep(self, now: int) -> None:
        for (limit, key), (tokens, last) in list(self._buckets.items()):
            rule = self._rules[limit]  # type: ignore[index]
            if tokens + (now - last) * rule.per_second / 1_000 >= rule.burst:
                del self._buckets[limit, key]


_FREE = Verdict(0, 1)
