"""What goes wrong in a simulation: each seed draws which faults there are, and how often.

Some seeds have none, some a few, some are harsh: bugs hide where everything fails as well as where nothing does.
"""

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from mercato.values.clock import HOUR, MINUTE

CALM = 0.08  # share of the seeds in which nothing goes wrong


class Weather(msgspec.Struct, frozen=True):
    """Rates are shares of the occasions unless said otherwise; seconds are simulated ones."""

    shoppers: int
    arrivals: float  # seconds within which all shoppers arrive
    until: float  # seconds after which nothing goes wrong any more
    haste: float  # of a shopper doing two things at once
    impatience: float  # of giving up instead of repeating
    staff_pause: float  # seconds between two deeds of the staff
    rate_limits: float

    crash_every: float = 0.0  # seconds on average; 0: never
    crash_at_commit: float = 0.0
    pause_of_process: float = 0.0  # of a measurement of time that is far too long

    delay: float = 0.002  # seconds on average, one way
    slow: float = 0.0  # of messages that take up to two seconds
    lose_request: float = 0.0
    lose_answer: float = 0.0
    repeat_request: float = 0.0
    split_request: float = 0.05

    commit: float = 0.001  # seconds on average
    slow_commit: float = 0.0
    late_event: float = 0.0
    repeated_event: float = 0.0
    missed_event: float = 0.0
    listener_fault: float = 0.0

    statement_fault: float = 0.0
    full_every: float = 0.0  # seconds between two times in which the disk is full; 0: never
    unknown_commit: float = 0.0  # of commits that fail although they are durable

    gateway_lost: float = 0.0
    gateway_stall: float = 0.0
    gateway_error: float = 0.0
    gateway_step: float = 0.1
    gateway_decline: float = 0.1
    notices: float = 0.0
    odd_notices: float = 0.0  # forged, or for another amount

    gateway_changes_mind: float = 0.0  # of charges that failed, and are paid after all

    mail_lost: float = 0.0
    mail_error: float = 0.0

    clock_every: float = 0.0  # seconds between two jumps of the wall clock; 0: never
    clock_jumps: tuple[int, ...] = ()  # milliseconds, one of which is drawn for each jump


def draw(randomness: random.Random) -> Weather:
    """The weather of a seed."""
    until = randomness.uniform(18.0, 34.0)
    fixed: dict[str, Any] = {
        "shoppers": round(randomness.triangular(12, 40, 14)),
        "arrivals": randomness.choice((0.5, 5.0, until * 0.5, until * 0.8)),
        "until": until,
        "haste": randomness.choice((0.0, 0.2, 0.5)),
        "impatience": randomness.choice((0.0, 0.05, 0.3)),
        "staff_pause": randomness.choice((0.5, 2.0, 5.0)),
        "rate_limits": randomness.choice((0.0, 1.0)),
    }
    if randomness.random() < CALM:
        return Weather(**fixed)
    harsh = randomness.choice((0.3, 1.0, 3.0))
    faults: dict[str, Any] = {name: rate for name, rates in _RATES.items() if (rate := _rate(randomness, rates, harsh))}
    for name, pauses in _PAUSES.items():
        if randomness.random() < _PRESENT:
            faults[name] = randomness.choice(pauses)
    faults["clock_jumps"] = randomness.choice(_JUMPS)
    faults["delay"] = randomness.choice((0.0005, 0.002, 0.02))
    return Weather(**fixed, **faults)


_PRESENT = 0.5  # of each kind of fault in a seed that is not calm

# A mild and a bad rate of each fault; the harshness of the seed multiplies both.
_RATES: dict[str, tuple[float, float]] = {
    "crash_at_commit": (0.0005, 0.003),
    "pause_of_process": (0.005, 0.1),
    "slow": (0.01, 0.1),
    "lose_request": (0.01, 0.06),
    "lose_answer": (0.01, 0.08),
    "repeat_request": (0.02, 0.15),
    "split_request": (0.05, 0.3),
    "slow_commit": (0.01, 0.1),
    "late_event": (0.02, 0.2),
    "repeated_event": (0.02, 0.2),
    "missed_event": (0.02, 0.1),
    "listener_fault": (0.002, 0.03),
    "statement_fault": (0.00003, 0.0005),
    "unknown_commit": (0.0005, 0.005),
    "gateway_lost": (0.03, 0.15),
    "gateway_stall": (0.02, 0.1),
    "gateway_error": (0.03, 0.15),
    "gateway_step": (0.1, 0.2),
    "gateway_decline": (0.1, 0.2),
    "notices": (0.2, 0.3),
    "odd_notices": (0.05, 0.2),
    "mail_lost": (0.05, 0.2),
    "mail_error": (0.05, 0.2),
    "gateway_changes_mind": (0.05, 0.3),
}
_PAUSES: dict[str, Sequence[float]] = {
    "crash_every": (30.0, 15.0, 7.0),
    "full_every": (20.0, 8.0),
    "clock_every": (15.0, 6.0),
}
_JUMPS: Sequence[tuple[int, ...]] = (
    (1_000, -1_000),
    (MINUTE, -MINUTE, 20_000),
    (16 * MINUTE, 2 * MINUTE),
    (HOUR, -HOUR),
)


def _rate(randomness: random.Random, rates: tuple[float, float], harsh: float) -> float:
    if randomness.random() >= _PRESENT:
        return 0.0
    return min(0.5, randomness.choice(rates) * harsh)
