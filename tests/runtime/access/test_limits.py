"""The rate limiter: a burst, then as many as its rule gives back with time."""

from mercato.runtime.access import limits
from mercato.runtime.access.limits import RULES, Limiter
from mercato.values.clock import ManualClock


def test_a_burst_then_a_steady_rate() -> None:
    clock = ManualClock()
    limiter = Limiter(clock)
    rule = RULES["write"]
    assert [limiter.take("write", "ann") for _ in range(rule.burst)] == [0] * rule.burst
    assert limiter.take("write", "ann") == 1
    clock.advance(50)  # at 20 a second one request comes back
    assert limiter.take("write", "ann") == 0
    assert limiter.take("write", "ann") == 1


def test_a_refused_request_is_told_when_the_next_one_is_welcome() -> None:
    clock = ManualClock()
    limiter = Limiter(clock)
    for _ in range(RULES["auth"].burst):
        limiter.take("auth", "198.51.100.1")
    wait = limiter.take("auth", "198.51.100.1")
    assert wait == 5  # four seconds give one request back; the answer is rounded up
    clock.advance(wait * 1_000)
    assert limiter.take("auth", "198.51.100.1") == 0


def test_callers_and_kinds_are_counted_apart() -> None:
    limiter = Limiter(ManualClock())
    for _ in range(RULES["auth"].burst):
        limiter.take("auth", "ann")
    assert limiter.take("auth", "ann") > 0
    assert limiter.take("auth", "bob") == 0
    assert limiter.take("read", "ann") == 0


def test_a_clock_that_is_set_back_gives_nothing_back() -> None:
    clock = ManualClock()
    limiter = Limiter(clock)
    for _ in range(RULES["auth"].burst):
        limiter.take("auth", "ann")
    clock.advance(-3_600_000)
    assert limiter.take("auth", "ann") > 0


def test_the_scale_multiplies_and_zero_switches_off() -> None:
    double = Limiter(ManualClock(), 2.0)
    count = 2 * RULES["auth"].burst
    assert [double.take("auth", "ann") for _ in range(count)] == [0] * count
    assert double.take("auth", "ann") > 0
    off = Limiter(ManualClock(), 0.0)
    assert {off.take("auth", "ann") for _ in range(1_000)} == {0}


def test_full_buckets_are_forgotten() -> None:
    clock = ManualClock()
    limiter = Limiter(clock)
    for _ in range(RULES["auth"].burst):
        limiter.take("auth", "spent")
    limits_before, limits.SWEEP_AT = limits.SWEEP_AT, 3
    try:
        for name in ("a", "b", "c", "d"):
            limiter.take("read", name)
        clock.advance(1_000)
        limiter.take("read", "e")
    finally:
        limits.SWEEP_AT = limits_before
    assert (set(limiter._buckets["auth"].left), set(limiter._buckets["read"].left)) == ({"spent"}, {"e"})
    assert limiter.take("auth", "spent") > 0
