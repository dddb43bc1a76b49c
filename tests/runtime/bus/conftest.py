from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from mercato.runtime.batches import shared
from tests.runtime.cluster import Cluster
from tests.runtime.conftest import prepared
from tests.runtime.ground import Ground
from tools.engines import Engine

# The log in place on every engine, and Kafka: (database, log of events).
BUSES = {
    "sqlite": ("sqlite", ""),
    "postgresql": ("postgresql", ""),
    "mariadb": ("mariadb", ""),
    "kafka": ("postgresql", "kafka"),
}
SERVED = [pytest.param(bus, marks=pytest.mark.server) for bus in ("postgresql", "mariadb", "kafka")]
Start = Callable[..., Cluster]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "RENEW", 0.05)
    monkeypatch.setattr("mercato.runtime.batches.shared.PAUSE_AFTER_FAULT", 0.02)


@pytest.fixture(params=["sqlite", *SERVED])
def bus(request: pytest.FixtureRequest) -> str:
    """Every kind of log; on files all services run in one process."""
    kind: str = request.param
    return kind


@pytest.fixture(params=SERVED)
def wide_bus(request: pytest.FixtureRequest) -> str:
    """Every kind of log that goes between processes."""
    kind: str = request.param
    return kind


@pytest.fixture(params=[pytest.param("kafka", marks=pytest.mark.server)])
def kafka_bus(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def bus_ground(
    tmp_path: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]
) -> Iterator[Callable[[str], Ground]]:
    """The ground for a kind of bus."""
    made: list[Iterator[Ground]] = []

    def make(kind: str) -> Ground:
        made.append(prepared(BUSES[kind][0], tmp_path, request, engine))
        return next(made[-1])

    yield make
    for each in made:
        assert next(each, None) is None


@pytest.fixture
async def cluster(
    bus_ground: Callable[[str], Ground], engine: Callable[[str], Engine]
) -> AsyncIterator[Callable[..., Cluster]]:
    """Makes a cluster over a kind of bus; its nodes are stopped at the end."""
    made: list[Cluster] = []

    def make(kind: str, *layout: tuple[str, ...]) -> Cluster:
        events = BUSES[kind][1]
        layout = (("wishes", "notebook"),) if kind == "sqlite" else layout
        made.append(Cluster(bus_ground(kind), layout, engine(events) if events else None))
        return made[-1]

    yield make
    for each in made:
        await each.close()
