"""The lane, ASGI and an acceptor answer alike: every hot route, with every attack that applies, sent all ways and
compared.

A request that comes in one piece is taken by the lane; the same bytes in two pieces go through uvicorn and ASGI.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from mercato.contracts.catalog import CreateProduct, ProductDraft, VariantDraft
from mercato.contracts.stores import OpenStore
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.lane import LaneProtocol, lane_protocol
from mercato.runtime.http.route import Route
from mercato.values.ids import ProductId, StoreId
from mercato.values.messages import Caller
from tests.runtime.http.town import JSON, PAUSE, WAYS, Answer, Town, Wire, opened, request_of, send
from tests.services.conftest import until

DRAFT = ProductDraft(handle="cap", title="Cap", currency="EUR", variants=(VariantDraft(price=500),), status="draft")


# Bodies that no hot POST route takes, with the headers that they are sent with.
ATTACKS: dict[str, tuple[dict[str, str], bytes]] = {
    "no body": (JSON, b""),
    "no JSON": (JSON, b"{"),
    "not UTF-8": (JSON, b'{"a": "\xff"}'),
    "JSON as text": ({"Content-Type": "text/plain"}, b"{}"),
    "a list": (JSON, b"[]"),
    "unknown field": (JSON, b'{"price": 1, "store": "sto_x", "role": "staff"}'),
    "null": (JSON, b"null"),
    "deep": (JSON, b"[" * 5_000),
    "number too large": (JSON, b'{"variant_id": "var_1", "quantity": 9223372036854775808}'),
    "fraction": (JSON, b'{"variant_id": "var_1", "quantity": 1.5}'),
    "negative": (JSON, b'{"variant_id": "var_1", "quantity": -1}'),
    "text for a number": (JSON, b'{"variant_id": "var_1", "quantity": "1"}'),
    "unknown variant": (JSON, b'{"variant_id": "var_1", "quantity": 1}'),
    "bad key": ({**JSON, "Idempotency-Key": "a b"}, b"{}"),
    "long key": ({**JSON, "Idempotency-Key": "k" * 256}, b"{}"),
    "superscript wait": ({**JSON, "Idempotency-Key": "k", "Prefer": "wait=\xb2"}, b"{}"),
    "last request": ({**JSON, "Connection": "close"}, b"{}"),
    "unusual spacing": ({**JSON, "Accept": " a,  b "}, b"{}"),
}
CALLERS = ("nobody", "guest", "staff", "stranger", "other scheme")


def _authorization(town: Town, who: str) -> dict[str, str]:
    tokens = {"guest": f"Bearer {town.guest}", "staff": f"Bearer {town.key}", "stranger": "Bearer ms_unknown"}
    tokens["other scheme"] = "Basic YTpi"
    return {"Authorization": tokens[who]} if who in tokens else {}


def _all_requests(town: Town) -> dict[str, tuple[str, str, dict[str, str], bytes]]:
    """Every hot route with every caller, and with every attack that it can be sent."""
    requests = {}
    for route in (route for route in town.shop.routes if route.hot):
        for value in (town.product.id, "unknown", "..%2f", "%ff") if route.params else ("",):
            path = route.path.replace("{" + route.params[0] + "}", value) if route.params else route.path
            for who in CALLERS:
                headers = _authorization(town, who)
                name = f"{route.method} {path} by {who}"
                requests[name] = (route.method, path, headers, b"")
                requests[f"{name}, query"] = (route.method, f"{path}?x=1&x=2", headers, b"")
                requests[f"{name}, HEAD"] = ("HEAD", path, headers, b"")
        if route.method == "POST":
            for attack, (headers, body) in ATTACKS.items():
                sent = {**_authorization(town, "guest"), **headers}
                requests[f"{route.method} {route.path} with {attack}"] = ("POST", route.path, sent, body)
    return requests


async def _log_lines(town: Town, request_id: str) -> list[tuple[object, ...]]:
    town.shop.parts.telemetry.requests.flush()
    log = town.shop.settings.data / "access.log"
    await until(lambda: request_id.encode() in log.read_bytes())  # a thread writes it
    lines = map(json.loads, log.read_bytes().splitlines())
    fields = ("store", "method", "route", "status", "peer", "buyer", "code")
    return [tuple(line.get(field, "") for field in fields) for line in lines if line["request"] == request_id]


async def test_all_ways_answer_alike(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        requests = _all_requests(town)
        assert len(requests) > 100
        gate = asyncio.Semaphore(32)

        async def by_all(number: int, method: str, path: str, headers: dict[str, str], body: bytes) -> list[Answer]:
            async with gate:
                answers = []
                for way in WAYS:
                    sent = {**headers, "X-Request-Id": f"request-{number:05d}-{way:.4}"}
                    answers.append(await send(town, request_of(method, path, sent, body), way))
                return answers

        found = await asyncio.gather(*(by_all(number, *request) for number, request in enumerate(requests.values())))
        for number, (name, answers) in enumerate(zip(requests, found, strict=True)):
            ids = [f"request-{number:05d}-{way:.4}" for way in WAYS]
            lines = [await _log_lines(town, request_id) for request_id in ids]
            assert len(lines[0]) == 1, name
            by_lane = answers[0]
            assert by_lane.status < 500, name
            for answer, request_id, line in zip(answers[1:], ids[1:], lines[1:], strict=True):
                assert answer.status == by_lane.status, name
                assert answer.headers.keys() == by_lane.headers.keys(), name
                varying = ("date", "x-request-id", "etag")
                for header in answer.headers.keys() - {*varying}:
                    assert answer.headers[header] == by_lane.headers[header], (name, header)
                assert answer.body.replace(request_id.encode(), ids[0].encode()) == by_lane.body, name
                assert line == lines[0], name


async def test_all_ways_count_alike(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        for way in WAYS:
            await send(town, request_of("GET", f"/v1/products/{town.product.id}", {}), way)
        await send(town, request_of("GET", f"/v1/products/{town.product.id}", {}), "lane")
        counted = town.shop.parts.telemetry.exposition().decode()
        line = 'mercato_requests_total{method="GET",route="/v1/products/{product_id}",status="200"} 4.0'
        assert line in counted


async def test_each_method_and_path_is_counted_for_itself(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        routes = town.shop.routes
        counted = [town.shop.edge.metrics(route) for route in routes]
        assert [(metrics.method, metrics.route) for metrics in counted] == [(each.method, each.path) for each in routes]


@pytest.mark.parametrize("pieces", [1, 3])
async def test_pipelined_requests_are_answered_in_order(tmp_path: Path, pieces: int) -> None:
    async with opened(tmp_path) as town:
        reader, writer = await asyncio.open_connection("127.0.0.1", town.port)
        path = f"/v1/products/{town.product.id}"
        sent = b"".join(request_of("GET", path, {"X-Request-Id": f"pipelined-{n}"}) for n in range(4))
        step = len(sent) // pieces + 1
        for start in range(0, len(sent), step):
            writer.write(sent[start : start + step])
            await asyncio.sleep(PAUSE)
        for number in range(4):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            assert f"x-request-id: pipelined-{number}\r\n" in head
            length = int(head.split("content-length: ")[1].split("\r\n")[0])
            await reader.readexactly(length)
        writer.close()
        await writer.wait_closed()


async def test_a_kept_reply_is_the_same_by_all_ways(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        path = f"/v1/products/{town.product.id}"
        first = await _kept(town, path)
        for headers in ({}, {"If-None-Match": first.headers["etag"]}, {"If-None-Match": '"other"'}):
            request = request_of("GET", path, headers)
            sent = [await send(town, request, way) for way in ("lane", "lane", "asgi", "lane", "acceptor")]
            assert len({answer.headers.pop("x-request-id") for answer in sent}) == len(sent)
            for answer in sent:
                answer.headers.pop("date")
            assert sent == [sent[0]] * len(sent)
            assert sent[0].status == (304 if headers == {"If-None-Match": first.headers["etag"]} else 200)


async def _kept(town: Town, path: str) -> Answer:
    """The reply at this path, when the lane keeps it and nothing changes any more."""
    async with asyncio.timeout(10):
        while True:
            answer = await send(town, request_of("GET", path, {}), "lane")
            if town.shop.edge.find_kept(_product_route(town), "localhost", path) is not None:
                return answer
            await asyncio.sleep(0.01)


def _product_route(town: Town) -> Route:
    return next(route for route in town.shop.routes if route.cache is not None)


async def test_a_kept_reply_is_not_sent_to_the_next_store_of_its_host(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        calls, ids = town.shop.node.calls, town.shop.parts.ids
        path = f"/v1/products/{town.product.id}"
        request = request_of("GET", path, {})
        assert (await _kept(town, path)).status == 200
        blue = StoreId(ids.new("sto"))
        await calls.do(OpenStore(blue, "blue", "Blue", "EUR", ("localhost",)), Caller.system(blue, "test"))
        async with asyncio.timeout(10):
            while (await send(town, request, "lane")).status == 200:  # noqa: ASYNC110 - until the notice has come
                await asyncio.sleep(0.01)
        assert [(await send(town, request, way)).status for way in WAYS] == [404] * len(WAYS)


async def test_a_reply_to_somebody_is_not_kept_for_others(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        caller = Caller.system(town.store, "test")
        hat = await town.shop.node.calls.do(CreateProduct(ProductId(town.shop.parts.ids.new("prod")), DRAFT), caller)
        request = {who: request_of("GET", f"/v1/products/{hat.id}", _authorization(town, who)) for who in CALLERS}
        statuses = [(await send(town, request[who], "lane")).status for who in ("staff", "nobody", "guest", "staff")]
        assert statuses == [200, 404, 404, 200]


async def test_a_kept_reply_is_forgotten_when_its_product_changes(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        path = f"/v1/products/{town.product.id}"

        async def available() -> int:
            answer = await send(town, request_of("GET", path, {}), "lane")
            return int(json.loads(answer.body)["variants"][0].get("available", 0))

        async with asyncio.timeout(10):
            while await available() != 100:  # noqa: ASYNC110 - looks as a shopper does
                await asyncio.sleep(0.01)
            variant = town.product.variants[0].id
            body = json.dumps({"change": -1}).encode()
            request = request_of("POST", f"/v1/inventory/{variant}", {**JSON, **_authorization(town, "staff")}, body)
            assert (await send(town, request, "lane")).status == 200
            while await available() != 99:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        answer = await send(town, request_of("GET", path, {}), "lane")
        again = request_of("GET", path, {"If-None-Match": answer.headers["etag"]})
        assert [(await send(town, again, way)).status for way in WAYS] == [304] * len(WAYS)


def _connected(town: Town, *routes: Route) -> tuple[LaneProtocol, Wire]:
    """A connection to a shop that has these hot routes."""
    config = uvicorn.Config(town.shop.app, log_level="critical", lifespan="off")
    config.load()
    make: Any = lane_protocol(town.shop.edge, routes)
    lane: LaneProtocol = make(config=config, server_state=ServerState(), app_state={})
    wire = Wire()
    lane.connection_made(wire)
    return lane, wire


async def test_an_endpoint_may_wait_often_and_what_comes_meanwhile_is_answered_afterwards(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        doors = [asyncio.get_running_loop().create_future() for _ in range(2)]

        async def patient(_edge: Edge, request: Request, _caller: Caller) -> Reply:
            await asyncio.sleep(0)
            return Reply(200, request.params["n"].encode() + b"".join([await door for door in doors]))

        lane, wire = _connected(town, Route("GET", "/v1/patient/{n}", patient, "patient", hot=True))
        for number in range(2):
            lane.data_received(request_of("GET", f"/v1/patient/{number}", {}))
        for door in doors:
            await asyncio.sleep(0.01)
            assert wire.sent == b""
            door.set_result(b"!")
        await asyncio.sleep(0.01)
        assert [part[-3:] for part in wire.sent.split(b"HTTP/1.1 200 OK")[1:]] == [b"0!!", b"1!!"]


async def test_a_reply_that_will_never_come_closes_the_connection(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        door = asyncio.get_running_loop().create_future()

        async def hopeless(_edge: Edge, _request: Request, _caller: Caller) -> Reply:
            await door
            raise AssertionError("it was cancelled")

        lane, wire = _connected(town, Route("GET", "/v1/hopeless", hopeless, "hopeless", hot=True))
        seen: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: seen.append(context))
        lane.data_received(request_of("GET", "/v1/hopeless", {}))
        door.cancel()
        await asyncio.sleep(0.01)
        assert (wire.sent, wire.closed) == (b"", True)


async def test_a_client_that_does_not_read_gets_no_more_from_the_lane(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        path = f"/v1/products/{town.product.id}"
        await _kept(town, path)
        lane, wire = _connected(town, _product_route(town))
        lane.data_received(request_of("GET", path, {}))
        once = len(wire.sent)
        assert once > 0
        lane.pause_writing()
        lane.data_received(request_of("GET", path, {}))
        await asyncio.sleep(0.05)
        assert len(wire.sent) == once
        lane.resume_writing()
        await asyncio.sleep(0.05)
        assert wire.sent.count(b"HTTP/1.1 200 OK") == 2


async def test_a_graceful_stop_finishes_the_request_and_says_that_it_is_the_last(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        door = asyncio.get_running_loop().create_future()

        async def patient(_edge: Edge, _request: Request, _caller: Caller) -> Reply:
            await door
            return Reply(204)

        lane, wire = _connected(town, Route("GET", "/v1/patient", patient, "patient", hot=True))
        lane.data_received(request_of("GET", "/v1/patient", {}))
        lane.shutdown()
        assert not wire.closed
        door.set_result(None)
        await asyncio.sleep(0.01)
        assert b"\r\nconnection: close\r\n" in wire.sent
        assert wire.closed
