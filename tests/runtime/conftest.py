from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mercato.runtime.slow_work import worker
from tests.runtime.bench import Bench
from tests.runtime.errands import Home
from tests.runtime.ground import Ground
from tools.engines import Engine

SERVERS = [pytest.param(kind, marks=pytest.mark.server) for kind in ("postgresql", "mariadb")]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Where errands begin; who looks for work looks often."""
    monkeypatch.setattr(worker, "LOOK", 0.01)
    monkeypatch.setattr("mercato.runtime.schedule.TICK", 0.01)
    return Home(tmp_path)


@pytest.fixture(params=["sqlite", *SERVERS])
def ground(tmp_path: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]) -> Iterator[Ground]:
    """Databases on every engine of the port."""
    yield from prepared(request.param, tmp_path, request, engine)


@pytest.fixture(params=SERVERS)
def shared_ground(tmp_path: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]) -> Iterator[Ground]:
    """Databases on every engine that several processes may share."""
    yield from prepared(request.param, tmp_path, request, engine)


@pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.server)])
def postgresql_ground(
    tmp_path: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]
) -> Iterator[Ground]:
    yield from prepared(request.param, tmp_path, request, engine)


def prepared(
    kind: str, folder: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]
) -> Iterator[Ground]:
    """Databases that are there already are emptied: making them takes longer than many a test."""
    ground = Ground(kind, folder, None if kind == "sqlite" else engine(kind))
    known: dict[tuple[str, str], Ground] = request.getfixturevalue("grounds")
    ground.emptied(service for other, service in known if other == kind)
    yield ground
    known.update(dict.fromkeys(((kind, service) for service in ground.services), ground))
    ground.close()


@pytest.fixture(scope="session")
def grounds() -> Iterator[dict[tuple[str, str], Ground]]:
    """The databases of this run by engine and service; they are removed at its end."""
    made: dict[tuple[str, str], Ground] = {}
    yield made
    for (_, service), ground in made.items():
        ground.dropped((service,))
