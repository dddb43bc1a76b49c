"""One incarnation of the shop: the whole of it, started on the files that the one before has left."""

import io
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import msgspec

from mercato.apps.services import SERVICES, MakeService
from mercato.apps.shop import Shop
from mercato.apps.simulate.clock import SimulatedClock
from mercato.apps.simulate.disk import Disk
from mercato.apps.simulate.events import FaultyListeners, tamper
from mercato.apps.simulate.gateway import GatewayLine
from mercato.apps.simulate.index import SimulatedShelf
from mercato.apps.simulate.loop import Process, SimulatedLoop
from mercato.apps.simulate.mail import MailLine
from mercato.apps.simulate.passwords import SimulatedPasswords
from mercato.apps.simulate.pools import SimulatedCommits, SimulatedWork
from mercato.apps.simulate.weather import Weather
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.batches.executor import Batch, Executor
from mercato.runtime.database.engine import CompiledStatements
from mercato.runtime.database.sqlite import SqliteDatabase
from mercato.runtime.node import Node
from mercato.runtime.parts import Parts, Pools
from mercato.runtime.service import Service
from mercato.runtime.settings import Settings
from mercato.runtime.telemetry import Telemetry
from mercato.services.notifications.service import service as notifications
from mercato.services.payments.service import service as payments
from mercato.services.search.service import service as search
from mercato.services.users.service import service as users
from mercato.values.ids import Ids

COMPILED = CompiledStatements("sqlite")  # statements are compiled once, not for each process of each seed


class Surroundings(msgspec.Struct):
    """What a process is started in: it is the same for all incarnations of one simulation.

    `reached` is called at named points and may raise Killed, `on_kill` after it did; `committed` is told of each
    batch that is durable, `logged` of each line in the log.
    """

    loop: SimulatedLoop
    clock: SimulatedClock
    weather: Weather
    disk: Disk
    folder: Path
    gateway: Any
    mail: Any
    index: SimulatedShelf
    listeners: FaultyListeners
    reached: Callable[[str], None]
    on_kill: Callable[[], None]
    committed: Callable[[str, Batch], None]
    logged: Callable[[str], None]


class ShopProcess(Process):
    """`number` counts incarnations; with the seed it says what is drawn in this one."""

    def __init__(self, around: Surroundings, seed: str, number: int) -> None:
        super().__init__()
        self.number = number
        self.shop: Shop | None = None
        self.protocol: Callable[[], Any] | None = None
        self._around = around
        self._seed = f"{seed} process {number}"
        self._files: list[apsw.Connection] = []
        self._services: dict[str, Executor] = {}
        self._changes: dict[str, int] = {}

    @property
    def node(self) -> Node:
        assert self.shop is not None, "the process has not been started"
        return self.shop.node

    @property
    def index_mark(self) -> int:
        """Up to which change of its entries search's index has everything."""
        return self._around.index.index.mark

    def has_changed(self, service: str) -> bool:
        """Whether any row of this service is another than when this was asked before."""
        database: Any = self._services[service].database
        changes: int = database.writer.raw.total_changes()
        changed = changes != self._changes.get(service)
        self._changes[service] = changes
        return changed

    def start(self) -> None:
        """Open the shop. Raises what keeps it from starting."""
        self.run(self._start)

    def die(self) -> None:
        """Nothing of it runs any more; what was not committed is rolled back."""
        logging.disable()  # uvicorn tells of requests that end with their process
        try:
            self._around.loop.kill(self)
        finally:
            logging.disable(logging.NOTSET)
        for connection in self._files:
            with suppress(apsw.Error):  # it is closed already
                connection.close(True)  # also where a statement was not read to its end

    def _start(self) -> None:
        around, settings = self._around, self._settings()
        parts = self._parts()
        shop = Shop(settings, parts, self._makers())
        self._services = shop.node.executors
        for name, executor in self._services.items():
            executor.committed.append(partial(around.committed, name))
            tamper(executor, around.loop, around.weather, self._chance(f"events of {name}"), around.listeners)
        shop.start()
        config = shop.server().config
        config.load()
        state = _ServerState()
        kind: Any = config.http_protocol_class
        self.shop = shop
        self.protocol = lambda: kind(config, state, {}, around.loop)

    def _settings(self) -> Settings:
        return Settings(data=self._around.folder, rate_limits=self._around.weather.rate_limits, access_log="off")

    def _parts(self) -> Parts:
        around = self._around
        ids = Ids(around.clock, self._chance("ids"))
        commits = SimulatedCommits(around.loop, around.weather, self._chance("commits"), around.on_kill)
        work = SimulatedWork(self._chance("work"))
        return Parts(
            clock=around.clock,
            ids=ids,
            keyring=Keyring.open(around.folder / "keys.json", ids),
            pools=Pools(commits, work, work),
            open_database=self._open_database,
            telemetry=Telemetry(around.clock, log=_Lines(around.logged)),
            holder=ids.new("node"),
            reached=around.reached,
            recode=True,
            owns_alone=True,
            loop=around.loop,
        )

    def _open_database(self, service: str) -> SqliteDatabase:
        database = SqliteDatabase(self._around.folder / f"{service}.db", self._open_file)
        database.compiled = COMPILED
        return database

    def _open_file(self, path: Path) -> apsw.Connection:
        connection = self._around.disk.open(path)
        self._files.append(connection)
        return connection

    def _makers(self) -> tuple[MakeService, ...]:
        """All services, with simulated outside parties where there are any."""
        around = self._around

        def made(make: MakeService) -> MakeService:
            def service(setup: Any) -> Service:
                if make is payments:
                    line = GatewayLine(around.gateway, around.loop, self._chance("gateway line"))
                    return around.listeners.tampered(payments(setup, line))
                if make is notifications:
                    return around.listeners.tampered(notifications(setup, MailLine(around.mail)))
                if make is search:
                    return around.listeners.tampered(search(setup, around.index))
                if make is users:
                    return around.listeners.tampered(users(setup, SimulatedPasswords(setup.parts.pools.slow)))
                return around.listeners.tampered(make(setup))

            return service

        return tuple(made(make) for make in SERVICES)

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self._seed} {what}")


class _ServerState:
    """What uvicorn's protocol counts in. Its own default headers have the machine's time."""

    def __init__(self) -> None:
        self.total_requests = 0
        self.connections: set[Any] = set()
        self.tasks: set[Any] = set()
        self.default_headers: list[tuple[bytes, bytes]] = []


class _Lines(io.TextIOBase):
    """Hands each line of the log on."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def write(self, text: str) -> int:
        if text != "\n":
            self._tell(text)
        return len(text)
