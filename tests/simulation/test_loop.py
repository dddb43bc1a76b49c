"""The simulated loop: time that jumps, an order that follows from the seed, processes that end without a trace."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from mercato.apps.simulate.loop import Process, SimulatedLoop, Stuck


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    made = SimulatedLoop(random.Random(1))  # noqa: S311 - a run must be repeatable
    yield made
    made.close()


def test_time_jumps_to_the_next_timer_and_stands_still_between(loop: SimulatedLoop) -> None:
    seen: list[float] = []

    async def wait() -> None:
        seen.append(loop.time())
        await asyncio.sleep(3_600.0)
        seen.append(loop.time())

    loop.run_until_complete(wait())
    assert seen == [0.0, 3_600.0]


def test_the_order_of_what_is_ready_follows_from_the_seed() -> None:
    def order(seed: int) -> list[int]:
        loop, seen = SimulatedLoop(random.Random(seed)), list[int]()  # noqa: S311 - a run must be repeatable

        async def note(number: int) -> None:
            seen.append(number)

        async def everybody() -> None:
            await asyncio.gather(*map(note, range(20)))

        loop.run_until_complete(everybody())
        loop.close()
        return seen

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == list(range(20))


def test_a_killed_process_runs_nothing_any_more(loop: SimulatedLoop) -> None:
    process, seen = Process(), list[str]()

    async def live() -> None:
        loop.call_later(2.0, seen.append, "timer")
        loop.create_task(child())
        await asyncio.sleep(1.0)
        seen.append("task")

    async def child() -> None:
        await asyncio.sleep(1.5)
        seen.append("child")

    async def world() -> None:
        process.run(loop.create_task, live())
        await asyncio.sleep(0.5)
        loop.kill(process)
        await asyncio.sleep(10.0)

    loop.run_until_complete(world())
    assert seen == []


def test_what_a_killed_task_does_at_its_end_has_no_effect(loop: SimulatedLoop) -> None:
    process, seen = Process(), list[str]()

    async def live() -> None:
        try:
            await asyncio.sleep(5.0)
        finally:
            loop.call_soon(seen.append, "soon")
            loop.call_later(1.0, seen.append, "later")
            seen.append("ended")

    async def world() -> None:
        process.run(loop.create_task, live())
        await asyncio.sleep(1.0)
        loop.kill(process)
        seen.append("killed")
        await asyncio.sleep(10.0)

    loop.run_until_complete(world())
    assert seen == ["ended", "killed"]


def test_the_world_around_a_killed_process_goes_on(loop: SimulatedLoop) -> None:
    process, seen = Process(), list[str]()

    async def world() -> None:
        process.run(loop.call_outside, 2.0, seen.append, "outside")
        loop.kill(process)
        await asyncio.sleep(3.0)

    loop.run_until_complete(world())
    assert seen == ["outside"]


def test_a_step_that_is_not_permitted_is_not_taken(loop: SimulatedLoop) -> None:
    process, seen = Process(), list[str]()
    loop.before_step = lambda owner: owner is not process

    async def world() -> None:
        process.run(loop.call_soon, seen.append, "step")
        await asyncio.sleep(1.0)

    loop.run_until_complete(world())
    assert (seen, process.steps) == ([], 0)


def test_who_waits_for_nothing_is_told(loop: SimulatedLoop) -> None:
    with pytest.raises(Stuck):
        loop.run_until_complete(loop.create_future())


def test_there_are_no_threads(loop: SimulatedLoop) -> None:
    with pytest.raises(RuntimeError, match="one thread"):
        loop.run_in_executor(None, print)
    with pytest.raises(RuntimeError, match="one thread"):
        loop.call_soon_threadsafe(print)
