"""Real programs under load, while a process behind them dies or leaves, or their configuration is read again."""

import asyncio
import shutil
import signal
from pathlib import Path

import pytest

from tests.apps.edge.standing import CALLERS, STARTS, failed, standing, under_load, ways

pytestmark = pytest.mark.server

LEAVING = 5.0  # seconds that a process takes to leave, and a little more
ACTIVE = ("haproxy", "traefik")  # those that ask processes whether they are ready


@pytest.fixture(params=list(STARTS))
def program(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} on PATH")
    ways()  # they are found out in a loop of their own, and the test runs in another one
    return name


async def test_a_process_that_leaves_is_not_missed(program: str, tmp_path: Path) -> None:
    """nginx hears of it from the first connection that is refused. That costs no read; a change that was just being
    sent on a kept connection is not repeated, and may be lost."""
    with standing(program, tmp_path, generosity=0) as edge:
        async with under_load(edge) as counted:
            edge.processes["front-1"].send_signal(signal.SIGTERM)
            await asyncio.sleep(LEAVING)
            assert edge.processes["front-1"].poll() == 0
        assert failed(counted, "GET") == {}
        if program in ACTIVE:
            assert failed(counted) == {}
        else:
            assert sum(failed(counted).values()) <= CALLERS


async def test_a_process_that_dies_costs_at_most_what_it_was_doing(program: str, tmp_path: Path) -> None:
    """Reads are asked again elsewhere; Traefik does so only before the first byte of a request has left."""
    with standing(program, tmp_path, generosity=0) as edge:
        async with under_load(edge) as counted:
            edge.processes["front-1"].kill()
            await asyncio.sleep(LEAVING)
        assert program == "traefik" or failed(counted, "GET") == {}
        assert sum(failed(counted).values()) <= (4 if program == "traefik" else 2) * CALLERS
        assert counted["GET ok"] > 100


async def test_a_process_that_comes_back_is_used_again(program: str, tmp_path: Path) -> None:
    with standing(program, tmp_path, generosity=0) as edge:
        edge.processes["front-1"].send_signal(signal.SIGSTOP)
        await asyncio.sleep(4)
        edge.processes["front-1"].send_signal(signal.SIGCONT)
        await asyncio.sleep(4)
        answers = [await asyncio.to_thread(edge.ask, "GET", "/") for _ in range(10)]
        assert {b'"front-1"' in answer.body for answer in answers} == {True, False}


async def test_a_new_configuration_is_taken_without_a_gap(program: str, tmp_path: Path) -> None:
    """nginx closes kept connections that are idle: whoever sends something at that moment has to send it again."""
    with standing(program, tmp_path, generosity=0) as edge:
        async with under_load(edge) as counted:
            for _ in range(3):
                edge.reload()
                await asyncio.sleep(1.5)
        if program == "nginx":
            assert [what for what in failed(counted) if not what.endswith("Error")] == []
            assert sum(failed(counted).values()) <= 3 * 2 * CALLERS
        else:
            assert failed(counted) == {}
