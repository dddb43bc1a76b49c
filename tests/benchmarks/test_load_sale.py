"""The load client's sale against a small server with a few pieces: who gets one, who comes again, who cancels."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.load.client import Failure, SaleJob, SaleReport, sale
from benchmarks.load.program import FLAGS, LoadError, build
from tests.benchmarks.bench import needs_compiler
from tests.benchmarks.fake_shop import Request, read_request

TOKENS = [f"buyer-{number}" for number in range(40)]
VARIANT = "var_1"

pytestmark = needs_compiler


class Till:
    """A shop with so many `pieces`. If it is `late`, the first refusal of each buyer changes the cart."""

    def __init__(self, pieces: int, late: bool = False, broken: tuple[str, ...] = ()) -> None:
        self.port = 0
        self.pieces = pieces
        self.seen: Counter[str] = Counter()
        self.keys: list[str] = []
        self.versions: dict[str, int] = dict.fromkeys(TOKENS, 1)
        self.carts: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.paid: list[str] = []
        self._late = late
        self._broken = broken

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                status, body = self.answer(await read_request(reader))
                writer.write(b"HTTP/1.1 %d Word\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def answer(self, request: Request) -> tuple[int, bytes]:
        buyer = request.headers["authorization"].removeprefix("Bearer ")
        place = f"{request.method} {request.path}"
        self.seen[place.replace(f"ord_{buyer}", "ID")] += 1
        body: Any = msgspec.json.decode(request.body) if request.body else None
        if place in self._broken:
            return 500, b"{}"
        if place == "DELETE /v1/cart":
            self.carts.pop(buyer, None)
            return 200, b"{}"
        if place.startswith("POST /v1/cart/"):
            return self._fill(buyer, place, body)
        if place == "POST /v1/orders":
            return self._order(buyer, request, body)
        if place == "POST /v1/payments/pay":
            return self._pay(buyer, body)
        assert place == f"POST /v1/orders/ord_{buyer}/cancellation"
        assert self.owners.pop(f"ord_{buyer}") == buyer
        self.pieces += 1
        return 200, b"{}"

    def _fill(self, buyer: str, place: str, body: Any) -> tuple[int, bytes]:
        if place == "POST /v1/cart/quote":
            assert buyer in self.carts
            return 200, self._quote(buyer)
        assert (place, body) == ("POST /v1/cart/add", {"variant_id": VARIANT, "quantity": 1})
        self.carts[buyer] = VARIANT
        return 200, b"{}"

    def _quote(self, buyer: str) -> bytes:
        return b'{"signed":"%s.%d"}' % (buyer.encode(), self.versions[buyer])

    def _order(self, buyer: str, request: Request, body: Any) -> tuple[int, bytes]:
        self.keys.append(request.headers["idempotency-key"])
        if body["quote"] != f"{buyer}.{self.versions[buyer]}":
            return 409, b'{"code":"cart_changed","quoted":%s}' % self._quote(buyer)
        if not self.pieces:
            if self._late and self.versions[buyer] == 1:
                self.versions[buyer] = 2
            return 409, b'{"code":"sold_out","shortages":[{"variant_id":"var_1"}]}'
        self.pieces -= 1
        self.owners[f"ord_{buyer}"] = buyer
        return 201, b'{"id":"ord_%s","stage":"payment_due"}' % buyer.encode()

    def _pay(self, buyer: str, body: Any) -> tuple[int, bytes]:
        assert self.owners[body["order_id"]] == buyer
        if body["source"] == "decline":
            return 402, b'{"code":"payment_declined"}'
        assert body["source"] == "approve"
        self.paid.append(buyer)
        return 201, b'{"order":{"status":"paid"}}'


@contextlib.asynccontextmanager
async def open_till(*about: Any, **more: Any) -> AsyncIterator[Till]:
    till = Till(*about, **more)
    listening = await asyncio.start_server(till.talk, "127.0.0.1", 0)
    till.port = listening.sockets[0].getsockname()[1]
    yield till
    listening.close()
    await listening.wait_closed()


async def run(till: Till, program: Path | None = None, **settings: Any) -> SaleReport:
    given = {"connections": 40, "window": 0.2, "seconds": 20.0, "drain": 2.0, **settings}
    job = SaleJob(port=till.port, tokens=TOKENS, variant=VARIANT, **given)
    return await asyncio.to_thread(sale, job, program)


async def test_the_first_get_the_pieces_and_the_others_are_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with open_till(7) as till:
        report = await run(till, log=log)
    assert (report.begun, report.paid, report.sold_out, report.refusals) == (40, 7, 33, 33)
    assert (report.failed, report.waiting, report.unfinished, report.declined, report.requoted) == (0, 0, 0, 0, 0)
    assert till.seen == {
        "DELETE /v1/cart": 40,
        "POST /v1/cart/add": 40,
        "POST /v1/cart/quote": 40,
        "POST /v1/orders": 40,
        "POST /v1/payments/pay": 7,
    }
    assert len(set(till.keys)) == 40
    assert len(set(till.paid)) == 7
    counts = (report.latency.count, report.sold_out_latency.count, report.bought_latency.count)
    assert (*counts, report.pay_latency.count) == (40, 33, 7, 7)
    assert report.seconds == pytest.approx(0.2, abs=0.15)  # the warm-up is no part of it
    assert log.read_text() == "open\n"


async def test_what_a_failed_payment_frees_is_sold_to_who_comes_again() -> None:
    async with open_till(10) as till:
        report = await run(till, failing=0.2, again=20, pause=0.05)
    assert (report.paid, till.pieces, len(set(till.paid))) == (10, 0, 10)
    assert report.declined == report.cancelled == 2
    assert report.paid + report.cancelled + report.sold_out == 40
    assert till.seen["POST /v1/orders/ID/cancellation"] == 2
    assert report.refusals == report.begun - 12
    assert report.begun == till.seen["POST /v1/orders"] == len(set(till.keys))


async def test_an_order_that_was_refused_late_is_sent_again_with_the_new_quote() -> None:
    async with open_till(1, late=True) as till:
        report = await run(till, again=1, pause=0.05)
    assert (report.paid, report.sold_out, report.failed) == (1, 39, 0)
    assert report.requoted == 39
    assert report.begun == 40 + 39
    assert till.seen["POST /v1/orders"] == 40 + 39 + 39
    assert len(set(till.keys)) == 40 + 39 + 39


async def test_one_connection_serves_all_and_waiting_for_it_counts() -> None:
    async with open_till(3) as till:
        report = await run(till, connections=1, window=0.0)
    assert (report.begun, report.paid, report.sold_out) == (40, 3, 37)
    assert report.latency.max_ms == pytest.approx(report.seconds * 1e3, rel=0.3)


async def test_what_fails_is_counted_by_its_step() -> None:
    async with open_till(3, broken=("POST /v1/payments/pay",)) as till:
        report = await run(till)
    assert (report.failed, report.paid, report.sold_out) == (3, 0, 37)
    assert report.failures == (Failure("pay", 500, "status", 3, ("{}", "{}", "{}")),)
    async with open_till(3, broken=("POST /v1/cart/quote",)) as till:
        report = await run(till)
    assert (report.failed, report.begun, report.waiting) == (40, 0, 0)
    assert report.failures[0].step == "quote"


async def test_who_has_not_come_when_time_is_up_is_counted() -> None:
    async with open_till(3) as till:
        report = await run(till, window=10.0, seconds=0.3)
    assert 0 < report.begun < 40
    assert report.begun + report.waiting == 40


async def test_a_sale_without_buyers_is_refused() -> None:
    with pytest.raises(LoadError, match="A sale needs buyers and a variant"):
        await asyncio.to_thread(sale, SaleJob(port=1, tokens=(), variant=VARIANT))


async def test_the_sale_is_clean_under_the_sanitizers() -> None:
    flags = (*FLAGS, "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    try:
        program = build(flags)
    except LoadError as missing:
        if "asan" not in str(missing) and "ubsan" not in str(missing):
            raise
        pytest.skip("The C compiler has no address sanitizer here.")
    async with open_till(5, late=True) as till:
        report = await run(till, program, failing=0.5, again=30, pause=0.02)
    assert (report.paid, till.pieces, report.failed) == (5, 0, 0)
