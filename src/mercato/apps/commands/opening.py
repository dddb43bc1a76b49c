"""A shop from its start to its end: opened, announced, served, closed."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mercato.apps.acceptor.serving import ServerBehindAcceptor
from mercato.apps.commands.task_list import TASKS
from mercato.apps.control import ControlServer
from mercato.apps.demo import DemoAccounts, open_demo
from mercato.apps.shop import Shop, ShopServer, flush_logs, make_parts, run_in_loop
from mercato.runtime.media.store import MediaFault, MediaWrong
from mercato.runtime.settings import Settings


def open_shop(settings: Settings, sockets: list[socket.socket], *, demo: bool) -> int:
    """Serve who comes to these listening sockets until a signal; the exit code."""
    return run_in_loop(_open(settings, sockets, demo=demo))


def serve_part(settings: Settings, sockets: list[socket.socket], runs: frozenset[str]) -> int:
    """Serve these services as one process of several, until a signal; the exit code."""
    return run_in_loop(_serve_part(settings, sockets, runs))


async def _open(settings: Settings, sockets: list[socket.socket], *, demo: bool) -> int:
    shop = Shop(settings, make_parts(settings, asyncio.get_running_loop()))
    await _check_media(shop)
    shop.start()
    server, control = _server(shop), ControlServer(shop, TASKS)
    async with _running(shop, server):
        accounts = await open_demo(shop) if demo else None
        await control.start()
        _keep_what_stands()
        announcing = shop.parts.loop.create_task(_announce(server, settings, accounts))
        await server.serve(sockets)
        announcing.cancel()
        await control.stop()
    print("The shop is closed; everything is kept in", settings.data)
    return 0


async def _serve_part(settings: Settings, sockets: list[socket.socket], runs: frozenset[str]) -> int:
    shop = Shop(settings, make_parts(settings, asyncio.get_running_loop()), runs=runs)
    await _check_media(shop)
    shop.start()
    server = shop.server()
    async with _running(shop, server):
        _keep_what_stands()
        await server.serve(sockets)
    return 0


@asynccontextmanager
async def _running(shop: Shop, server: ShopServer) -> AsyncIterator[None]:
    """A shop that has been started, until its server ends; a signal ends it."""
    loop = shop.parts.loop

    def end() -> None:
        shop.node.leaving = True
        loop.call_later(shop.settings.drain, setattr, server, "should_exit", True)

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, end)
    flushing = loop.create_task(flush_logs(shop.parts))
    try:
        yield
    finally:
        flushing.cancel()
        await shop.stop()


async def _check_media(shop: Shop) -> None:
    """Media that can never work end the start; those that do not answer now are told of: all else goes on without."""
    try:
        await shop.media.check()
    except MediaWrong:
        await shop.media.close()
        raise
    except MediaFault as error:
        shop.parts.telemetry.log.error("media_unreachable", error=str(error))
        print(
            f"mercato: {error}. Pictures cannot be uploaded until it does; start it, or correct MERCATO_MEDIA.",
            file=sys.stderr,
        )


def _server(shop: Shop) -> ShopServer:
    """With an acceptor where a second processor is there for it."""
    wanted = shop.settings.acceptor
    behind = wanted == "on" or (wanted == "auto" and (os.cpu_count() or 1) > 1)
    return ServerBehindAcceptor(shop) if behind else shop.server()


def _keep_what_stands() -> None:
    """Let the garbage collector pass over what the start has made, and look less often at the rest.

    A connection is many objects. With thousands of them, looking through all holds everybody up for a tenth of a
    second, and Python would do it whenever some thousands more have come.
    """
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


async def _announce(server: object, settings: Settings, accounts: DemoAccounts | None) -> None:
    """Say where everything is, once the server listens."""
    while not getattr(server, "started", False):  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    mails = f"as files in {settings.mail_folder}" if settings.mail == "folder" else f"by {settings.mail}"
    print("The shop is open. Stop it with Ctrl-C.\n")
    print(f"  storefront  {settings.url}/")
    print(f"  API         {settings.url}/v1  (described in schemas/openapi.json and at {settings.url}/v1/openapi.json)")
    print(f"  mails       {mails}")
    print(f"  data        {settings.data}")
    if accounts is not None:
        print(f"  shopper     {accounts.email}  password {accounts.password}")
        print(f"  API key     {accounts.api_key}  (the owner's, for Authorization: Bearer)")
    print(flush=True)
