"""Somebody who fills a cart as a guest and then logs in: nothing of either cart is lost (I14)."""

import asyncio
from contextlib import suppress

from mercato.apps.directory import GuestPass
from mercato.apps.simulate.history import Who
from mercato.apps.simulate.people.client import Client
from mercato.apps.simulate.pools import Killed
from mercato.apps.simulate.world import World
from mercato.contracts.carts import MergeCart
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.access.sealed import seal
from mercato.runtime.calls import Calls
from mercato.values.clock import DAY
from mercato.values.ids import BuyerId, Ids
from mercato.values.messages import Caller

GUEST = f"gst_{998:032x}"
MARK = "person-g998-x"
LOOK = 0.1  # seconds


class Returner:
    """Comes when all is calm; carts are joined as the storefront does it, which asks in the process itself."""

    def __init__(self, world: World) -> None:
        store, chance = world.town.stores[0], world.chance("returner")
        person = store.people[-2]
        keyring = Keyring.open(world.folder / "keys.json", Ids(world.clock, chance))
        token = seal(keyring, "guest", GuestPass(store.id, GUEST, world.clock.now() + DAY))
        self._guest = Client(world.around, Who("returner", store, GUEST, MARK), token, chance)
        self._user = Client(world.around, Who(person.mark, store, person.id, person.mark), person.token, chance)
        self._world = world

    async def run(self) -> None:
        one, other = (good.variant_id for good in self._world.town.stores[0].goods[:2])
        await self._add(self._user, other, 1)
        await self._add(self._guest, one, 1)
        await self._add(self._guest, other, 2)
        while not await self._log_in():  # noqa: ASYNC110 - the process has died meanwhile, another one is started
            await asyncio.sleep(LOOK)
        for client, wanted in ((self._user, {one: 1, other: 3}), (self._guest, {})):
            cart = await client.get("/v1/cart")
            lines = {line["variant_id"]: line["quantity"] for line in cart["lines"]}
            if lines != wanted:
                self._world.fail("I14", f"the cart of {client.who.name}", f"after a log-in it is {lines}, not {wanted}")

    async def _log_in(self) -> bool:
        """Whether the carts were joined, as far as anybody knows. Done twice it is done once."""
        process = self._world.process
        if process is None or process.shop is None:
            return False
        command = MergeCart(BuyerId(GUEST), BuyerId(self._user.who.id))
        caller = Caller.system(self._world.town.stores[0].id, "a log-in")
        task = process.run(self._world.loop.create_task, _done(process.node.calls, command, caller))
        while not task.done() and process.alive:  # noqa: ASYNC110 - a process that dies sets no event
            await asyncio.sleep(LOOK)
        return task.done() and process.alive

    @staticmethod
    async def _add(client: Client, variant_id: str, quantity: int) -> None:
        body = {"variant_id": variant_id, "quantity": quantity}
        await client.insist("POST", "/v1/cart/add", body, key=client.new_key())


async def _done(calls: Calls, command: MergeCart, caller: Caller) -> None:
    with suppress(Killed):
        await calls.do(command, caller)
