"""A shop that is full: refusals by all ways, and callers who do not wait for their answer."""

import asyncio
from pathlib import Path

import pytest

from mercato.runtime.http.admission import BUSY
from tests.runtime.http.town import JSON, WAYS, Town, opened, request_of, send
from tests.services.conftest import until


def _adding(town: Town, token: str, **headers: str) -> bytes:
    body = b'{"variant_id":"%s","quantity":1}' % town.product.variants[0].id.encode()
    return request_of("POST", "/v1/cart/add", {**JSON, "Authorization": f"Bearer {token}", **headers}, body)


@pytest.mark.parametrize("way", WAYS)
async def test_who_comes_new_is_turned_away_and_who_has_begun_is_served(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path) as town:
        door = town.shop.edge.admission
        assert (await send(town, _adding(town, town.guest), way)).status == 200
        door.serving += BUSY
        refused = await send(town, _adding(town, town.key), way)
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert refused.headers["content-type"] == "application/problem+json"
        assert b'"code":"overloaded"' in refused.body
        assert refused.headers["x-request-id"].encode() in refused.body
        assert (await send(town, _adding(town, town.guest), way)).status == 200
        assert (await send(town, request_of("GET", "/healthz", {}), way)).status == 200
        door.serving -= BUSY
        assert (await send(town, _adding(town, town.key), way)).status in (200, 401, 403)
        assert door.serving == 0


async def test_a_request_that_waits_in_a_line_is_not_being_served(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        edge = town.shop.edge
        for _ in range(32):
            await edge.bulkheads.enter("shirt")
        edge.admission.serving = 1
        waiting = asyncio.ensure_future(edge.bulkheads.enter("shirt"))
        await until(lambda: edge.admission.serving == 0)
        edge.bulkheads.leave("shirt")
        await waiting
        assert edge.admission.serving == 1
        edge.admission.serving = 0


async def test_what_a_caller_has_sent_who_is_gone_is_not_begun(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        carts = town.shop.node.executors["carts"]
        carts._paused = True  # it takes commands, and begins none
        _, writer = await asyncio.open_connection("127.0.0.1", town.port)
        writer.write(_adding(town, town.guest))
        await until(lambda: len(carts._commands) == 1)
        assert town.shop.edge.admission.serving == 1
        writer.close()
        await writer.wait_closed()
        await until(carts._commands[0].future.cancelled)
        carts._resume()
        await until(lambda: carts.idle)
        assert town.shop.edge.admission.serving == 0
        answer = await send(town, request_of("GET", "/v1/cart", {"Authorization": f"Bearer {town.guest}"}), "lane")
        assert b'"lines":[]' in answer.body
