from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mercato.runtime.batches import shared
from tests.runtime.conftest import prepared
from tests.runtime.documents.shelves import Shelves
from tools.engines import Engine

# Where documents are, and the database of all else.
STORES = {"sqlite": "sqlite", "postgresql": "postgresql", "mariadb": "mariadb", "mongo": "postgresql"}
SERVED = [pytest.param(kind, marks=pytest.mark.server) for kind in ("postgresql", "mariadb", "mongo")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "PAUSE", 0.002)
    monkeypatch.setattr("mercato.runtime.batches.executor.PAUSE_AFTER_FAULT", 0.02)


@pytest.fixture(params=["sqlite", *SERVED])
async def shelves(
    tmp_path: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]
) -> AsyncIterator[Shelves]:
    """Documents on every engine of the port."""
    async for made in _made(request.param, tmp_path, request, engine):
        yield made


@pytest.fixture(params=SERVED)
async def shared_shelves(
    tmp_path: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]
) -> AsyncIterator[Shelves]:
    """Documents on every engine that several processes may share."""
    async for made in _made(request.param, tmp_path, request, engine):
        yield made


@pytest.fixture(params=[pytest.param("mongo", marks=pytest.mark.server)])
async def apart(
    tmp_path: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]
) -> AsyncIterator[Shelves]:
    """Documents apart from all else of their service."""
    async for made in _made(request.param, tmp_path, request, engine):
        yield made


async def _made(
    kind: str, folder: Path, request: pytest.FixtureRequest, engine: Callable[[str], Engine]
) -> AsyncIterator[Shelves]:
    for ground in prepared(STORES[kind], folder, request, engine):
        made = Shelves(ground, engine("mongo") if kind == "mongo" else None)
        made.empty()
        yield made
        await made.close()
