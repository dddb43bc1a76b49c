"""Trying what is not one's own: it is answered as what does not exist, or refused (I24, I25)."""

from http import HTTPStatus
from typing import Any

import msgspec

from mercato.apps.simulate.people.client import Client

GUEST = "gst_"

_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_NOTHING = (HTTPStatus.NOT_FOUND,)
_FORGED = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


class Try(msgspec.Struct, frozen=True):
    """A request, and the answers that it may get."""

    method: str
    path: str
    body: Any
    answers: tuple[int, ...]
    has_key: bool = True


class Pry:
    """A client who tries out what belongs to others."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self) -> None:
        await self._visit_other_store()
        for tries in (self._things(), self._doors()):
            if tries:
                await self._do(self._client.random.choice(tries))

    async def _visit_other_store(self) -> None:
        """A token is of no use in another store."""
        client = self._client
        answer = await client.insist("GET", "/v1/orders", elsewhere=True)
        if answer is not None and answer.status not in _REFUSED:
            client.around.fail("I24", "GET /v1/orders", f"{client.who.name} got {answer.status} in another store")

    async def _do(self, one: Try) -> None:
        client = self._client
        key = client.new_key() if one.has_key else ""
        answer = await client.insist(one.method, one.path, one.body, key=key)
        if answer is not None and answer.status not in one.answers:
            client.around.fail("I25", f"{one.method} {one.path}", f"{client.who.name} tried it and got {answer.status}")

    def _things(self) -> list[Try]:
        """Orders, payments and accounts of somebody else."""
        history, who, chance = self._client.around.history, self._client.who, self._client.random
        others = {order_id: seen.buyer for order_id, seen in history.orders.items() if seen.buyer != who.id}
        if not others:
            return []
        order_id = chance.choice(list(others))
        tries = [
            Try("GET", f"/v1/orders/{order_id}", None, _NOTHING, has_key=False),
            Try("POST", f"/v1/orders/{order_id}/cancellation", None, _NOTHING),
            Try("POST", "/v1/payments/pay", {"order_id": order_id, "source": "approve"}, _NOTHING),
            Try("GET", f"/v1/payments?order_id={order_id}", None, (HTTPStatus.OK,), has_key=False),
            Try("GET", "/v1/payments/refunds", None, (HTTPStatus.OK,), has_key=False),
        ]
        payments = [payment_id for payment_id, of_order in history.payments.items() if of_order in others]
        if payments:
            path = f"/v1/payments/{chance.choice(payments)}"
            tries.append(Try("GET", path, None, _NOTHING, has_key=False))
            tries.append(Try("POST", f"{path}/completion", None, _NOTHING))
        users = [buyer for buyer in others.values() if not buyer.startswith(GUEST)]
        if users:
            path, no_account = f"/v1/users/{chance.choice(users)}", (*_NOTHING, *_REFUSED)
            tries.append(Try("GET", path, None, no_account, has_key=False))
            tries.append(Try("PATCH", path, {"name": "Somebody else"}, no_account))
            tries.append(Try("DELETE", path, None, no_account))
        return tries

    def _doors(self) -> list[Try]:
        """The work of clerks, somebody else's quote, and a quote that was changed since it was signed."""
        client = self._client
        variant_id = client.random.choice(client.who.store.goods).variant_id
        tries = [
            Try("POST", f"/v1/inventory/{variant_id}", {"change": 100, "reason": "gift"}, _REFUSED),
            Try("POST", "/v1/store/api-keys", {"name": "mine"}, _REFUSED),
            Try("GET", "/v1/login-attempts", None, _REFUSED, has_key=False),
        ]
        quotes = client.around.quotes
        others = [signed for buyer, signed in quotes.items() if buyer != client.who.id]
        if others:
            tries.append(Try("POST", "/v1/orders", {"quote": client.random.choice(others)}, (HTTPStatus.CONFLICT,)))
        if client.who.id in quotes:
            tries.append(Try("POST", "/v1/orders", {"quote": self._forged(quotes[client.who.id])}, _FORGED))
        return tries

    def _forged(self, signed: str) -> str:
        """The quote with one letter of its payload or its signature changed."""
        parts = signed.split(".")
        place = self._client.random.choice((2, 3))
        at = self._client.random.randrange(len(parts[place]) - 2)
        letter = "A" if parts[place][at] != "A" else "B"
        parts[place] = parts[place][:at] + letter + parts[place][at + 1 :]
        return ".".join(parts)
