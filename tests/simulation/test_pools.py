"""Commits of a round, side by side: a kill leaves some of them durable and nobody told."""

import asyncio
import random
from functools import partial
from pathlib import Path

import apsw
import pytest

from mercato.apps.simulate.loop import Process, SimulatedLoop
from mercato.apps.simulate.pools import Killed, SimulatedCommits
from mercato.apps.simulate.weather import draw

SERVICES = ("a", "b", "c", "d")


def survivors(folder: Path, seed: int, killed: str) -> tuple[set[str], int]:
    """Which of four transactions are durable after a kill just before one of them; of how many anybody was told."""
    folder.mkdir()
    chance = random.Random(seed)  # noqa: S311 - a run must be repeatable
    loop, process, told = SimulatedLoop(chance), Process(), list[object]()
    files = {name: apsw.Connection(str(folder / name)) for name in SERVICES}
    pool = SimulatedCommits(loop, draw(chance), chance, lambda: loop.kill(process))

    def commit(name: str) -> None:
        if name == killed:
            raise Killed(name)
        files[name].execute("COMMIT")

    async def world() -> None:
        for file in files.values():
            file.execute("CREATE TABLE rows (number)")
            file.execute("BEGIN")
            file.execute("INSERT INTO rows VALUES (1)")
        for name in SERVICES:
            process.run(pool.run, partial(commit, name), told.append)
        await asyncio.sleep(5.0)

    loop.run_until_complete(world())
    loop.close()
    for file in files.values():
        file.close()
    return {name for name in SERVICES if _rows(folder / name)}, len(told)


def _rows(path: Path) -> int:
    connection = apsw.Connection(str(path))
    try:
        ((count,),) = connection.execute("SELECT count(*) FROM rows").fetchall()
        return int(str(count))
    finally:
        connection.close()


def test_without_a_kill_all_are_durable_and_told(tmp_path: Path) -> None:
    assert survivors(tmp_path / "files", 1, killed="") == (set(SERVICES), len(SERVICES))


def test_a_kill_leaves_any_subset_of_a_round_durable(tmp_path: Path) -> None:
    found = [survivors(tmp_path / str(seed), seed, killed="c") for seed in range(24)]
    assert all("c" not in durable and told <= len(durable) for durable, told in found)
    assert {len(durable) for durable, _ in found} == {0, 1, 2, 3}


def test_an_error_of_one_commit_is_told_and_the_others_are_durable() -> None:
    chance = random.Random(1)  # noqa: S311 - a run must be repeatable
    loop, done, told = SimulatedLoop(chance), list[str](), dict[str, type]()
    pool = SimulatedCommits(loop, draw(chance), chance, lambda: pytest.fail("nobody was killed"))

    def fail() -> None:
        raise OSError("full")

    pool.run(lambda: done.append("one"), lambda error: told.update(one=type(error)))
    pool.run(fail, lambda error: told.update(two=type(error)))
    loop.run_until_complete(asyncio.sleep(5.0))
    loop.close()
    assert (done, told) == (["one"], {"one": type(None), "two": OSError})
