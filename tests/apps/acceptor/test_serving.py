"""A shop behind its acceptor, as clients see both."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runtime.http.town import PAUSE, Town, opened, request_of, send
from tests.services.conftest import until

ADD = b"POST /v1/cart/add HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = ADD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


def _cart(town: Town, request_id: str = "cart-of-a-guest") -> bytes:
    return request_of("GET", "/v1/cart", {"Authorization": f"Bearer {town.guest}", "X-Request-Id": request_id})


async def _answer(reader: asyncio.StreamReader) -> str:
    """The head of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
    return head


async def test_a_connection_that_was_handed_over_goes_on_with_the_shop(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        cart = _cart(town)
        reader, writer = await asyncio.open_connection("127.0.0.1", town.server.port)
        statuses = []
        for sent in (cart, CHUNKED, cart, request_of("GET", "/", {}), cart[:20], cart[20:]):
            writer.write(sent)
            await asyncio.sleep(PAUSE)
            if sent != cart[:20]:
                statuses.append((await _answer(reader)).split()[1])
        assert statuses == ["200", "401", "200", "200", "200"]
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("pieces", [1, 3])
async def test_pipelined_requests_are_answered_in_order(tmp_path: Path, pieces: int) -> None:
    async with opened(tmp_path) as town:
        reader, writer = await asyncio.open_connection("127.0.0.1", town.server.port)
        writer.write(_cart(town, "pipelined-0"))
        rest = _cart(town, "pipelined-1") + _cart(town, "pipelined-2")
        step = len(rest) // pieces + 1
        for start in range(0, len(rest), step):
            writer.write(rest[start : start + step])
            await asyncio.sleep(PAUSE if pieces > 1 else 0)
        for number in range(3):
            assert f"x-request-id: pipelined-{number}\r\n" in await _answer(reader)
        writer.close()
        await writer.wait_closed()


async def test_a_shop_whose_acceptor_was_killed_accepts_connections_itself(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        assert (await send(town, _cart(town), "acceptor")).status == 200
        town.server.acceptor.kill()
        await until(lambda: bool(town.server.servers))
        assert (await send(town, _cart(town), "acceptor")).status == 200
        log = tmp_path / "mercato.log"
        await until(lambda: b"acceptor_lost" in log.read_bytes())


@pytest.mark.skipif(not Path("/proc").exists(), reason="this system does not tell of processes under /proc")
def test_a_shop_that_is_killed_leaves_no_acceptor(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "mercato", "run", "--data", str(tmp_path / "data"), "--port", "0", "--empty"]
    environment = {**os.environ, "MERCATO_ACCEPTOR": "on"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as shop:  # noqa: S603
        assert shop.stdout is not None
        shop.stdout.readline()
        (child,) = Path(f"/proc/{shop.pid}/task/{shop.pid}/children").read_text().split()
        assert b"mercato.apps.acceptor" in Path(f"/proc/{child}/cmdline").read_bytes()
        shop.kill()
    for _ in range(1_000):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.01)
    raise AssertionError("it is still there")
