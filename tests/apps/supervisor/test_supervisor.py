"""What ends is started again, after pauses that grow while it does not stay."""

import asyncio
import sys
from pathlib import Path

import pytest

from mercato.apps.supervisor import supervisor as module
from mercato.apps.supervisor.plan import Planned
from mercato.apps.supervisor.supervisor import Supervisor
from mercato.runtime.settings import Settings
from tests.services.conftest import until

# Says who it is on its log, and ends.
BRIEF = "import sys; print('{\"event\":\"begun\"}', file=sys.stderr); print('mercato: no luck', file=sys.stderr)"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(Planned, "words", lambda _planned, _data: [])
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.01, 0.02))
    monkeypatch.setattr(module, "_is_ready", lambda _port: False)
    return []


async def _run(supervisor: Supervisor, told: list[str], lines: int) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(supervisor.run(stop, lambda: None))
    await until(lambda: len(told) >= lines)
    stop.set()
    await running


async def test_a_process_that_ends_is_started_again(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", _program(tmp_path))
    supervisor = Supervisor(Settings(data=tmp_path), [Planned("orders-1", "orders", 1, 2)], told.append)
    await _run(supervisor, told, 6)
    assert told[0] == "orders-1: no luck"
    pauses = [line.rpartition("again in ")[2] for line in told if "again in" in line]
    assert pauses[:3] == ["0 s", "0.01 s", "0.02 s"]
    log = (tmp_path / "mercato.log").read_text().splitlines()
    assert log[:2] == ['{"process":"orders-1","event":"begun"}', "orders-1: mercato: no luck"]


async def test_a_process_that_has_run_for_long_is_started_again_at_once(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONG", 0.0)
    monkeypatch.setattr(sys, "executable", _program(tmp_path))
    supervisor = Supervisor(Settings(data=tmp_path), [Planned("orders-1", "orders", 1, 2)], told.append)
    await _run(supervisor, told, 6)
    assert {line.rpartition("again in ")[2] for line in told if "again in" in line} == {"0 s"}


def _program(folder: Path) -> str:
    """Stands in for Python: it ends soon, whatever it is asked for."""
    path = folder / "brief"
    path.write_text(f"#!{sys.executable}\n{BRIEF}\n")
    path.chmod(0o755)
    return str(path)
