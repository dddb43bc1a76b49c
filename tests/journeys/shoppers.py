"""Shoppers of a shop in a process of its own: plain requests, one after the other."""

import http.client
import time
from typing import Any

import msgspec

from benchmarks.server import Server
from tests.journeys.town import ADDRESS, Answer

TRIES = 100
PAUSE = 0.1  # seconds


class Shopper:
    """Somebody with a session. `insist` is a good client: it sends the same request until it is taken."""

    def __init__(self, server: Server, token: str) -> None:
        self._server = server
        self._token = token
        self._keys = 0

    def send(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", "Prefer": "wait=5"}
        if key:
            headers["Idempotency-Key"] = key
        try:
            data = None if body is None else msgspec.json.encode(body)
            connection.request(method, path, body=data, headers=headers)
            reply = connection.getresponse()
            return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def insist(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        for _ in range(TRIES):
            answer = self.send(method, path, body, key)
            if answer.status not in (202, 503):
                return answer
            time.sleep(PAUSE)
        raise AssertionError(f"{path} is never taken: {answer}")

    def buy(self, variant_id: str) -> str:
        """A whole purchase; the id of the paid order."""
        self._keys += 1
        added = self.insist("POST", "/v1/cart/add", {"variant_id": variant_id, "quantity": 1}, f"add-{self._keys}")
        assert added.status == 200, added.body
        quoted = self.insist("POST", "/v1/cart/quote", {"destination": ADDRESS}).json()
        order = self.insist("POST", "/v1/orders", {"quote": quoted["signed"]}, f"order-{self._keys}")
        assert order.status == 201, order.body
        order_id: str = order.json()["id"]
        body = {"order_id": order_id, "source": "approve"}
        paid = self.insist("POST", "/v1/payments/pay", body, f"pay-{self._keys}")
        assert (paid.status, paid.json()["order"]["status"]) == (201, "paid"), paid.body
        return order_id
