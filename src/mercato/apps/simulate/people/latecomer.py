"""Somebody who comes when nothing goes wrong any more and buys something: a shop that refuses everybody breaks no other
promise (I16)."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from mercato.apps.simulate.mail import SimulatedMailServer
from mercato.apps.simulate.people.client import Client
from mercato.apps.simulate.town import Person
from mercato.values.clock import MINUTE

Pause = Callable[[int], Awaitable[None]]
PAUSE = 10 * MINUTE  # between two steps of a purchase: less than a quote and a hold live
LOOKS = 5


class Disappointed(Exception):
    """The shop did not do what it is there for."""


class Latecomer:
    """`client` has no token yet: `person` logs in. `clerk` sees to it that there is something to buy; `pause` lets
    milliseconds go by.

    Comes twice, and has a quote and the mail for a new password from the first time when coming again.
    """

    def __init__(self, client: Client, person: Person, clerk: Client, mail: SimulatedMailServer, pause: Pause) -> None:
        self._client = client
        self._clerk = clerk
        self._person = person
        self._mail = mail
        self._pause = pause
        self._quote = ""

    async def come(self) -> None:
        await self._try(self._come)

    async def come_again(self) -> None:
        await self._try(self._come_again)

    async def _try(self, visit: Callable[[], Awaitable[None]]) -> None:
        try:
            await visit()
        except Disappointed as reason:
            store = self._client.who.store.id
            self._client.around.fail("I16", f"a last customer of {store}", str(reason))

    async def _come(self) -> None:
        await self._buy()
        good = self._client.who.store.goods[1]
        await self._got(self._client, "POST", "/v1/cart/add", {"variant_id": good.variant_id, "quantity": 1})
        self._quote = (await self._quoted())["signed"]
        await self._got(self._client, "POST", "/v1/auth/forgot", {"email": self._person.email}, HTTPStatus.ACCEPTED)

    async def _come_again(self) -> None:
        """What has expired is of no use any more: the session, the quote, the token in the mail (I9, I26)."""
        client, sender = self._client, f"{self._client.who.store.handle}.example"
        token = self._mail.latest_token(self._person.email, sender)
        await self._refused("GET", "/v1/users/me", None, HTTPStatus.UNAUTHORIZED)
        reset = {"token": token, "password": "far too late"}
        await self._refused("POST", "/v1/auth/reset", reset, HTTPStatus.BAD_REQUEST)
        await self._log_in()
        await self._refused("POST", "/v1/orders", {"quote": self._quote}, HTTPStatus.CONFLICT)
        order = await self._buy()
        await self._got(client, "POST", f"/v1/orders/{order['id']}/cancellation")

    async def _buy(self) -> Any:
        """Two variants of a product, of which the clerk has got some in, at new prices."""
        store, clerk = self._client.who.store, self._clerk
        goods = store.goods[:2]
        prices = {good.variant_id: good.price + self._client.random.randint(1, 99) for good in goods}
        rows = [{"variant_id": variant_id, "amount": price} for variant_id, price in prices.items()]
        body = {"currency": store.currency, "prices": rows}
        path = f"/v1/products/{goods[0].product_id}"
        for variant_id in prices:
            stock = {"change": 2, "reason": "for the last customer"}
            await self._got(clerk, "POST", f"/v1/inventory/{variant_id}", stock)
        await self._log_in()
        await self._client.think(1.0)
        await self._got(self._client, "GET", path)  # what was shown once is to be shown anew
        await self._got(clerk, "PUT", f"/v1/prices/{goods[0].product_id}", body, HTTPStatus.NO_CONTENT)
        await self._see_prices(path, prices)
        order = await self._order(prices)
        await self._pause(PAUSE)
        await self._pay(order)
        cart = await self._got(self._client, "GET", "/v1/cart")
        if cart["lines"] or cart["locked_by"]:
            raise Disappointed(f"the order is paid, and the cart still has {cart['lines']}")
        return order

    async def _see_prices(self, path: str, prices: dict[str, int]) -> None:
        """New prices are on their way to whoever shows them, for a moment."""
        for _ in range(LOOKS):
            await self._client.think(1.0)
            shown = {row["id"]: row["price"] for row in (await self._got(self._client, "GET", path))["variants"]}
            if shown == prices:
                return
        raise Disappointed(f"{path} shows the prices {shown}, they are {prices}")

    async def _order(self, prices: dict[str, int]) -> Any:
        client = self._client
        await self._got(client, "DELETE", "/v1/cart")
        for variant_id in (*prices, *prices):
            cart = await self._got(client, "POST", "/v1/cart/add", {"variant_id": variant_id, "quantity": 1})
        if cart["subtotal"] != 2 * sum(prices.values()):
            raise Disappointed(f"2 pieces each at {list(prices.values())} make {cart['subtotal']} in the cart")
        quoted = await self._quoted()
        await self._pause(PAUSE)
        order = await self._got(client, "POST", "/v1/orders", {"quote": quoted["signed"]}, HTTPStatus.CREATED)
        client.around.history.confirm(order, quoted["quote"])
        return order

    async def _quoted(self) -> Any:
        client = self._client
        address = {"name": client.who.mark, "street": "Late Lane 1", "city": "Leipzig", "country": "DE"}
        quoted = await self._got(client, "POST", "/v1/cart/quote", {"destination": address})
        client.around.history.check_quote(client.who, quoted["quote"], {})
        return quoted

    async def _pay(self, order: Any) -> None:
        body = {"order_id": order["id"], "source": "approve"}
        paid = await self._got(self._client, "POST", "/v1/payments/pay", body, HTTPStatus.CREATED)
        seen = await self._got(self._client, "GET", f"/v1/orders/{order['id']}")
        if paid["order"]["status"] != "paid" or seen["status"] != "paid":
            raise Disappointed(f"the payment was answered {paid['order']['status']}, the order is {seen['status']}")

    async def _log_in(self) -> None:
        body = {"email": self._person.email, "password": self._person.password}
        session = await self._got(self._client, "POST", "/v1/auth/login", body, HTTPStatus.CREATED)
        self._client.token = session["token"]

    async def _refused(self, method: str, path: str, body: Any, status: HTTPStatus) -> None:
        """Have a request refused with this status."""
        key = self._client.new_key() if path == "/v1/orders" else ""
        answer = await self._client.insist(method, path, body, key=key)
        if answer is None or answer.status != status:
            said = answer.status if answer else "not"
            raise Disappointed(f"{method} {path} with what is a month old was answered {said}, not {status}")

    async def _got(
        self, client: Client, method: str, path: str, body: Any = None, status: HTTPStatus = HTTPStatus.OK
    ) -> Any:
        """The document that a request is answered with; anything else is a disappointment."""
        key = client.new_key() if method != "GET" and "/auth/" not in path else ""
        answer = await client.insist(method, path, body, key=key, wait=10)
        if answer is None:
            raise Disappointed(f"{method} {path} was never answered")
        if answer.status != status:
            raise Disappointed(f"{method} {path} was answered {answer.status} {answer.body[:200]!r}")
        return answer.json() if answer.body else None
