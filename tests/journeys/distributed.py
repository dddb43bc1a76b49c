"""A town whose services run apart: nodes of their own, each with its door, its links and its databases on a server.

All of them share one event loop here, so that a journey can set their clock and wait until all is quiet. What is sent
between them goes over sockets, as between processes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import aiohttp
import msgspec
from pymongo import MongoClient

from mercato.apps.listening import free_ports
from mercato.apps.services import service_names
from mercato.apps.shop import Shop, make_parts
from mercato.runtime.database.urls import Address
from mercato.runtime.settings import Settings
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids
from tests.databases import drop, empty_tables
from tests.journeys.town import Town, _listening
from tests.services.conftest import until
from tools.engines import Engine

# Which services share a node; several nodes of a service are several processes of it. Nobody lives in the last one: it
# is the front.
NODES: tuple[tuple[str, ...], ...] = (
    ("stores", "users"),
    ("catalog", "pricing"),
    ("inventory",),
    ("inventory",),
    ("carts",),
    ("orders",),
    ("orders",),
    ("payments",),
    ("notifications",),
    ("search",),
    ("search",),
    (),
)


class Servers(msgspec.Struct, frozen=True):
    """What the nodes are on: `database` is the engine, `events` that of the log, None where it is read in place,
    `documents` that of documents, None where they are in databases, `cache` what processes share, None where each has
    its own, `media` that of pictures, None for a folder."""

    database: Engine
    events: Engine | None = None
    documents: Engine | None = None
    cache: Engine | None = None
    media: Engine | None = None


@asynccontextmanager
async def apart(folder: Path, servers: Servers, name: str) -> AsyncIterator[Town]:
    """A shop in several nodes. `name` is the beginning of its databases' names. Its topics are new: numbers in them are
    those of a log that begins."""
    clock = ManualClock()
    settings = _settings(servers, name)
    ports = free_ports("127.0.0.1", 2 * len(NODES))
    doors = ports[: len(NODES)]
    peers = {service: [f"127.0.0.1:{port}" for port, node in zip(doors, NODES, strict=True) if service in node]
             for service in service_names()}  # fmt: skip
    shops = []
    front = f"http://127.0.0.1:{ports[-1]}"
    for place, (services, door) in enumerate(zip(NODES, doors, strict=True)):
        own = msgspec.structs.replace(
            settings,
            data=folder / str(place),
            port=ports[len(NODES) + place],
            listen=f"127.0.0.1:{door}" if services else "",
            peers=" ".join(f"{service}={','.join(addresses)}" for service, addresses in peers.items()),
            keys=str(folder / "keys.json"),
            public_url=front,
        )
        parts = make_parts(own, asyncio.get_running_loop())
        shops.append(Shop(own, msgspec.structs.replace(parts, clock=clock, ids=Ids(clock)), runs=frozenset(services)))
    for shop in shops:
        shop.start()
    try:
        # The test gateway sends its notices to the process that runs payments.
        payments = next(shop for shop in shops if "payments" in shop.node.executors)
        async with aiohttp.ClientSession() as http, _listening(payments), _listening(shops[-1]):
            town = Town(shops, clock, http)
            await until(lambda: _all_consume(town))
            yield town
    finally:
        for shop in reversed(shops):
            await shop.stop()


def _all_consume(town: Town) -> bool:
    """Whether each source of each service is consumed by one of its nodes."""
    held: dict[tuple[str, str], bool] = {}
    for executor in town.executors():
        for source in executor.feeds:
            place = executor.name, source
            held[place] = held.get(place, False) or source in executor._held  # type: ignore[attr-defined]
    return all(held.values())


def _settings(servers: Servers, name: str) -> Settings:
    def named(url: str | None) -> str:
        return url.rpartition("/")[0] + f"/{name}" if url else ""

    return Settings(
        data=Path(),
        rate_limits=0.0,
        access_log="off",
        database=named(servers.database.url),
        database_owner=named(servers.database.owner_url),
        documents=named(servers.documents.url) if servers.documents is not None else "",
        events=f"{servers.events.url}/{name}_{token_hex(4)}" if servers.events is not None else "",
        cache=servers.cache.url if servers.cache is not None else "",
        media=servers.media.url if servers.media is not None else "",
    )


def emptied(servers: Servers, name: str) -> None:
    """Take everything out of the databases that are there, but for their tables."""
    _owned(servers, name, empty_tables)
    _without_documents(servers, name)


def dropped(servers: Servers, name: str) -> None:
    """Remove the databases."""
    _owned(servers, name, drop)
    _without_documents(servers, name)


def _without_documents(servers: Servers, name: str) -> None:
    if servers.documents is not None:
        with MongoClient[dict[str, Any]](servers.documents.url) as client:
            for service in service_names():
                client.drop_database(f"{name}_{service}")


def _owned(servers: Servers, name: str, change: Callable[[Address], None]) -> None:
    assert servers.database.owner_url is not None, "tests have the login of the owner"
    owner = Address.read(servers.database.owner_url)
    for service in service_names():
        change(owner.at(f"{name}_{service}"))
