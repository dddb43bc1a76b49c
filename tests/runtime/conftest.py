from collections.abc import Iterator
from pathlib import Path

import pytest

from mercato.runtime.slow_work import worker
from tests.runtime.bench import Bench
from tests.runtime.errands import Home


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
