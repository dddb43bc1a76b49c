"""A visitor of the sweep: does once what shoppers, clerks and newcomers do not do, so that its points are reached."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from mercato.apps.directory import GuestPass
from mercato.apps.simulate.history import Who
from mercato.apps.simulate.network import Lost
from mercato.apps.simulate.people.client import Client
from mercato.apps.simulate.pools import Killed
from mercato.apps.simulate.world import World
from mercato.contracts.orders import AwaitOutcome
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.access.sealed import seal
from mercato.runtime.bulkheads import ROOM
from mercato.runtime.http.exchange import MAX_BODY
from mercato.runtime.node import Node
from mercato.services.search.messages import RebuildIndex
from mercato.values.clock import DAY
from mercato.values.ids import Ids, OrderId
from mercato.values.messages import Caller, Refusal

CROWD = ROOM + 8
LATEST = 1_000  # a version that no order reaches
MARK = "person-g999-x"  # a guest's


class Visitor:
    """A guest, and somebody of the staff, of the first store."""

    def __init__(self, world: World) -> None:
        store, chance = world.town.stores[0], world.chance("visitor")
        keyring = Keyring.open(world.folder / "keys.json", Ids(world.clock, chance))
        guest_id = f"gst_{999:032x}"
        token = seal(keyring, "guest", GuestPass(store.id, guest_id, world.clock.now() + DAY))
        self._guest = Client(world.around, Who("visitor", store, guest_id, MARK), token, chance)
        self._staff = Client(world.around, Who("owner", store, "", "", is_staff=True), store.api_key, chance)
        self._store = store
        self._world = world

    async def run(self) -> None:
        await asyncio.sleep(0.5)
        await self._knock()
        await self._manage()
        await self._search()
        await self._order_in_a_crowd()
        await self._wait_for_news()

    async def _knock(self) -> None:
        """At doors that do not exist, with too much, and where nobody has confirmed an address."""
        guest = self._guest
        await guest.insist("GET", "/v1/nothing")
        await guest.insist("POST", "/v1/auth/signup", {"name": "x" * MAX_BODY}, odd=True)
        await guest.insist("POST", "/v1/auth/signup", {"email": "v@people.example", "name": MARK, "password": "a" * 12})
        await guest.insist("POST", "/v1/auth/login", {"email": "v@people.example", "password": "a" * 12})

    async def _manage(self) -> None:
        await self._staff.insist("POST", "/v1/store/api-keys", {"name": "of the visitor"})
        await self._staff.insist("PATCH", "/v1/store", {"name": f"{self._store.mark} shop"})

    async def _search(self) -> None:
        """For what there is, what is like it, and what there is not; and an operator has the index made anew."""
        for path in ("search?q=shirt", "search?q=hovercraft", "suggest?prefix=shi"):
            await self._guest.insist("GET", f"/v1/{path}")
        await self._guest.insist("GET", f"/v1/products/{self._store.goods[0].product_id}/similar")
        await self._ask(lambda node: node.calls.do(RebuildIndex(), Caller.system("", "visitor")))

    async def _order_in_a_crowd(self) -> None:
        """One quote in so many tabs at once that some must wait in line."""
        guest = self._guest
        line = {"variant_id": self._store.goods[1].variant_id, "quantity": 1}
        await guest.insist("POST", "/v1/cart/add", line, key=guest.new_key())
        destination = {"name": MARK, "street": "street 1", "city": "Leipzig", "country": "DE"}
        quoted = await guest.insist("POST", "/v1/cart/quote", {"destination": destination})
        if quoted is not None and quoted.status == 200:  # noqa: PLR2004 - where it was not lost
            await asyncio.gather(*(self._order(quoted.json()["signed"]) for _ in range(CROWD)))

    async def _wait_for_news(self) -> None:
        """As the storefront does, which asks in the process itself."""
        orders = [order_id for order_id, seen in self._world.history.orders.items() if seen.store == self._store.id]
        if orders:
            query, caller = AwaitOutcome(OrderId(orders[0]), LATEST, 1.0), Caller.system(self._store.id, "visitor")
            await self._ask(lambda node: node.calls.ask(query, caller))

    async def _ask(self, asks: Callable[[Node], Awaitable[Any]]) -> None:
        """In the process itself."""

        async def asking(node: Node) -> None:
            await asks(node)

        process = self._world.process
        if process is not None and process.shop is not None:
            with suppress(Killed, Refusal):
                await process.run(self._world.loop.create_task, asking(process.node))

    async def _order(self, signed: str) -> None:
        with suppress(Lost):
            await self._guest.send("POST", "/v1/orders", {"quote": signed}, key=self._guest.new_key(), wait=3)
