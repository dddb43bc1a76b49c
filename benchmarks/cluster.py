"""A shop whose services run apart: `mercato run --distributed` on real servers, on databases of its own.

The servers are those of tools/engines, and have to be up: `python -m tools.engines up postgresql kafka redis`.
"""

import contextlib
import time
from collections.abc import Iterator
from http.client import OK, HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from benchmarks import processes
from benchmarks.outcome import BenchmarkError, tell
from benchmarks.seed import Seed, Seeded
from benchmarks.server import MOST_TO_START, Server, server
from mercato.apps.services import service_names
from mercato.runtime.database.urls import Address
from tools.engines import Engine, Unavailable, find

LOOK = 0.05
PAIR = ("postgresql-first", "postgresql-second")
OPEN = "The shop is open"


def engine(name: str) -> Engine:
    """A server that is up. Raises BenchmarkError that says how to have it."""
    try:
        return find(name)
    except Unavailable as why:
        raise BenchmarkError(f"{name} is needed: {why}") from None


class Cluster:
    """Databases on PostgreSQL under one name, events on Kafka under the same, and the shop over them."""

    def __init__(self, shop: Server, name: str, owner: Address) -> None:
        self.shop = shop
        self.name = name
        self._owner = owner

    def start(self, counts: str = "") -> float:
        """Start all processes, so many of each; the seconds until all take orders."""
        self.shop.options = ("--distributed", *(("--processes", counts) if counts else ()))
        out = self.shop.folder / "server.out"
        said = out.read_text(errors="replace").count(OPEN) if out.exists() else 0
        begun = time.monotonic()
        self.shop.start(path="/readyz")
        while out.read_text(errors="replace").count(OPEN) == said:
            if time.monotonic() > begun + MOST_TO_START:
                raise BenchmarkError(f"not all services take orders:\n{out.read_text(errors='replace')[-3_000:]}")
            time.sleep(LOOK)
        return time.monotonic() - begun

    def pids(self) -> dict[str, int]:
        """The processes that serve something, by name, as in `orders-1`."""
        return {name: pid for name, (pid, _) in self._processes().items()}

    def ports(self) -> dict[str, int]:
        """Where each listens for HTTP."""
        return {name: port for name, (_, port) in self._processes().items()}

    def is_ready(self, name: str) -> bool:
        """Whether a process takes orders."""
        port = self.ports().get(name)
        if port is None:
            return False
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == OK
        except OSError:
            return False
        finally:
            connection.close()

    def _processes(self) -> dict[str, tuple[int, int]]:
        """Process and port by name."""
        found = {}
        for pid in processes.family(self.shop.pid)[1:]:
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                if "serve" in words:
                    name = Path(words[words.index("--data") + 1]).name
                    found[name] = pid, int(words[words.index("--port") + 1])
        return found

    def cpu_seconds(self) -> dict[str, float]:
        """Of each service and front-end, all its processes together."""
        used: dict[str, float] = {}
        for name, pid in self.pids().items():
            service = name.rpartition("-")[0]
            used[service] = used.get(service, 0.0) + processes.cpu_seconds(pid)
        return used

    def ask(self, service: str, question: str) -> list[tuple[Any, ...]]:
        """Rows of a service's database, whatever the store."""
        database = f"{self.name}_{service}"
        with psycopg.connect(self._owner.at(database).url) as connection:
            connection.execute(f'SET ROLE "{database}_across"'.encode())
            return connection.execute(question.encode()).fetchall()

    @property
    def gateway_files(self) -> list[Path]:
        """What the test gateway has written down: each process of payments has one of its own."""
        return sorted(self.shop.data.glob("payments-*/test_gateway.jsonl"))

    def drop(self) -> None:
        with psycopg.connect(self._owner.at("postgres").url, autocommit=True) as connection:
            for service in service_names():
                database = f"{self.name}_{service}"
                connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'.encode())
                for role in ("app", "across"):
                    connection.execute(f'DROP ROLE IF EXISTS "{database}_{role}"'.encode())


def _postgresql(pair: bool) -> tuple[Address, Address]:
    """Where it is, for the shop and for its owner: one server, or two of which one takes changes."""
    if not pair:
        return _logins(engine("postgresql"))
    logins = [_logins(engine(name)) for name in PAIR]
    user, owner = (_together(*each) for each in zip(*logins, strict=True))
    return user, owner


def _logins(server: Engine) -> tuple[Address, Address]:
    assert server.url is not None, "PostgreSQL has an address"
    assert server.owner_url is not None, "PostgreSQL is started with its owner's login"
    return Address.read(server.url), Address.read(server.owner_url)


def _together(first: Address, second: Address) -> Address:
    url = first.url.replace(f"{first.host}:{first.port}", f"{first.host}:{first.port},{second.host}:{second.port}")
    return Address.read(f"{url}?target_session_attrs=read-write")


def _drop_documents(url: str, name: str) -> None:
    with contextlib.suppress(PyMongoError), MongoClient[dict[str, Any]](url, timeoutMS=5_000) as client:
        for service in service_names():
            client.drop_database(f"{name}_{service}")


@contextlib.contextmanager
def cluster(
    seed: Seed, parent: Path | None, *, through: str = "", pair: bool = False, documents: str = ""
) -> Iterator[tuple[Cluster, Seeded]]:
    """A filled shop, not yet started; the end of the block removes it. `through` is the HOST:PORT by which its
    processes reach PostgreSQL, where that is not the server's own. A `pair` is a primary with a synchronous standby.
    `documents` is the engine that has the documents; "": they are on PostgreSQL too."""
    (user, owner), events = _postgresql(pair), engine("kafka")
    name = f"bench_{int(time.time()):x}"
    environment = {
        "MERCATO_DATABASE": user.at(name).url,
        "MERCATO_DATABASE_OWNER": owner.at(name).url,
        "MERCATO_CACHE": engine("redis").url or "",
    }
    if documents:
        environment["MERCATO_DOCUMENTS"] = f"{str(engine(documents).url).rpartition('/')[0]}/{name}"
    with server(seed, environment, parent=parent) as (shop, seeded):
        shop.environment["MERCATO_EVENTS"] = f"{events.url}/{name}"
        if through:
            shop.environment["MERCATO_DATABASE"] = user.at(name).url.replace(f"{user.host}:{user.port}", through)
        made = Cluster(shop, name, owner)
        try:
            yield made, seeded
        finally:
            shop.kill_all()
            with contextlib.suppress(psycopg.Error):
                made.drop()
            if documents:
                _drop_documents(environment["MERCATO_DOCUMENTS"], name)
            tell(f"removed {name}")
