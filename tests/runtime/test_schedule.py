"""Timed work: at its times over restarts, by one runner at a time, and taken over from one that has ended."""

import asyncio
from functools import partial

import pytest

from mercato.runtime.schedule import LEASE, BeginJob
from mercato.values.clock import MINUTE, ManualClock
from tests.runtime.errands import CALLER, Home, living, rows
from tests.services.conftest import until


def ran(home: Home, times: int) -> bool:
    return len(home.ran) == times


async def test_a_job_runs_at_its_times_and_remembers_them_over_a_restart(home: Home) -> None:
    clock = ManualClock()
    start = clock.now()
    async with living(home, clock):
        await until(lambda: rows(home, "SELECT 1 FROM jobs WHERE name = 'tick'"))
        assert rows(home, "SELECT due_at FROM jobs WHERE name = 'tick'") == [(start + MINUTE,)]
        clock.advance(MINUTE)
        await until(lambda: home.ran)
        await until(lambda: rows(home, f"SELECT 1 FROM jobs WHERE due_at = {start + 2 * MINUTE}"))  # noqa: S608
    clock.advance(MINUTE - 1)
    async with living(home, clock):
        await asyncio.sleep(0.05)
        assert home.ran == [start + MINUTE]
        clock.advance(1)
        await until(lambda: len(home.ran) == 2)
        await until(lambda: rows(home, f"SELECT 1 FROM jobs WHERE due_at = {start + 3 * MINUTE}"))  # noqa: S608
    clock.advance(10 * MINUTE)
    async with living(home, clock):  # what was missed is done once, not ten times
        await until(lambda: len(home.ran) == 3)
        await asyncio.sleep(0.05)
        assert home.ran == [start + MINUTE, start + 2 * MINUTE, start + 12 * MINUTE]


@pytest.mark.parametrize("alone", [True, False])
async def test_a_job_whose_runner_was_killed_is_taken_over_at_once_by_who_is_alone(home: Home, alone: bool) -> None:
    clock = ManualClock()
    async with living(home, clock) as first:
        await until(lambda: rows(home, "SELECT 1 FROM jobs WHERE name = 'tick'"))
        for task in first._tasks:
            task.cancel()
        clock.advance(MINUTE)
        begin = BeginJob("tick", MINUTE, alone=False)
        assert await first.executors["errands"].submit(begin, CALLER) == 0  # and it never ends
        async with living(home, clock, alone=alone):
            if not alone:
                await asyncio.sleep(0.05)
                assert home.ran == []
                clock.advance(LEASE)
            began = clock.now()
            await until(lambda: home.ran)
            assert home.ran == [began]


async def test_a_job_has_one_runner_at_a_time(home: Home) -> None:
    clock = ManualClock()
    async with living(home, clock), living(home, clock):
        await until(lambda: rows(home, "SELECT 1 FROM jobs WHERE name = 'tick'"))
        for count in (1, 2, 3):
            clock.advance(MINUTE)
            await until(partial(ran, home, count))
            await asyncio.sleep(0.05)
            assert len(home.ran) == count
