from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mercato.runtime.slow_work import worker
from mercato.services.payments import api, work
from mercato.services.payments.adapters import test_gateway
from tests.journeys.town import Town, opened


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked for is looked for often. Nobody loses patience with a machine that has other things to do."""
    monkeypatch.setattr(worker, "LOOK", 0.02)
    monkeypatch.setattr(work, "PATIENCE", 30.0)
    monkeypatch.setattr(api, "PATIENCE", 30.0)
    monkeypatch.setattr(test_gateway, "LATE", 0.05)


@pytest.fixture(params=[True, False], ids=["grouped", "savepoints"])
async def town(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    """A shop in each of the two ways in which every handler may be run."""
    async with opened(tmp_path) as made:
        for executor in made.shop.node.executors.values():
            executor.optimistic = request.param
        made.store = await made.open("first", "First Shop")
        yield made
