"""Carts whose documents are on a server of their own, and that server is down: carts are out of order, and nothing else
is; afterwards everything is as if nothing had been."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from msgspec.structs import replace

from mercato.contracts.carts import CartChanged
from mercato.runtime.documents.store import HeldEvent
from mercato.values.clock import SECOND
from mercato.values.ids import CartId
from tests.journeys.town import Person, Town
from tools.engines import Engine

pytestmark = [pytest.mark.server, pytest.mark.parametrize("town", ["mariadb-kafka-mongo"], indirect=True)]


async def test_without_its_documents_only_the_cart_is_out_of_order(town: Town, engine: Callable[[str], Engine]) -> None:
    (small, large) = await town.product("shirt")
    ann, bob = await town.person("ann"), await town.person("bob")
    order = await ann.placed(small)
    await bob.add(large, 2)
    cart, quote = await bob.get("/v1/cart"), await bob.quote()
    await town.quiet()
    server = engine("mongo")
    server.kill()
    try:
        add = {"variant_id": small, "quantity": 1}
        for answer in (
            await bob.send("POST", "/v1/cart/add", add, Idempotency_Key="one"),
            await bob.send("GET", "/v1/cart"),
        ):
            assert (answer.status, answer.code) == (503, "unavailable")
        assert (await bob.get("/v1/products"))["items"] != []
        assert (await bob.send("POST", "/v1/orders", {"quote": quote["signed"]}, Idempotency_Key="o")).status == 503
        paid = await ann.pay(order["id"])
        assert (paid.status, paid.json()["order"]["status"]) == (201, "paid")
        assert (await ann.get(f"/v1/orders/{order['id']}"))["status"] == "paid"
    finally:
        server.start()
    await _until_carts_are_back(bob)
    assert await bob.get("/v1/cart") == cart
    assert [line["quantity"] for line in (await bob.add(small))["lines"]] == [2, 1]
    await town.quiet()
    assert (await ann.get("/v1/cart"))["lines"] == []
    assert await town.sound()


async def test_what_is_put_into_a_cart_while_its_server_is_killed_is_there_once(
    town: Town, engine: Callable[[str], Engine]
) -> None:
    (small, _) = await town.product("shirt", stock=100)
    people = [await town.person(name) for name in ("ann", "bob")]
    server = engine("mongo")

    async def shop(person: Person) -> None:
        for number in range(15):
            body = {"variant_id": small, "quantity": 1}
            while (await person.send("POST", "/v1/cart/add", body, Idempotency_Key=f"add-{number}")).status != 200:  # noqa: ASYNC110 - nobody tells when the server is back
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.02)

    async def hurt() -> None:
        await asyncio.sleep(0.15)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)

    async with asyncio.timeout(90):
        await asyncio.gather(*map(shop, people), hurt())
    for person in people:
        assert [line["quantity"] for line in (await person.get("/v1/cart"))["lines"]] == [15]
    assert await town.sound()


async def _until_carts_are_back(person: Person) -> None:
    async with asyncio.timeout(30):
        while (await person.send("GET", "/v1/cart")).status != 200:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)


async def test_what_only_a_cart_knows_of_is_told_by_a_job(town: Town) -> None:
    """A process of carts has ended between writing a cart and its commit, and nobody comes back to that cart."""
    (small, _) = await town.product("shirt")
    ann = await town.person("ann")
    await ann.add(small)
    await town.quiet()
    (executor,) = town.executors("carts")
    documents = executor.documents
    assert documents is not None
    (cart,) = documents.page("carts", "", 10)
    changed = CartChanged(CartId(cart.id), 1)
    lost = HeldEvent(
        "evt_lost", "CartChanged", 1, cart.version, town.clock.now(), "req", "req", msgspec.json.encode(changed), 0
    )
    documents.put("carts", [replace(cart, events=(lost,))])
    before = executor.number
    town.clock.advance(10 * SECOND)
    async with asyncio.timeout(20):
        while documents.held(["carts"], town.clock.now(), 10):  # noqa: ASYNC110 - the job says nothing when it is done
            await asyncio.sleep(0.1)
    await town.quiet()
    assert executor.number == before + 1
    assert await town.sound()
