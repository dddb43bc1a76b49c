import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from mercato.runtime.slow_work import worker
from mercato.services.payments import api, work
from mercato.services.payments.adapters import test_gateway
from tests.journeys.distributed import Servers, apart, dropped, emptied
from tests.journeys.town import Town, opened
from tools.engines import Engine

# What the same journeys run on, beside the embedded engines: database, log of events, documents, cache, media.
APART = {
    "postgresql": ("postgresql",),
    "postgresql-kafka-redis-s3": ("postgresql", "kafka", "", "redis", "s3"),
    "mariadb-kafka-mongo": ("mariadb", "kafka", "mongo"),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked for is looked for often. Nobody loses patience with a machine that has other things to do."""
    monkeypatch.setattr(worker, "LOOK", 0.02)
    monkeypatch.setattr(work, "PATIENCE", 30.0)
    monkeypatch.setattr(api, "PATIENCE", 30.0)
    monkeypatch.setattr(test_gateway, "LATE", 0.05)


@pytest.fixture(params=["grouped", "savepoints", *(pytest.param(name, marks=pytest.mark.server) for name in APART)])
async def town(tmp_path: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]) -> AsyncIterator[Town]:
    """A shop in each of the two ways in which every handler may be run, and one whose services run apart."""
    if request.param in APART:
        database, *others = APART[request.param]
        servers = Servers(engine(database), *(engine(other) if other else None for other in others))
        databases: dict[str, Servers] = request.getfixturevalue("databases")
        name = f"journeys_{os.getpid()}_{database}"
        if databases.setdefault(name, servers) is not servers:
            emptied(servers, name)
        async with apart(tmp_path, servers, name) as made:
            made.store = await made.open("first", "First Shop")
            yield made
        return
    async with opened(tmp_path) as made:
        for executor in made.executors():
            executor.optimistic = request.param == "grouped"
        made.store = await made.open("first", "First Shop")
        yield made


@pytest.fixture(scope="session")
def databases() -> Iterator[dict[str, Servers]]:
    """The databases of this run by the beginning of their names; they are removed at its end."""
    made: dict[str, Servers] = {}
    yield made
    for name, servers in made.items():
        dropped(servers, name)
