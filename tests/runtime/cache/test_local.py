"""The cache in memory: what every cache does, and its bounds."""

import pytest

from mercato.runtime.access.limits import Rule
from mercato.runtime.cache.engine import LONGEST
from mercato.runtime.cache.local import LocalCache
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids
from tests.runtime.cache.suite import CacheSuite, keep, permit, value


class Kept:
    def __init__(self, room: int = 1_000) -> None:
        self.clock = ManualClock()
        self.cache = LocalCache(self.clock, Ids(self.clock), room=room)

    async def flush(self) -> None:
        self.cache.flush()


@pytest.fixture
def kept() -> Kept:
    return Kept()


class TestLocalCache(CacheSuite): ...


async def test_what_is_over_is_not_found() -> None:
    kept = Kept()
    await keep(kept.cache, "a", "ann", b"1")
    kept.clock.advance(LONGEST - 1)
    assert (await kept.cache.find("sort", "a")).left == 1
    kept.clock.advance(1)
    assert await value(kept.cache, "a") is None


async def test_a_permit_is_over_when_what_it_was_asked_for_would_be() -> None:
    kept = Kept()
    old = await permit(kept.cache, "a")
    kept.clock.advance(LONGEST)
    kept.cache.keep(old, "ann", b"1", LONGEST)
    assert await value(kept.cache, "a") is None


async def test_tokens_come_back_with_time_and_full_buckets_take_no_room() -> None:
    kept = Kept()
    rule = Rule(burst=2, per_second=10.0)
    assert await kept.cache.take(rule, {"x": 4}) == (-2,)
    kept.clock.advance(250)
    assert await kept.cache.ask(rule, "x") == 0.5
    kept.clock.advance(50)
    assert await kept.cache.ask(rule, "x") == 1
    kept.clock.advance(200)
    assert await kept.cache.take(rule, {"x": 0}) == (2,)
    assert len(kept.cache) == 0


async def test_the_oldest_goes_when_there_is_no_room() -> None:
    kept = Kept(room=3)
    for number in range(5):
        await keep(kept.cache, f"k{number}", "ann", b"1")
        await kept.cache.take(Rule(2, 10.0), {f"k{number}": 2})
    assert [await value(kept.cache, f"k{number}") for number in range(5)] == [None, None, b"1", b"1", b"1"]
    assert len(kept.cache) == 6
    kept.cache.drop("sort", ("ann",))
    assert len(kept.cache) == 3
