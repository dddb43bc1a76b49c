"""Behind a proxy every way of a request names the same caller; without one, nobody can call under another address."""

import json
from pathlib import Path

import pytest

from mercato.contracts.users import ListLoginAttempts
from mercato.values.messages import Caller
from tests.runtime.http.town import JSON, WAYS, Town, opened, request_of, send
from tests.services.conftest import until

LOOPBACK = "127.0.0.1"
SHOPPER = "198.51.100.7"
SENT = {
    "nothing": ({}, LOOPBACK),
    "an address": ({"X-Forwarded-For": SHOPPER}, SHOPPER),
    "a forged address before it": ({"X-Forwarded-For": f"203.0.113.9, {SHOPPER}"}, SHOPPER),
    "a forged line before it": ({"X-Forwarded-For": "203.0.113.9", "x-forwarded-for": SHOPPER}, SHOPPER),
    "no address": ({"X-Forwarded-For": "nobody"}, LOOPBACK),
    "another header": ({"X-Real-IP": SHOPPER, "Forwarded": f"for={SHOPPER}"}, LOOPBACK),
}


async def _peers(town: Town, count: int) -> dict[str, str]:
    """Under which address each request was noted, by its id."""
    town.shop.parts.telemetry.requests.flush()
    log = town.shop.settings.data / "access.log"
    await until(lambda: log.read_bytes().count(b"\n") >= count)  # a thread writes it
    lines = map(json.loads, log.read_bytes().splitlines())
    return {line["request"]: line["peer"] for line in lines}


@pytest.mark.parametrize("trusted", ["127.0.0.0/8", "", "10.0.0.0/8"])
async def test_all_ways_name_the_same_caller(tmp_path: Path, trusted: str) -> None:
    async with opened(tmp_path, trusted) as town:
        wanted: dict[str, tuple[str, str, str]] = {}
        for name, (headers, behind_proxy) in SENT.items():
            for way in WAYS:
                for method, path in (("GET", "/v1/cart"), ("GET", "/v1/products"), ("POST", "/v1/cart/add")):
                    request_id = f"request-{len(wanted):04d}"
                    sent = {**headers, **JSON, "X-Request-Id": request_id}
                    await send(town, request_of(method, path, sent, b"{}" if method == "POST" else b""), way)
                    wanted[request_id] = (name, way, behind_proxy if trusted == "127.0.0.0/8" else LOOPBACK)
        noted = await _peers(town, len(wanted))
        for request_id, (name, way, peer) in wanted.items():
            assert noted[request_id] == peer, (name, way)


@pytest.mark.parametrize(("trusted", "peer"), [(LOOPBACK, SHOPPER), ("", LOOPBACK)])
async def test_a_kept_reply_is_noted_under_its_caller(tmp_path: Path, trusted: str, peer: str) -> None:
    async with opened(tmp_path, trusted) as town:
        path = f"/v1/products/{town.product.id}"
        ids = set()
        for _ in range(3):
            for way in WAYS:
                answer = await send(town, request_of("GET", path, {"X-Forwarded-For": SHOPPER}), way)
                assert answer.status == 200
                ids.add(answer.headers["x-request-id"])
        noted = await _peers(town, len(ids))
        assert {noted[request_id] for request_id in ids} == {peer}


@pytest.mark.parametrize(("trusted", "peer"), [(LOOPBACK, SHOPPER), ("", LOOPBACK)])
async def test_a_log_in_attempt_is_kept_under_its_caller(tmp_path: Path, trusted: str, peer: str) -> None:
    async with opened(tmp_path, trusted) as town:
        body = b'{"email": "ann@example.com", "password": "correct horse battery"}'
        headers = {**JSON, "X-Forwarded-For": f"203.0.113.9, {SHOPPER}"}
        for way in WAYS:
            assert (await send(town, request_of("POST", "/v1/auth/login", headers, body), way)).status == 401
        page = await town.shop.node.calls.ask(ListLoginAttempts(), Caller.system(town.store, "test"))
        assert [attempt.peer for attempt in page.items] == [peer] * len(WAYS)


@pytest.mark.parametrize("trusted", [LOOPBACK, ""])
async def test_what_is_for_this_machine_is_not_for_those_behind_a_proxy(tmp_path: Path, trusted: str) -> None:
    async with opened(tmp_path, trusted) as town:
        for way in WAYS:
            assert (await send(town, request_of("GET", "/metrics", {}), way)).status == 200
            for address in (SHOPPER, LOOPBACK, f"{SHOPPER}, ::1"):
                sent = request_of("GET", "/metrics", {"X-Forwarded-For": address})
                assert (await send(town, sent, way)).status == 404
