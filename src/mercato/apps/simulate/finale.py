"""The end of a simulation: quiet time in which all must come to rest, then all books are compared."""

import asyncio
from typing import Any

from mercato.apps.simulate import ending, memory
from mercato.apps.simulate.history import Who
from mercato.apps.simulate.people.client import Client
from mercato.apps.simulate.people.latecomer import Latecomer
from mercato.apps.simulate.returner import Returner
from mercato.apps.simulate.settled import unrest
from mercato.apps.simulate.troubles import audit
from mercato.apps.simulate.world import World
from mercato.values.clock import DAY, HOUR, MINUTE

LONGEST_HOLD = 31 * MINUTE
LONGEST_STEP = HOUR + MINUTE
GRACE = 8.0  # seconds after the last fault within which a client may still be told to come back
END_OF_PEOPLE = 400.0  # seconds
END_OF_WORK = 150.0
END_OF_STEP = 40.0
STEPS = 3  # further steps that may come one after the other, as when the gateway was asked late
LOOK = 0.5
HOUSEKEEPING = 2.0  # seconds within which jobs that are due have run
RETENTION = 31 * DAY  # longer than sessions live, and than logs and answers are kept
REPETITIONS = 10


class Finale:
    """`people` are the tasks of everybody; they end by themselves once nothing goes wrong any more."""

    def __init__(self, world: World, people: "list[asyncio.Task[Any]]") -> None:
        self._world = world
        self._people = people

    async def run(self) -> None:
        world = self._world
        await asyncio.sleep(GRACE)
        world.history.calm = True
        if (await asyncio.wait(self._people, timeout=END_OF_PEOPLE))[1]:
            world.fail("I16", "the people", f"somebody is still busy {END_OF_PEOPLE:.0f} s after the last fault")
        await self._pass(LONGEST_HOLD)
        await asyncio.sleep(7.0)
        for _ in range(STEPS):
            await self._pass(LONGEST_STEP)
            if not await self._unrest_after(END_OF_STEP):
                break
        await self._rest()
        await self._repeat()
        latecomers = self._latecomers()
        for latecomer in latecomers:
            await latecomer.come()
        await Returner(self._world).run()
        await self._rest()
        await self._compare_books()
        await self._sleep_for_a_month()
        for latecomer in latecomers:
            await latecomer.come_again()
        await self._rest()
        await self._compare_books()

    async def _sleep_for_a_month(self) -> None:
        """Nobody comes, what is old is cleared away, the shop is started again: it shows what it showed before."""
        before = await self._seen()
        await self._pass(RETENTION)
        await asyncio.sleep(HOUSEKEEPING)
        await self._restart()
        await self._rest()
        after = await self._seen()
        for path, answer in before.items():
            if after[path] != answer:
                self._world.fail("F21", path, f"a month and a restart later it is {after[path]!r}, it was {answer!r}")

    async def _repeat(self) -> None:
        """Requests that were answered an hour ago and more are answered the same again (I13), for a day at least."""
        known = self._world.history.remembers
        done = [one for one in self._world.around.done if known(one.client.who, one.method, one.path, one.key)]
        for one in self._world.chance("repetitions").sample(done, min(len(done), REPETITIONS)):
            await one.client.insist(one.method, one.path, one.body, key=one.key)

    def _latecomers(self) -> list[Latecomer]:
        """One for each store, with a clerk who gets new goods in."""
        world, made = self._world, []
        for store in world.town.stores:
            person = store.people[-1]
            who = Who(person.mark, store, person.id, person.mark)
            client = Client(world.around, who, "", world.chance(person.mark))
            who = Who(f"late clerk {store.mark}", store, "", "", is_staff=True)
            clerk = Client(world.around, who, store.api_key, world.chance(who.name))
            clerk.first_key = "late-"
            made.append(Latecomer(client, person, clerk, world.mail, self._pass))
        return made

    async def _pass(self, milliseconds: int) -> None:
        """Let so much time go by at once."""
        self._world.trace.note("world", "time passes", milliseconds)
        self._world.clock.pass_latest(milliseconds)

    async def _rest(self) -> None:
        """Wait until all is done."""
        reason = await self._unrest_after(END_OF_WORK)
        if reason:
            self._world.fail("I16", "the shop", f"{END_OF_WORK:.0f} s after the last fault {reason}")

    async def _unrest_after(self, seconds: float) -> str:
        """What still waits after so many seconds, "" as soon as nothing does."""
        end = self._world.loop.time() + seconds
        while (reason := self._unrest()) and self._world.loop.time() < end:  # noqa: ASYNC110 - databases set no event
            await asyncio.sleep(LOOK)
        return reason

    def _unrest(self) -> str:
        process = self._world.process
        if process is None or process.shop is None:
            return "no process runs"
        return unrest(process)

    async def _compare_books(self) -> None:
        world = self._world
        process, safety = world.process, world.safety
        assert process is not None, "it has come to rest"
        await audit(world)
        for found in (
            *ending.leftovers(safety),
            *ending.acknowledged(safety, world.history),
            *ending.money(safety, world.gateway),
            *ending.mails(safety, world.mail),
            *ending.findable(safety, world.index.index),
            *ending.erasures(safety, world.around.erased),
            *ending.secrets(safety),
            *memory.differences(process, safety),
        ):
            world.fail(found.invariant, found.subject, found.text)

    async def _restart(self) -> None:
        """Kill the process once more, now that there is nothing to lose."""
        world = self._world
        world.crash()
        while world.network.process is None:  # noqa: ASYNC110 - a start sets no event
            await asyncio.sleep(LOOK)

    async def _seen(self) -> dict[str, Any]:
        """What visitors and clerks are shown: goods, orders, carts."""
        world = self._world
        seen: dict[str, Any] = {}
        for store in world.town.stores:
            visitor = Client(world.around, Who(f"visitor {store.mark}", store, "", ""), "", world.chance("visitor"))
            clerk = Client(
                world.around,
                Who(f"clerk {store.mark}", store, "", "", is_staff=True),
                store.api_key,
                world.chance("clerk"),
            )
            for product_id in {good.product_id: None for good in store.goods}:
                path = f"/v1/products/{product_id}"
                seen[f"{store.mark} {path}"] = await visitor.get(path)
                seen[f"{store.mark} staff {path}"] = await clerk.get(path)
            for order_id, order in world.history.orders.items():
                if order.store == store.id:
                    seen[order_id] = await clerk.get(f"/v1/orders/{order_id}")
        return seen
