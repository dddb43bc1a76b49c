"""A clerk of a store: counts stock, changes prices and products, reads lists, cancels now and then."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from mercato.apps.simulate.people.client import Client


class Clerk:
    """Works until nothing goes wrong any more."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._store = client.who.store
        self._deeds: tuple[Callable[[], Awaitable[object]], ...] = (
            self._count_stock,
            self._count_stock,
            self._count_stock,
            self._change_price,
            self._change_price,
            self._rename_product,
            self._rename_product,
            self._take_off_sale,
            self._cancel_order,
            self._read,
            self._read,
            self._rename_store,
            self._use_another_key,
        )

    async def run(self) -> None:
        client = self._client
        while not client.around.calm:
            await client.think(client.around.weather.staff_pause)
            await client.random.choice(self._deeds)()

    async def _count_stock(self) -> None:
        client = self._client
        good = client.random.choice(self._store.goods)
        body = {"change": client.random.choice((-3, -1, -1, 1, 1, 2)), "reason": "count"}
        await client.insist("POST", f"/v1/inventory/{good.variant_id}", body, key=client.new_key())
        if client.does(0.3):
            await client.get(f"/v1/inventory/{good.variant_id}")

    async def _change_price(self) -> None:
        client = self._client
        good = client.random.choice(self._store.goods)
        price = {"variant_id": good.variant_id, "amount": good.price + client.random.randint(-200, 200)}
        body = {"currency": self._store.currency, "prices": [price]}
        await client.insist("PUT", f"/v1/prices/{good.product_id}", body, key=client.new_key())

    async def _rename_product(self) -> None:
        """The answer is seen by everybody who asks afterwards."""
        client = self._client
        path = f"/v1/products/{client.random.choice(self._store.goods).product_id}"
        body = {"title": f"Shirt {client.random.randint(0, 999)} of {self._store.mark}"}
        answer = await client.insist("PATCH", path, body, key=client.new_key())
        await client.insist("GET", path, anonymous=True)
        if answer is not None and answer.status == HTTPStatus.OK and client.does(0.3):
            await self._change_outdated(path, answer.json()["version"] - 1)

    async def _change_outdated(self, path: str, version: int) -> None:
        """Who has not seen the latest version does not overwrite it."""
        body = {"title": f"Outdated of {self._store.mark}"}
        key = self._client.new_key()
        answer = await self._client.insist("PATCH", path, body, key=key, if_match=f'"{version}"')
        if answer is not None and answer.status != HTTPStatus.CONFLICT:
            self._client.around.fail("I15", path, f"a change of version {version} was answered {answer.status}")

    async def _take_off_sale(self) -> None:
        client = self._client
        path = f"/v1/products/{client.random.choice(self._store.goods).product_id}"
        for status in ("archived", "active"):
            answer = None
            while answer is None:  # a store without goods is no fun
                answer = await client.insist("PATCH", path, {"status": status}, key=client.new_key())
            if status == "archived" and answer.status == HTTPStatus.OK:
                shown = await client.insist("GET", path, anonymous=True)
                if shown is not None and shown.status != HTTPStatus.NOT_FOUND:
                    client.around.fail("I25", path, f"it is archived, and anybody who asks is answered {shown.status}")
            await client.think(0.5)

    async def _cancel_order(self) -> None:
        client = self._client
        own = [order_id for order_id, seen in client.around.history.orders.items() if seen.store == self._store.id]
        if own:
            path = f"/v1/orders/{client.random.choice(own)}"
            await client.insist("POST", f"{path}/cancellation", key=client.new_key())
            await client.get(path)

    async def _read(self) -> None:
        client = self._client
        await client.get(
            client.random.choice(("/v1/notifications", "/v1/payments/refunds", "/v1/login-attempts", "/v1/products"))
        )

    async def _use_another_key(self) -> None:
        """A key that was revoked opens nothing any more."""
        client, own = self._client, self._client.token
        made = await client.insist("POST", "/v1/store/api-keys", {"name": "of a program"})
        if made is None or made.status != HTTPStatus.CREATED:
            return
        key = made.json()
        try:
            client.token = key["secret"]
            used = await client.insist("GET", "/v1/payments/refunds")
            client.token = own
            path = f"/v1/store/api-keys/{key['id']}"
            revoked = await client.insist("DELETE", path, key=client.new_key())
            client.token = key["secret"]
            again = await client.insist("GET", "/v1/payments/refunds")
        finally:
            client.token = own
        if used is not None and used.status != HTTPStatus.OK:
            client.around.fail("I26", path, f"the key was answered {used.status}")
        if revoked is not None and again is not None and again.status != HTTPStatus.UNAUTHORIZED:
            client.around.fail("I26", path, f"the key was revoked, and answered {again.status}")

    async def _rename_store(self) -> None:
        """A guest may be let in or kept out; the name stays recognisable."""
        client = self._client
        answer = await client.insist("PATCH", "/v1/store", {"name": f"{self._store.mark} shop"}, key=client.new_key())
        if answer is not None and answer.status == HTTPStatus.OK:
            await client.get("/v1/store")
