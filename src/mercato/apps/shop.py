"""A shop in one process: its data folder, its services, its edge, and the server in front of them."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import uvicorn

from mercato.apps.directory import StoreDirectory, guest_token
from mercato.apps.listening import BACKLOG
from mercato.apps.services import SERVICES, MakeService, make_services
from mercato.apps.system_routes import SystemRoutes
from mercato.frontends.storefront.mounting import storefront
from mercato.frontends.storefront.visit import Handed, Sent
from mercato.runtime.access.forwarded import trusted_proxy
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.access.limits import Limiter
from mercato.runtime.access.passwords import Argon2Passwords
from mercato.runtime.answers import encode
from mercato.runtime.cache.opening import open_cache
from mercato.runtime.cache.shared_limits import SharedLimits
from mercato.runtime.database.opening import open_database
from mercato.runtime.documents.opening import open_documents, require_documents
from mercato.runtime.http.asgi import App
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import JSON, Reply, Request
from mercato.runtime.http.lane import lane_protocol
from mercato.runtime.http.route import Route
from mercato.runtime.kafka.opening import open_bus
from mercato.runtime.log_files import LogFile
from mercato.runtime.media.opening import open_media
from mercato.runtime.node import Node
from mercato.runtime.parts import Parts, threaded_pools
from mercato.runtime.peers.network import Place
from mercato.runtime.settings import Settings
from mercato.runtime.setup import Setup
from mercato.runtime.telemetry import Telemetry
from mercato.values.clock import SystemClock
from mercato.values.ids import Ids
from mercato.values.messages import Caller, NotFound

try:
    import uvloop
except ImportError:  # it does not exist for Windows
    uvloop = None  # type: ignore[assignment]

MEGABYTE = 1_000_000

Result = TypeVar("Result")


def make_parts(settings: Settings, loop: asyncio.AbstractEventLoop) -> Parts:
    """The real clock, randomness, threads and files, for the owner of the data folder."""
    settings.data.mkdir(parents=True, exist_ok=True)
    clock = SystemClock()
    ids = Ids(clock)
    parts = Parts(
        clock=clock,
        ids=ids,
        keyring=Keyring.open(settings.keys_file, ids),
        pools=threaded_pools(loop, servers=settings.on_servers),
        open_database=partial(open_database, settings),
        open_documents=partial(open_documents, settings),
        telemetry=_telemetry(settings, clock),
        holder=settings.process if settings.on_servers else ids.new("node"),
        owns_alone=not settings.on_servers,
        loop=loop,
    )
    return msgspec.structs.replace(parts, bus=open_bus(settings, parts), cache=open_cache(settings, parts))


class Shop:
    """Services and their edge, without a server yet. `start` before, `stop` after.

    `runs` are the services of this process, None for all. One that does not run them all has its place among others,
    which the settings say; whoever comes to it by HTTP is served all the same, wherever the services are.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        makers: tuple[MakeService, ...] = SERVICES,
        runs: frozenset[str] | None = None,
    ) -> None:
        self.settings = settings
        self.parts = parts
        self.media = open_media(settings, parts)
        place = None if runs is None else Place(runs, settings.listens, settings.places)
        services = make_services(Setup(settings, parts, self.media, runs), makers)
        require_documents(settings, (service.name for service in services if service.documents), runs)
        self.node = Node(services, parts, place)
        self.directory = StoreDirectory(self.node)
        limiter = Limiter(parts.clock, settings.rate_limits)
        if parts.cache is not None and parts.cache.shared:
            limiter.sharing = SharedLimits(limiter, parts.cache, parts)
        proxy = trusted_proxy(settings.trusted_proxy)
        self.edge = Edge(self.node.calls, parts, self.directory, limiter, proxy)
        self.edge.image_origin = _origin(settings.media_url).encode()
        api = tuple(route for service in self.node.services for route in service.routes)
        pages = storefront(self.edge, self._handed(api))
        self.edge.page_of_refusal = pages.page_of_refusal
        system = SystemRoutes(self.node, api)
        self.routes: tuple[Route, ...] = (*api, *system.routes, *pages.routes)
        self.app = App(self.edge, self.routes)

    def _handed(self, api: tuple[Route, ...]) -> Handed:
        """What the storefront needs beside messages."""
        parts = self.parts
        return Handed(
            settings=self.settings,
            passwords=Argon2Passwords(parts.pools.slow),
            guest_token=lambda store: guest_token(parts.ids, parts.keyring, parts.clock, store),
            compose=_composer(self.edge, api),
            on=self.node.on,
        )

    def start(self) -> None:
        self.node.start()
        if self.parts.cache is not None:
            self.parts.cache.start()

    async def stop(self) -> None:
        await self.node.stop()
        await self.media.close()
        if self.parts.cache is not None:
            await self.parts.cache.close()
        self.parts.telemetry.close()

    def server(self) -> "ShopServer":
        """A server for this shop, with the lane in front of the application."""
        return ShopServer(self.server_config())

    def server_config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self.app,
            host=self.settings.host,
            port=self.settings.port,
            http=lane_protocol(self.edge, self.routes),
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whom to believe about who is calling is for the edge to say
            timeout_keep_alive=75,
            timeout_graceful_shutdown=10,
            backlog=BACKLOG,
        )


def _origin(url: str) -> str:
    """Scheme, host and port of an address, as a content security policy names them; "" for none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if url else ""


def _composer(edge: Edge, api: tuple[Route, ...]) -> Callable[[str, Caller, Sent], Awaitable[Reply]]:
    """Calls a route of the API for a front-end, as a request that has been let in."""
    routes = {route.name: route for route in api}

    async def compose(name: str, caller: Caller, sent: Sent) -> Reply:
        route = routes.get(name)
        if route is None:
            raise NotFound(f"this shop has no {name}")
        headers = {b"content-type": JSON, b"prefer": f"wait={sent.wait}".encode()}
        if sent.key:
            headers[b"idempotency-key"] = sent.key.encode()
        request = Request(route.method, route.path, b"", headers, encode(sent.body), "")
        request.params = sent.params
        return await route.endpoint(edge, request, caller)

    return compose


class ShopServer(uvicorn.Server):
    """uvicorn's server, told to stop by us: it would end the process before our own graceful stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run_in_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a program in the fastest event loop that there is here."""
    return asyncio.run(main) if uvloop is None else uvloop.run(main)


async def flush_logs(parts: Parts) -> None:
    """Count and log what was answered, a few times a second, until the task is cancelled."""
    while True:
        await asyncio.sleep(0.25)
        parts.telemetry.requests.flush()


def _telemetry(settings: Settings, clock: SystemClock) -> Telemetry:
    def opened(name: str) -> LogFile:
        return LogFile(settings.data / name, settings.log_megabytes * MEGABYTE, settings.log_files)

    access = opened("access.log") if settings.access_log == "file" else None
    return Telemetry(clock, access, opened("mercato.log") if settings.log == "file" else sys.stderr)
