"""A real node for tests: services on SQLite files, threads for commits, a clock that stands until it is told to go on.

`async with running(tmp_path, ["users"]) as node` gives a started node; services whose events the named ones listen
to run too. Messages and events go through their bytes. Nothing is replaced but what a test hands in.
"""

import asyncio
import importlib
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from mercato.apps.directory import StoreDirectory
from mercato.contracts.stores import OpenStore, Store
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.access.limits import Limiter
from mercato.runtime.calls import Calls
from mercato.runtime.database.opening import sqlite_in
from mercato.runtime.http.asgi import App
from mercato.runtime.http.edge import Edge
from mercato.runtime.node import Node
from mercato.runtime.parts import Parts, threaded_pools
from mercato.runtime.service import Service, source_of
from mercato.runtime.settings import Settings
from mercato.runtime.setup import Setup
from mercato.runtime.telemetry import Telemetry
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids, StoreId
from mercato.values.messages import BUYER, STAFF, USER, Caller, Event

PATIENCE = 10.0  # seconds after which something that should happen soon counts as missing

Change = Callable[[Service, Setup], Service]


class Running(Node):
    """A node with its clock and log, and everything that its services have told since it was started."""

    def __init__(self, services: Iterable[Service], setup: Setup, clock: ManualClock, log: io.StringIO) -> None:
        super().__init__(services, setup.parts)
        self.setup = setup
        self.clock = clock
        self.log = log
        self.told: list[Event] = []

    def told_of(self, *kinds: type[Event]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kinds)]


@asynccontextmanager
async def running(
    folder: Path, names: Sequence[str], *, clock: ManualClock | None = None, change: Change | None = None
) -> AsyncIterator[Running]:
    """A started node. `folder` keeps its files, so that a second one goes on where the first has ended.

    `change` may hand back another form of a service, as with another mailer.
    """
    clock, log = clock or ManualClock(), io.StringIO()
    setup = Setup(Settings(data=folder, rate_limits=0.0, access_log="off"), _parts(folder, clock, log))
    services = [change(service, setup) if change else service for service in _services(names, setup)]
    node = Running(services, setup, clock, log)
    for kind in {kind for service in services for kind in _events_of(service.name)}:
        node.on(kind, lambda _envelope, event: node.told.append(event))
    node.start()
    try:
        yield node
    finally:
        await node.stop()


async def until(holds: Callable[[], Any]) -> Any:
    """Wait until `holds()` answers with something, and answer with it. Raises TimeoutError when it never does."""
    async with asyncio.timeout(PATIENCE):
        while not (found := holds()):  # noqa: ASYNC110 - what is waited for sets no event, as a file that appears
            await asyncio.sleep(0.005)
        return found


async def settled(node: Running) -> None:
    """Wait until every event has had its effect and no slow work is under way (what is put off may wait)."""

    def quiet() -> bool:
        idle = all(executor.idle and not executor.has_work() for executor in node.executors.values())
        return idle and all(not sum(worker._held.values()) for worker in node._workers.values())

    for _ in range(3):
        await until(quiet)
        await asyncio.sleep(0.01)


async def open_store(calls: Calls, name: str, **settings: Any) -> Store:
    """A store named after its handle, at the host HANDLE.example."""
    given = {"hosts": (f"{name}.example",), "mail_from": f"shop@{name}.example", "url": f"https://{name}.example"}
    command = OpenStore(StoreId(f"sto_{name}"), name, name.title(), "EUR", **{**given, **settings})
    return await calls.do(command, Caller.system("", "test"))


def stored(folder: Path, service: str) -> bytes:
    """Everything in the files of a service's database, whatever its form."""
    return b"".join(file.read_bytes() for file in folder.glob(f"{service}.db*"))


def system(store: str) -> Caller:
    return Caller.system(store, "test")


def staff(store: str) -> Caller:
    return Caller(store=store, roles=STAFF, request="test")


def user(store: str, user_id: str) -> Caller:
    return Caller(store=store, buyer=user_id, roles=BUYER | USER, request="test")


class Response(msgspec.Struct):
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Web:
    """Sends requests to the routes of a node, as they would come from the wire. `host` names the store."""

    def __init__(self, node: Running) -> None:
        directory = StoreDirectory(node)
        limiter = Limiter(node.clock, node.setup.settings.rate_limits)
        edge = Edge(node.calls, node.parts, directory, limiter)
        self._app = App(edge, [route for service in node.services for route in service.routes])

    async def __call__(
        self, method: str, path: str, body: Any = None, *, host: str, token: str = "", **headers: str
    ) -> Response:
        named = {"host": host, "content-type": "application/json", **headers}
        if token:
            named["authorization"] = f"Bearer {token}"
        path, _, query = path.partition("?")
        sent = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": sent,
            "client": ("192.0.2.1", 50_000),
        }
        messages: list[dict[str, Any]] = []
        content = b"" if body is None else msgspec.json.encode(body)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content}

        async def send(message: Any) -> None:
            messages.append(message)

        await self._app(scope, receive, send)
        begin, *rest = messages
        return Response(begin["status"], dict(begin["headers"]), b"".join(message["body"] for message in rest))


def _parts(folder: Path, clock: ManualClock, log: io.StringIO) -> Parts:
    loop = asyncio.get_running_loop()
    ids = Ids(clock)
    return Parts(
        clock=clock,
        ids=ids,
        keyring=Keyring.open(folder / "keys.json", ids),
        pools=threaded_pools(loop),
        open_database=sqlite_in(folder),
        telemetry=Telemetry(clock, log=log),
        holder=ids.new("req"),
        recode=True,
        owns_alone=True,
        loop=loop,
    )


def _services(names: Sequence[str], setup: Setup) -> list[Service]:
    """The named services, and those whose events they listen to, directly or not."""
    made: dict[str, Service] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name not in made:
            made[name] = importlib.import_module(f"mercato.services.{name}.service").service(setup)
            wanted += {source_of(row.event) for row in made[name].listeners}
    return list(made.values())


def _events_of(name: str) -> list[type[Event]]:
    contract = importlib.import_module(f"mercato.contracts.{name}")
    known = [value for value in vars(contract).values() if isinstance(value, type) and issubclass(value, Event)]
    return [kind for kind in known if kind.__module__ == contract.__name__]
