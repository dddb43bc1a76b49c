"""A shopper: fills a cart, asks for a quote, orders, pays, waits, changes their mind, and does two things at once."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from mercato.apps.simulate.gateway import SimulatedGateway
from mercato.apps.simulate.network import Answer, Lost
from mercato.apps.simulate.people.client import Client
from mercato.apps.simulate.people.pry import Pry
from mercato.apps.simulate.town import Good

PURCHASES = 2  # at most
THINK = 0.3  # seconds
LOOKS = 25  # at an order or payment whose outcome is open
SCARCE = 0.6  # of the pieces that are wanted are of variants of which there are few

OVER = frozenset({"paid", "cancelled"})

# What makes another request of one with the same key.
_ELSEWHERE = {"name": "Somebody", "street": "Elsewhere 1", "city": "Bremen", "country": "DE"}
_ANOTHER: dict[str, dict[str, Any]] = {
    "/v1/orders": {"billing": _ELSEWHERE},
    "/v1/payments/pay": {"source": "another"},
}


class Shopper:
    """One person in one or two tabs."""

    def __init__(self, client: Client, gateway: SimulatedGateway) -> None:
        self._client = client
        self._gateway = gateway
        self._store = client.who.store
        self._haste = client.around.weather.haste

    async def run(self) -> None:
        for _ in range(self._client.random.randint(1, PURCHASES)):
            await self._buy()
            await self._client.think(THINK)

    async def _buy(self) -> None:
        client = self._client
        await self._look_around()
        await self._fill()
        await client.think(THINK)
        quoted = await self._quote()
        if quoted is None:
            return
        await client.think(THINK)
        if client.does(0.1):
            await self._change_cart()
            await self._order(quoted)  # it is refused, unless nothing was changed
            quoted = await self._quote() or quoted
        deeds = [self._order(quoted)]
        if client.does(self._haste):
            deeds.append(client.random.choice((self._order, self._change_then_order))(quoted))
        for order_id in {order_id: None for order_id in await asyncio.gather(*deeds) if order_id}:
            await self._settle(order_id)

    # Choosing.

    async def _look_around(self) -> None:
        client, good = self._client, self._good()
        if client.does(0.7):
            path, anonymous = f"/v1/products/{good.product_id}", client.does(0.7)
            seen = await client.insist("GET", path, anonymous=anonymous)
            if seen is not None and client.does(0.3):
                etag = seen.headers.get("etag", "")
                await client.insist("GET", path, anonymous=anonymous, if_none_match=etag)
        if client.does(0.15):
            await client.get("/v1/products?category=shirts&sort=price_up&limit=3")
        if client.does(0.3):
            await self._search()
        if client.does(0.15):
            await Pry(client).run()

    async def _search(self) -> None:
        """Whatever is typed, only goods of this store are found (I24)."""
        client = self._client
        typed = client.random.choice(("shirt", "Shirt 1", "shrit", "size l", "store"))
        found = await client.get(f"/v1/search?q={typed.replace(' ', '+')}&limit=5&in_stock=true&facets=option.size")
        for hit in found["hits"] if found else ():
            if self._store.mark not in hit["card"]["title"]:
                client.around.fail("I24", "GET /v1/search", f"{client.who.name} found {hit['card']['title']}")
        if client.does(0.3):
            await client.get(f"/v1/suggest?prefix={typed[:3]}")

    async def _fill(self) -> None:
        client = self._client
        for _ in range(client.random.randint(1, 3)):
            body = {"variant_id": self._good().variant_id, "quantity": client.random.choice((1, 1, 1, 2))}
            added = await client.insist("POST", "/v1/cart/add", body, key=client.new_key())
            if added is not None and added.code == "cart_locked":
                await self._settle(added.json()["order_id"])
                return
            await client.think(THINK / 3)
        if client.does(0.4):
            await client.get("/v1/cart")
        if client.does(0.25):
            await self._change_cart()

    async def _change_cart(self) -> None:
        client = self._client
        cart = await client.get("/v1/cart")
        if not cart or not cart["lines"]:
            return
        variant_id = client.random.choice(cart["lines"])["variant_id"]
        match client.random.randint(0, 5):
            case 0:
                await client.insist("POST", "/v1/cart/remove", {"variant_id": variant_id}, key=client.new_key())
            case 1:
                await client.insist("DELETE", "/v1/cart", key=client.new_key())
            case 2:
                body = {"variant_id": self._good().variant_id, "quantity": 1}
                await client.insist("POST", "/v1/cart/add", body, key=client.new_key())
            case _:
                body = {"variant_id": variant_id, "quantity": client.random.randint(0, 3)}
                await client.insist("POST", "/v1/cart/set", body, key=client.new_key())

    def _good(self) -> Good:
        """Variants of which there are few come first in each product."""
        goods = self._store.goods
        place = self._client.random.randrange(0, len(goods), 2)
        return goods[place if self._client.does(SCARCE) else place + 1]

    # Ordering.

    async def _quote(self) -> Any:
        """A quote that the shopper takes, None where there is none to be had."""
        client = self._client
        accepted: dict[str, int] = {}
        for _ in range(4):
            body = {"destination": self._address(), "accepted_prices": accepted}
            answer = await client.insist("POST", "/v1/cart/quote", body)
            if answer is None:
                return None
            if answer.status == HTTPStatus.OK:
                quoted = answer.json()
                client.around.history.check_quote(client.who, quoted["quote"], accepted)
                client.around.quotes[client.who.id] = quoted["signed"]
                return quoted
            if answer.code != "price_rose" or client.does(0.2):
                return None
            accepted = {**accepted, **answer.json()["prices"]}
        return None

    async def _order(self, quoted: Any) -> str:
        """Order what was quoted; the id of the order, "" where there is none."""
        client, history = self._client, self._client.around.history
        body = {"quote": quoted["signed"]}
        outdated = history.cart_version(client.who) > quoted["quote"]["cart_version"]
        wait = client.random.choice((0, 1, 3, 10))
        answer = await self._hurried("POST", "/v1/orders", body, wait)
        if answer is None:
            return ""
        if outdated and answer.status in (HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
            text = f"{client.who.name} ordered version {quoted['quote']['cart_version']} of a cart that had gone on"
            client.around.fail("I14", "POST /v1/orders", text)
        if answer.status == HTTPStatus.CREATED:
            order = answer.json()
            history.confirm(order, quoted["quote"])
            return str(order["id"])
        if answer.status == HTTPStatus.ACCEPTED:
            return answer.headers["location"].rpartition("/")[2]
        if answer.code == "cart_already_ordered":
            return str(answer.json()["order_id"])
        return ""

    async def _change_then_order(self, quoted: Any) -> str:
        """In the other tab the cart is changed meanwhile, and perhaps ordered too."""
        await self._change_cart()
        if self._client.does(0.5):
            return ""
        later = quoted if self._client.does(0.3) else await self._quote()
        return await self._order(later) if later else ""

    async def _hurried(self, method: str, path: str, body: Any, wait: int) -> Answer | None:
        """Send with a new key; in haste twice at once with the same one."""
        client, key = self._client, self._client.new_key()
        if client.does(self._haste * 0.5):
            again = self._once(method, path, body, key)
            answer, _ = await asyncio.gather(client.insist(method, path, body, key=key, wait=wait), again)
        else:
            answer = await client.insist(method, path, body, key=key, wait=wait)
        if answer is not None and answer.status != HTTPStatus.ACCEPTED and client.does(0.15):
            await self._once(method, path, body, key)
        if answer is not None and answer.status == HTTPStatus.CREATED and client.does(0.1):
            await self._once(method, path, {**body, **_ANOTHER[path]}, key, odd=True)
        return answer

    async def _once(self, method: str, path: str, body: Any, key: str, *, odd: bool = False) -> None:
        with suppress(Lost):
            await self._client.send(method, path, body, key=key, wait=self._client.random.choice((0, 3)), odd=odd)

    # Paying.

    async def _settle(self, order_id: str) -> None:
        """Pay an order, cancel it, or leave it alone."""
        client = self._client
        order = await self._watch(order_id, lambda order: order["stage"] != "placed")
        if order is None or order["stage"] in OVER or client.does(0.08):
            return
        if client.does(0.08):
            await self._cancel(order_id)
            return
        for _ in range(3):
            deeds = [self._pay(order_id)]
            if client.does(self._haste * 0.5):
                deeds.append(client.random.choice((self._pay, self._cancel))(order_id))
            await asyncio.gather(*deeds)
            order = await self._watch(order_id, lambda order: order["stage"] in OVER, looks=2)
            if order is None or order["stage"] in OVER:
                break
        if order is not None and order["stage"] == "paid" and client.does(0.2):
            await self._pay_again(order_id)
        if client.does(0.1):
            await self._cancel(order_id)
        if client.does(0.3):
            await client.get(client.random.choice(("/v1/orders", "/v1/payments/refunds")))
        if client.does(0.2):
            await client.get(f"/v1/payments?order_id={order_id}")

    async def _pay(self, order_id: str) -> None:
        client = self._client
        source = client.random.choice(("approve", "approve", "approve", "decline", "step"))
        body = {"order_id": order_id, "source": source}
        answer = await self._hurried("POST", "/v1/payments/pay", body, client.random.choice((0, 1, 3)))
        if answer is None:
            return
        if answer.status == HTTPStatus.CREATED:
            payment = answer.json()["payment"]
        elif answer.status == HTTPStatus.ACCEPTED:
            payment_id = answer.headers["location"].rpartition("/")[2]
            payment = await self._outcome(payment_id)
        else:
            return
        if payment is not None and payment["state"] == "action_needed":
            await self._take_step(payment["id"])
            await self._watch(order_id, lambda order: order["stage"] in OVER, looks=6)

    async def _pay_again(self, order_id: str) -> None:
        """Nothing is due for what is paid."""
        client, body = self._client, {"order_id": order_id, "source": "approve"}
        answer = await client.insist("POST", "/v1/payments/pay", body, key=client.new_key())
        if answer is not None and answer.status < HTTPStatus.BAD_REQUEST:
            client.around.fail("I10", order_id, f"it is paid, and a second payment was answered {answer.status}")

    async def _outcome(self, payment_id: str) -> Any:
        def is_known(payment: Any) -> bool:
            return payment["state"] not in ("calling", "unknown")

        return await self._look(f"/v1/payments/{payment_id}", is_known, LOOKS)

    async def _take_step(self, payment_id: str) -> None:
        client = self._client
        if client.does(0.2):
            return
        await client.think(THINK * 3)
        self._gateway.decide(self._store.id, payment_id, approve=client.does(0.8))
        if client.does(0.7):
            await client.insist("POST", f"/v1/payments/{payment_id}/completion", key=client.new_key())

    async def _cancel(self, order_id: str) -> None:
        await self._client.think(THINK / 3)
        await self._client.insist("POST", f"/v1/orders/{order_id}/cancellation", key=self._client.new_key())

    # Looking.

    async def _watch(self, order_id: str, holds: Callable[[Any], bool], looks: int = LOOKS) -> Any:
        """The order, as soon as this holds or when the shopper is tired of looking."""
        return await self._look(f"/v1/orders/{order_id}", holds, looks)

    async def _look(self, path: str, holds: Callable[[Any], bool], looks: int) -> Any:
        seen = None
        for _ in range(looks):
            seen = await self._client.get(path)
            if seen is None or holds(seen):
                return seen
            await self._client.think(THINK * 2)
        return seen

    def _address(self) -> dict[str, str]:
        mark = self._client.who.mark
        return {"name": mark, "street": f"{mark} street 1", "city": "Leipzig", "country": "DE"}
