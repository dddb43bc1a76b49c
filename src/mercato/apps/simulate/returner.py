"""Somebody who fills a cart as a guest and then logs in: nothing of either cart is lost (I14)."""

from typing import Any

from mercato.apps.directory import GuestPass
from mercato.apps.simulate.history import Who
from mercato.apps.simulate.people.client import Client
from mercato.apps.simulate.world import World
from mercato.contracts.carts import MergeCart
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.access.sealed import seal
from mercato.values.clock import DAY
from mercato.values.ids import BuyerId, Ids
from mercato.values.messages import Caller

GUEST = f"gst_{998:032x}"
MARK = "person-g998-x"


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
        process = self._world.process
        assert process is not None, "the shop has come to rest"
        joined: Any = process.node.calls.do
        command = MergeCart(BuyerId(GUEST), BuyerId(self._user.who.id))
        caller = Caller.system(self._world.town.stores[0].id, "a log-in")
        await process.run(self._world.loop.create_task, _done(joined(command, caller)))
        for client, wanted in ((self._user, {one: 1, other: 3}), (self._guest, {})):
            cart = await client.get("/v1/cart")
            lines = {line["variant_id"]: line["quantity"] for line in cart["lines"]}
            if lines != wanted:
                self._world.fail("I14", f"the cart of {client.who.name}", f"after a log-in it is {lines}, not {wanted}")

    @staticmethod
    async def _add(client: Client, variant_id: str, quantity: int) -> None:
        await client.insist("POST", "/v1/cart/add", {"variant_id": variant_id, "quantity": quantity})


async def _done(joined: Any) -> None:
    await joined
