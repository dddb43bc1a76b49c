"""A shop made for the tests of the load client: it answers journeys and what is looked at, and fails as planted."""

import asyncio
import contextlib
import itertools
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Literal, Self

import msgspec

from benchmarks.load.client import Destination

STEPS = ("add_first", "add_second", "quote", "order", "pay")
TOKEN = re.compile(r"buyer-\d+")
SOLD_OUT = b'{"code":"sold_out","shortages":[]}'


Cut = Literal["", "unread", "unanswered", "within", "announced"]


class Fault(msgspec.Struct, frozen=True):
    """What goes wrong with one request. `cut` closes the connection: unread, after the work was done, in the middle of
    the answer, or orderly behind an answer that announces it."""

    status: int = 0
    body: bytes | None = None
    delay: float = 0.0
    cut: Cut = ""
    pieces: int = 1
    head: bytes = b""


class Request(msgspec.Struct):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Faults = Callable[[str, int], Fault | None]
"""Which fault the n-th request (from 0) of a step meets."""


def planted(faults: Mapping[tuple[str, int], Fault]) -> Faults:
    return lambda step, number: faults.get((step, number))


def none(_step: str, _number: int) -> Fault | None:
    return None


class FakeShop:
    """Counts what it is asked and notes as `complaints` whatever a right client never does."""

    def __init__(self, faults: Faults = none) -> None:
        self.port = 0
        self.faults = faults
        self.complaints: list[str] = []
        self.steps: Counter[str] = Counter()
        self.order_of_steps: list[str] = []
        self.views: Counter[str] = Counter()
        self.bought: dict[str, list[str]] = {}
        self.baskets: list[tuple[str, ...]] = []
        self.orders: dict[str, str] = {}
        self.buyers: set[str] = set()
        self.paid: dict[str, str] = {}
        self.connections = 0
        self._answers: dict[str, bytes] = {}
        self._busy: set[str] = set()
        self._news = asyncio.Condition()
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen: on a free port at first, later on the same again."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Break all connections without a word, as a killed process does."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await self._server.wait_closed()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        await self.open()
        try:
            yield self
        finally:
            await self.close()

    async def has_begun(self, step: str, count: int) -> None:
        """Wait until so many requests of a step have come."""
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: self.steps[step] >= count)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._talk(reader, writer):
                    pass
        finally:
            self._talks.discard(task)
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False closes the connection."""
        request = await read_request(reader)
        if request.method == "GET":
            return await self._serve(request, "", writer)
        buyer = request.headers.get("authorization", "").removeprefix("Bearer ")
        self._expect(TOKEN.fullmatch(buyer) is not None, f"unknown buyer {buyer!r}")
        self._expect(buyer not in self._busy, f"{buyer} on two connections at once")
        self._busy.add(buyer)
        try:
            return await self._serve(request, buyer, writer)
        finally:
            self._busy.discard(buyer)

    async def _serve(self, request: Request, buyer: str, writer: asyncio.StreamWriter) -> bool:
        step = self._step_of(request, buyer)
        fault = self.faults(step, self.steps[step]) or Fault()
        self.steps[step] += 1
        self.order_of_steps.append(step)
        async with self._news:
            self._news.notify_all()
        await asyncio.sleep(fault.delay)
        if fault.cut == "unread":
            return False
        status, body = self._work(step, request, buyer) if not fault.status else (fault.status, b"{}")
        if fault.body is not None:
            body = fault.body
        if fault.cut == "unanswered":
            return False
        closes = b"Connection: close\r\n" if fault.cut == "announced" else b""
        length = b"" if fault.head else b"content-length: %d\r\n" % len(body)
        answer = b"HTTP/1.1 %d Word\r\n%s%s%s\r\n%s" % (status, length, closes, fault.head, body)
        size = len(answer) // fault.pieces + 1
        if fault.cut == "within":
            writer.write(answer[: len(answer) - 5])
            await writer.drain()
            return False
        for start in range(0, len(answer), size):
            writer.write(answer[start : start + size])
            await writer.drain()
            if fault.pieces > 1:
                await asyncio.sleep(0.001)
        return fault.cut != "announced"

    def _step_of(self, request: Request, buyer: str) -> str:
        if request.method == "GET":
            self.views[request.path] += 1
            return "rest" if request.path.startswith("/v1/") else "html"
        self._expect(request.method == "POST", f"method {request.method}")
        self._expect(request.headers.get("host") == f"127.0.0.1:{self.port}", f"host {request.headers.get('host')}")
        self._expect(request.headers.get("content-type") == "application/json", "no content type")
        if request.path == "/v1/cart/add":
            return "add_second" if len(self.bought.get(buyer, ())) == 1 else "add_first"
        names = {"/v1/cart/quote": "quote", "/v1/orders": "order", "/v1/payments/pay": "pay"}
        self._expect(request.path in names, f"path {request.path}")
        return names[request.path]

    def _work(self, step: str, request: Request, buyer: str) -> tuple[int, bytes]:
        if step in ("rest", "html"):
            return 200, b"what is looked at"
        body: dict[str, Any] = msgspec.json.decode(request.body)
        if step.startswith("add"):
            self._expect(list(body) == ["variant_id", "quantity"] and body["quantity"] == 1, f"{step}: {body}")
            self.bought.setdefault(buyer, []).append(body["variant_id"])
            return 200, b'{"id":"cart_1","lines":[]}'
        if step == "quote":
            self._expect(body == {"destination": msgspec.to_builtins(Destination())}, f"quote: {body}")
            self.baskets.append(tuple(self.bought.pop(buyer, ())))
            return 200, b'{"quote":{"total":100},"signed":"v1.k1.%s"}' % buyer.encode()
        key = request.headers.get("idempotency-key", "")
        self._expect(request.headers.get("prefer") == "wait=10", f"{step}: no wait")
        self._expect(len(key) > 16, f"{step}: key {key!r}")
        if key not in self._answers:
            self._answers[key] = self._order(body, buyer, key) if step == "order" else self._pay(body, key)
        return 201, self._answers[key]

    def _order(self, body: dict[str, Any], buyer: str, key: str) -> bytes:
        self._expect(body == {"quote": f"v1.k1.{buyer}", "payment_method": "test"}, f"order: {body}")
        order = f"ord_{next(self._numbers):032x}"
        self.orders[order] = key
        self.buyers.add(buyer)
        return b'{"id":"%s","buyer":"%s","stage":"payment_due","lines":[]}' % (order.encode(), buyer.encode())

    def _pay(self, body: dict[str, Any], key: str) -> bytes:
        order = body.get("order_id", "")
        self._expect(body == {"order_id": order, "source": "approve"}, f"pay: {body}")
        self._expect(order in self.orders, f"pay: unknown order {order!r}")
        self._expect(order not in self.paid, f"pay: {order} twice")
        self.paid[order] = key
        return b'{"payment":{"id":"pay_1"},"order":{"id":"%s","status":"paid"}}' % order.encode()

    def _expect(self, holds: bool, complaint: str) -> None:
        if not holds:
            self.complaints.append(complaint)


async def read_request(reader: asyncio.StreamReader) -> Request:
    """The next request of a connection. Raises IncompleteReadError where there is none."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, version = head[0].split(" ")
    assert version == "HTTP/1.1"
    headers = {}
    for line in filter(None, head[1:]):
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method=method, path=path, headers=headers, body=body)
