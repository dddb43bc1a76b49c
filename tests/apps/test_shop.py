"""A shop as it is put together for the owner of a data folder."""

from pathlib import Path

import pytest

from mercato.runtime.schedule import BeginJob
from mercato.values.clock import SECOND, ManualClock
from tests.journeys.town import Town, opened
from tests.services.conftest import until

JOB, EVERY = "expire unpaid orders", 5 * SECOND


def due_at(town: Town) -> int | None:
    reader = town.shop.node.executors["orders"].database.reader()
    rows = reader.fetch("SELECT due_at FROM jobs WHERE name = ?", (JOB,), 1)
    return rows[0][0] if rows else None


async def test_a_restart_does_the_timed_work_of_the_killed_owner_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mercato.runtime.schedule.TICK", 0.01)
    clock = ManualClock()
    async with opened(tmp_path, clock, listens=False) as town:
        await until(lambda: due_at(town))
        for task in town.shop.node._tasks:
            task.cancel()
        clock.advance(EVERY)
        begun = town.shop.node.executors["orders"].submit(BeginJob(JOB, EVERY, alone=False), town.system("any"))
        assert await begun == 0  # its lease is taken, and it never ends
    async with opened(tmp_path, clock, listens=False) as town:
        await until(lambda: due_at(town) == clock.now() + EVERY)
