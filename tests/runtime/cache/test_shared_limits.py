"""Limits that processes share: what all of them let in together, on memory and on Redis."""

from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest

from mercato.runtime.access.limits import RULES, Limiter, Rule
from mercato.runtime.cache.engine import MOST_DEBT, Cache
from mercato.runtime.cache.local import LocalCache
from mercato.runtime.cache.shared_limits import EVERY, SharedLimits
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids
from tests.runtime.cache.processes import Manual, leave, manual, parts_of, reach
from tests.services.conftest import until
from tools.engines import Engine

BURST = 20


class Process:
    """One process's limiter, which tells when it is told to."""

    def __init__(self, cache: Cache, clock: ManualClock) -> None:
        self.limiter = Limiter(clock)
        self.sharing = SharedLimits(self.limiter, cache, parts_of(clock))
        self.tell = self.sharing.tell

    def let_in(self, tries: int, key: str = "ann") -> int:
        return sum(self.limiter.take("read", key) == 0 for _ in range(tries))

    async def let_in_one(self, key: str = "ann") -> bool:
        """As the edge does it with an attempt to log in."""
        return self.limiter.take("auth", key) == 0 and await self.sharing.ask("auth", key) == 0


class World:
    def __init__(self, caches: list[Cache]) -> None:
        self.clock = ManualClock()
        self.processes = [Process(cache, self.clock) for cache in caches]


class SharedLimitsSuite:
    """On a cache of each kind. Nothing comes back while a test runs."""

    @pytest.fixture(autouse=True)
    def _slowly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("read", "write", "auth"):
            monkeypatch.setitem(RULES, name, Rule(BURST, 1e-6))

    async def test_together_they_let_in_a_burst_and_what_they_take_before_they_have_heard(self, world: World) -> None:
        for each in (1, 3, 7):
            let_in = 0
            for _ in range(2 * BURST):
                for process in world.processes:
                    let_in += process.let_in(each, f"caller {each}")
                for process in world.processes:
                    await process.tell()
            assert BURST <= let_in <= BURST + len(world.processes) * each
            assert [process.let_in(1, f"caller {each}") for process in world.processes] == [0] * 4

    async def test_at_worst_each_lets_in_its_own_burst_and_then_nobody_does_until_it_is_given_back(
        self, world: World
    ) -> None:
        assert [process.let_in(2 * BURST) for process in world.processes] == [BURST] * 4
        for process in (*world.processes, *world.processes):
            await process.tell()
        first, last = world.processes[0], world.processes[-1]
        assert last.limiter.take("read", "ann") == pytest.approx((3 * BURST + 1) / 1e-6, rel=1e-3)
        assert first.limiter.take("read", "ann") > 0
        assert last.let_in(1, "bob") == 1

    async def test_who_comes_to_a_process_later_finds_there_what_the_others_have_left(self, world: World) -> None:
        first, second = world.processes[:2]
        assert first.let_in(15) == 15
        await first.tell()
        assert second.let_in(1) == 1
        await second.tell()
        assert second.let_in(BURST) == BURST - 15 - 1

    async def test_attempts_to_log_in_are_never_more_than_one_process_would_allow(self, world: World) -> None:
        let_in = [await process.let_in_one() for _ in range(BURST) for process in world.processes]
        assert sum(let_in) == BURST
        assert let_in[:BURST] == [True] * BURST
        assert await world.processes[2].let_in_one("bob")

    async def test_a_cache_that_forgets_lets_each_count_for_itself_and_begins_anew(self, world: World) -> None:
        first, second = world.processes[:2]
        assert first.let_in(BURST) == BURST
        await first.tell()
        await world.flush()  # type: ignore[attr-defined]
        assert (first.let_in(5), second.let_in(5)) == (0, 5)
        await second.tell()
        assert (first.let_in(5), second.let_in(BURST)) == (0, BURST - 5)


class TestInMemory(SharedLimitsSuite):
    @pytest.fixture
    async def world(self) -> World:
        clock = ManualClock()
        cache = LocalCache(clock, Ids(clock), shared=True)
        world = World([cache] * 4)

        async def flush() -> None:
            cache.flush()

        world.flush = flush  # type: ignore[attr-defined]
        return world


@pytest.mark.server
class TestOnRedis(SharedLimitsSuite):
    @pytest.fixture
    async def world(self, engine: Callable[[str], Engine]) -> AsyncIterator[World]:
        reached = [await reach(engine("redis")) for _ in range(4)]
        world = World([one.cache for one in reached])
        world.flush = reached[0].flush  # type: ignore[attr-defined]
        yield world
        for one in reached:
            await leave(one)


def _shared() -> tuple[Manual, LocalCache]:
    process = manual()
    return process, LocalCache(process.clock, process.parts.ids, shared=True)


@pytest.mark.parametrize("seed", range(5))
async def test_in_the_long_run_all_together_have_the_rate_of_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers who come 100 times a second to each of three processes, which tell every 50 ms."""
    monkeypatch.setitem(RULES, "read", Rule(BURST, 10.0))
    at, cache = _shared()
    random, seconds, let_in = Random(seed), 60, 0  # noqa: S311 - the same again from the same seed
    processes = [Process(cache, at.clock) for _ in range(3)]
    for tick in range(seconds * 100):
        for process in random.sample(processes, 3):
            let_in += process.let_in(1)
        if tick % 5 == 0:
            for process in processes:
                await process.tell()
        at.clock.advance(10)
    assert seconds * 10 <= let_in <= BURST + seconds * 10 + 3 * 5


async def test_what_is_owed_has_a_bound() -> None:
    at, cache = _shared()
    rule = Rule(20, 0.25)
    assert await cache.take(rule, {"x": 10**9}) == (20 - 20 * MOST_DEBT,)
    at.clock.advance(MOST_DEBT * 80_000)
    assert await cache.take(rule, {"x": 0}) == (20,)


async def test_what_is_let_in_while_the_answer_is_on_its_way_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "read", Rule(BURST, 1.0))
    at, cache = _shared()
    process, other = Process(cache, at.clock), Process(cache, at.clock)
    other.let_in(10)
    await other.tell()
    take = cache.take

    async def slow(*given: Any) -> Any:
        left = await take(*given)
        assert process.let_in(3) == 3
        return left

    monkeypatch.setattr(cache, "take", slow)
    assert process.let_in(5) == 5
    await process.tell()
    assert process.let_in(BURST) == BURST - 10 - 5 - 3


async def test_a_cache_that_is_out_of_reach_leaves_each_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    at, cache = _shared()
    first, second = Process(cache, at.clock), Process(cache, at.clock)

    async def nothing(*_: Any) -> None: ...

    monkeypatch.setattr(cache, "take", nothing)
    monkeypatch.setattr(cache, "ask", nothing)
    assert [await first.let_in_one() for _ in range(21)] == [True] * 20 + [False]
    assert await second.let_in_one()
    first.let_in(1)
    await first.tell()
    monkeypatch.setattr(cache, "up", False)
    first.let_in(1)
    await first.tell()
    assert dict(first.limiter.collected()) == {}


async def test_nothing_is_told_when_nothing_was_let_in_and_all_of_it_at_once_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at, cache = _shared()
    process = Process(cache, at.clock)
    due: list[tuple[float, Callable[[], None]]] = []

    class Loop:
        def call_later(self, seconds: float, call: Callable[[], None]) -> None:
            due.append((seconds, call))

        create_task = staticmethod(at.parts.loop.create_task)

    told: list[dict[str, int]] = []
    take = cache.take

    async def noted(rule: Rule, tokens: dict[str, int]) -> Any:
        told.append(tokens)
        return await take(rule, tokens)

    monkeypatch.setattr(cache, "take", noted)
    monkeypatch.setattr(process.sharing, "_loop", Loop())
    process.let_in(3)
    process.let_in(2, "bob")
    process.limiter.take("write", "ann")
    assert [seconds for seconds, _ in due] == [EVERY]
    due.pop()[1]()
    process.let_in(1)
    await until(lambda: len(told) == 2)
    assert sorted(number for tokens in told for number in tokens.values()) == [1, 2, 4]
    assert not any("ann" in key or "bob" in key for tokens in told for key in tokens)


async def test_limits_that_are_off_are_not_asked_for() -> None:
    at, cache = _shared()
    limiter = Limiter(at.clock, 0.0)
    sharing = SharedLimits(limiter, cache, at.parts)
    assert limiter.take("auth", "ann") == await sharing.ask("auth", "ann") == 0
    await sharing.tell()
    assert len(cache) == 0
