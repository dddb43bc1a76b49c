"""Troubles that come by time: crashes, full disks, clocks that are set, and the auditor who looks at everything."""

import asyncio
import random
from contextlib import suppress
from typing import Any

import apsw

from mercato.apps.simulate import memory
from mercato.apps.simulate.disk import FULL_FOR
from mercato.apps.simulate.pools import Killed
from mercato.apps.simulate.process import ShopProcess
from mercato.apps.simulate.world import World
from mercato.apps.verify.report import find_differences
from mercato.runtime.database.faults import DatabaseFault
from mercato.services.orders.messages import ExpireOrder
from mercato.values.ids import OrderId
from mercato.values.messages import Caller, Refusal, Unavailable

AUDIT_EVERY = 9.0  # seconds
OLD_LIST_EVERY = 3.0  # seconds on average
PARKED_FOR = 10.0  # seconds for which an event is parked, unless the clock is set back meanwhile
LOOK = 0.25  # seconds between two looks at an audit that is under way


class Troubles:
    """Goes on until the world is calm."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._weather = world.weather
        self._random: random.Random = world.chance("troubles")

    async def run(self) -> None:
        world = self._world
        if self._weather.crash_every:
            world.spawn(self._crashes())
        if self._weather.full_every:
            world.spawn(self._full_disks())
        if self._weather.clock_every:
            world.spawn(self._clock_jumps())
        world.spawn(self._old_lists())
        while not world.calm:
            await asyncio.sleep(AUDIT_EVERY)
            await audit(world)

    async def _crashes(self) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self._weather.crash_every))
            if self._world.calm:
                return
            self._world.crash()

    async def _full_disks(self) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self._weather.full_every))
            if self._world.calm:
                return
            self._world.trace.note("world", "disk full")
            self._world.disk.full = True
            await asyncio.sleep(self._random.uniform(0.0, FULL_FOR))
            self._world.disk.full = False

    async def _clock_jumps(self) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self._weather.clock_every))
            if self._world.calm:
                return
            jump = self._random.choice(self._weather.clock_jumps)
            self._world.trace.note("world", "sets clock", jump)
            self._world.clock.jump(jump)

    async def _old_lists(self) -> None:
        """A job that stood still works off a list of expired orders that is long out of date."""
        world = self._world
        while not world.calm:
            await asyncio.sleep(self._random.expovariate(1 / OLD_LIST_EVERY))
            orders, process = world.history.orders, world.process
            if orders and process is not None and process.shop is not None:
                order_id = self._random.choice(list(orders))
                process.run(world.loop.create_task, _expire(process, orders[order_id].store, order_id))


async def _expire(process: ShopProcess, store: str, order_id: str) -> None:
    with suppress(Killed, Refusal):
        await process.node.calls.do(ExpireOrder(OrderId(order_id)), Caller.system(store, "an old list"))


async def audit(world: World) -> None:
    """Run `mercato verify` in the process, for as long as it lives."""
    process = world.process
    if process is None or process.shop is None:
        return
    world.look(thorough=True)
    for found in memory.remembered(process, world.safety):
        world.fail(found.invariant, found.subject, found.text)
    task: asyncio.Task[Any] = process.run(world.loop.create_task, find_differences(process.shop))
    while not task.done() and process.alive:  # noqa: ASYNC110 - a process that dies sets no event
        await asyncio.sleep(LOOK)
    lately = world.loop.time() < world.parked_at + PARKED_FOR
    if not task.done() or lately or world.safety.parked():
        return  # what a parked event will change is no difference yet
    try:
        for difference in task.result():
            world.fail(difference.invariant, difference.subject, difference.text)
    except (DatabaseFault, Unavailable, apsw.Error):
        world.trace.note("auditor", "gives up", "the disk failed")
