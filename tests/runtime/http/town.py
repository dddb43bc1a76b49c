"""A shop with a store, a product and a guest, behind servers that listen: how requests are sent to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mercato.apps.acceptor.serving import ServerBehindAcceptor
from mercato.apps.directory import guest_token
from mercato.apps.shop import Shop, make_parts
from mercato.contracts.catalog import CreateProduct, Product, ProductDraft, VariantDraft
from mercato.contracts.stores import MakeApiKey, OpenStore
from mercato.runtime.settings import Settings
from mercato.values.ids import ProductId, StoreId
from mercato.values.messages import Caller
from tests.services.conftest import until

JSON = {"Content-Type": "application/json"}
WAYS = ("lane", "asgi", "acceptor")
PAUSE = 0.05  # seconds between the two pieces, so that they arrive apart


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Town(NamedTuple):
    """`server` is the one behind an acceptor; `port` is that of another one, which accepts connections itself."""

    shop: Shop
    store: StoreId
    server: ServerBehindAcceptor
    port: int
    guest: str
    key: str
    product: Product


@asynccontextmanager
async def opened(folder: Path, trusted_proxy: str = "") -> AsyncIterator[Town]:
    settings = Settings(data=folder, port=0, rate_limits=0, trusted_proxy=trusted_proxy)
    shop = Shop(settings, make_parts(settings, asyncio.get_running_loop()))
    shop.start()
    calls, ids = shop.node.calls, shop.parts.ids
    store_id = StoreId(ids.new("sto"))
    caller = Caller.system(store_id, "test")
    await calls.do(OpenStore(store_id, "red", "Red", "EUR", cart_access="anyone"), caller)
    key = await calls.do(MakeApiKey("test"), caller)
    variants = (VariantDraft(price=1_000, stock_change=100),)
    draft = ProductDraft(handle="hat", title="Hat", currency="EUR", variants=variants, status="active")
    product = await calls.do(CreateProduct(ProductId(ids.new("prod")), draft), caller)
    executors = shop.node.executors.values()
    await until(lambda: all(one.idle and not one.has_work() for one in executors))  # prices and stock are copied
    server, behind = shop.server(), ServerBehindAcceptor(shop)
    serving = asyncio.gather(server.serve(), behind.serve())
    while not (server.started and behind.started):  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    guest = guest_token(ids, shop.parts.keyring, shop.parts.clock, store_id)
    try:
        yield Town(shop, store_id, behind, port, guest, key.secret, product)
    finally:
        server.should_exit = behind.should_exit = True
        await serving
        await shop.stop()


async def send(town: Town, request: bytes, way: str) -> Answer:
    """The answer to these bytes: in one piece the lane takes them, in two they go through uvicorn and ASGI."""
    port = town.server.port if way == "acceptor" else town.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    half = len(request) // 2 if way == "asgi" else len(request)
    writer.write(request[:half])
    await writer.drain()
    if way == "asgi":
        await asyncio.sleep(PAUSE)
        writer.write(request[half:])
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(0 if request.startswith(b"HEAD ") else int(headers.get("content-length", "0")))
    writer.close()
    await writer.wait_closed()
    return Answer(int(head[0].split()[1]), headers, body)


def request_of(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Wire(asyncio.Transport):
    """What a protocol has sent, and whether it has closed the connection."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 5_000), "sockname": ("127.0.0.1", 80)})
        self.sent = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass
