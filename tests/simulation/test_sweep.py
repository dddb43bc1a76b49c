"""The crash-point sweep: it finds every point in a source, dies there, and sees bugs that only a kill there shows."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from mercato.apps.command_line import main
from mercato.apps.commands import simulate
from mercato.apps.simulate import world
from mercato.apps.simulate.mutants.table import MUTANTS
from mercato.apps.simulate.seeds import Workshop
from mercato.apps.simulate.sweep.listed import FILE, Fault, Row, list_faults, read_list
from mercato.apps.simulate.sweep.points import Point, all_points, scan
from mercato.apps.simulate.sweep.stories import STORIES
from mercato.apps.simulate.sweep.sweeping import Swept, Visited, sweep, visit
from mercato.apps.simulate.sweep.watch import Watch
from mercato.apps.simulate.sweep.world import ROOT, Visit, points_here
from mercato.apps.simulate.world import Outcome
from mercato.runtime.service import Handle
from mercato.runtime.slow_work.worker import Worker
from mercato.values.messages import Caller, Command, System

MODULE = """
async def serve(door):
    async with door.lock, door.light:
        async for guest in door.guests():
            await guest.greet(
                await door.name())
    names = [await each.name() for each in door.known]
    late = {guest async for guest in door.guests()}

    async def later():
        await door.close()

    door.loop.create_task(later())
    later().send(None)
    door.send("a letter")
    return lambda: door.reached(f"{door.name}: before commit")


class Door:
    async def close(self):
        reached("closed")
        return (await self.bolt(), await self.bar())
"""
NAMES = [
    "serve:enter1", "serve:exit1", "serve:next1", "serve:await1", "serve:await2", "serve:await3", "serve:next2",
    "serve.later:await1", "serve:task1", "serve:step1", "serve:commit1", "Door.close:commit1", "Door.close:await1",
    "Door.close:await2",
]  # fmt: skip

CHARGED = "services/payments/work.py:GatewayWork.charge:exit1"
COMMIT = "runtime/batches/executor.py:Executor.commit:commit"


# What is found in a source.


def test_every_point_of_a_module_is_found_and_named_by_its_function() -> None:
    assert [point.name for point in scan(MODULE, "door.py")] == [f"door.py:{name}" for name in NAMES]


def test_a_name_stays_when_lines_move() -> None:
    before, after = scan(MODULE, "door.py"), scan(f"import door\n\n\n{MODULE}", "door.py")
    assert [point.name for point in before] == [point.name for point in after]
    assert all(one.spots != other.spots for one, other in zip(before, after, strict=True))


def test_a_commit_has_a_point_for_each_service(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "door.py").write_text(MODULE)
    commits = [point for point in all_points(tmp_path, ("front", "back")).values() if point.kind == "commit"]
    assert [(point.name, point.said) for point in commits] == [
        ("runtime/door.py:serve:commit1:front", "front: before commit"),
        ("runtime/door.py:serve:commit1:back", "back: before commit"),
        ("runtime/door.py:Door.close:commit1", "closed"),
    ]


# What is seen of a run.


ROUND = """
class Thing:
    def __init__(self, seen):
        self.seen = seen
    async def __aenter__(self):
        self.seen.append("entered")
    async def __aexit__(self, *_):
        self.seen.append("left")
    async def __aiter__(self):
        yield 1
    async def do(self, what):
        self.seen.append(what)

async def live(thing):
    async with thing:
        async for _ in thing:
            await thing.do("first")
        await thing.do(await thing.do("second"))
    [await thing.do(number) async for number in thing]
"""


def lived(tmp_path: Path, passing: Callable[[str], None], seen: list[Any]) -> None:
    """Run ROUND to its end, watched; `seen` is what it does."""
    path = tmp_path / "round.py"
    space: dict[str, Any] = {}
    exec(compile(ROUND, str(path), "exec"), space)  # noqa: S102 - a source of the test's own
    with Watch(tmp_path, scan(ROUND, "round.py"), passing):
        life = space["live"](space["Thing"](seen))
        with pytest.raises(StopIteration):
            life.send(None)


def test_a_point_is_told_of_before_what_it_awaits_has_begun(tmp_path: Path) -> None:
    seen: list[Any] = []
    lived(tmp_path, lambda name: seen.append(name.removeprefix("round.py:live:")), seen)
    assert seen == [
        "enter1", "entered", "next1", "await1", "first", "next1", "await3", "second", "await2", None, "exit1", "left",
        "next2", "await4", 1, "next2",
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_what_is_raised_at_a_point_is_raised_there(tmp_path: Path) -> None:
    def passing(name: str) -> None:
        if name.endswith("await1"):
            raise StopIteration  # which a coroutine turns into a RuntimeError

    seen: list[Any] = []
    with pytest.raises(RuntimeError, match="StopIteration"):
        lived(tmp_path, passing, seen)
    assert seen == ["entered", "left"]


# The list.


def test_the_list_fits_the_source() -> None:
    assert list(list_faults(ROOT, read_list(ROOT), points_here())) == []


def test_a_row_that_is_stale_is_found() -> None:
    test = "tests/simulation/test_sweep.py::test_a_row_that_is_stale_is_found"
    rows = (
        Row(("a", "gone", "a"), "a reason", test),
        Row(("b",), " ", test),
        Row(("c",), "a reason", "tests/simulation/test_sweep.py::test_that_is_gone"),
        Row(("d",), "a reason", "tests/simulation/gone.py::test"),
    )
    assert [(fault.name, fault.text.partition(FILE)[0]) for fault in list_faults(ROOT, rows, {"a", "b", "c", "d"})] == [
        ("gone", "there is no such point any more: take it off "),
        ("a", "it stands in "),
        (test, "its row in "),
        (rows[2].test, "there is no such test: name one in "),
        (rows[3].test, "there is no such test: name one in "),
    ]


def test_a_checkout_without_the_list_is_told_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="runs from a checkout"):
        read_list(tmp_path)
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text("[[rows]]\npoints = 3")
    with pytest.raises(ValueError, match="cannot be read"):
        read_list(tmp_path)


# The sweep.


def came(given: Visit, *passed: str, digest: str = "d") -> Visited:
    return Visited(given, passed, Outcome(0, None, digest, 1.0, 1, 0, 0, {}))


def swept(rows: tuple[Row, ...], answer: Callable[[Visit], Visited]) -> Swept:
    """A sweep of the points a, b and c, with the visits answered by the test."""

    def run(_do: object, visits: Any) -> Any:
        return map(answer, visits)

    return sweep(run, ("a", "b", "c"), rows, lambda _done, _total: None)


def test_a_point_is_swept_or_listed_and_never_both() -> None:
    def answer(given: Visit) -> Visited:
        return came(given, given.deadly) if given.deadly else came(given, "a", "b")

    rows = (Row(("b",), "a reason", "a test"),)
    result = swept(rows, answer)
    assert (result.points, result.swept, result.listed) == (3, 2, 1)
    assert [(fault.name, fault.text.partition(":")[0]) for fault in result.faults] == [
        ("c", "no story comes to it"),
        ("b", "a story comes to it"),
    ]
    assert swept((Row(("c",), "a reason", "a test"),), answer).faults == ()


def test_a_point_that_is_not_come_to_again_is_a_fault() -> None:
    result = swept((Row(("b", "c"), "a reason", "a test"),), lambda given: came(given, *(() if given.deadly else "a")))
    assert [(fault.name, fault.replays) for fault in result.faults] == [("a", True)]


# In the simulated world.


@pytest.mark.parametrize("point", ["services/orders/api.py:_place:await3", "runtime/node.py:Node.start:task2"])
def test_a_process_dies_where_it_is_told_to_and_every_promise_holds(workshop: Workshop, point: str) -> None:
    visited = visit(workshop, Visit(0, point, told=True))
    crashes = [line for line in visited.story if " CRASH " in line]
    assert (visited.outcome.finding, visited.passed, len(crashes)) == (None, (point,), 2)
    assert any("killed" in line and point in line for line in visited.story)


def test_a_story_in_which_nobody_is_killed_is_the_same_whoever_watches(workshop: Workshop) -> None:
    first, second = visit(workshop, Visit(0)), visit(workshop, Visit(0))
    other = visit(workshop, Visit(0, "runtime/slow_work/worker.py:Worker._give_way:await1"))
    assert first.outcome.finding is None
    assert first.outcome.digest == second.outcome.digest == other.outcome.digest
    assert (first.passed == second.passed, len(first.passed) > 100, other.passed) == (True, True, ())


class Drop(Command[None], frozen=True):
    """Only the intent that it comes with goes."""

    allow = System


def in_two_transactions(self: Worker, command: Command[Any], caller: Caller, intent: Any) -> Any:
    """Plant: an intent is removed first, and its outcome recorded in a transaction of its own."""
    executor = self._executor
    executor.add_handle(Handle(Drop, lambda _tx, _command, _caller: None))

    async def finish() -> Any:
        await executor.submit(Drop(), caller, None, intent)
        return await executor.submit(command, caller)

    return finish()


def test_a_bug_that_only_a_kill_between_two_commits_shows_is_found(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "_finish", in_two_transactions)
    monkeypatch.setattr(world, "SOON", 0.5)  # who looks at a database often would see it without a kill
    alive = visit(workshop, Visit(0))
    between = f"{COMMIT}2:payments:Drop"
    assert (alive.outcome.finding, between in alive.passed) == (None, True)
    finding = visit(workshop, Visit(0, between)).outcome.finding
    assert finding is not None
    assert (finding.invariant, "nobody works on it" in finding.text) == ("I16", True)


def test_a_bug_that_only_a_kill_at_one_await_shows_is_found(workshop: Workshop) -> None:
    plant: AbstractContextManager[None] = MUTANTS["gateway_key_for_each_try"]()
    with plant:
        assert visit(workshop, Visit(0)).outcome.finding is None
        finding = visit(workshop, Visit(0, CHARGED)).outcome.finding
    assert finding is not None
    assert finding.invariant == "I11"


# The command.


def test_the_command_tells_each_fault_and_how_to_replay_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for faults, code in (((), 0), ((Fault("a.py:f:await1", "I17 it is lost", replays=True),), 1)):
        monkeypatch.setattr(simulate, "sweep", lambda *_, faults=faults: Swept(9, 5, 7, 4, faults, "d1"))
        assert main(["simulate", "--sweep", "--jobs", "1"]) == code
    told = capsys.readouterr().out.splitlines()
    assert told[1] == "a.py:f:await1: I17 it is lost; replay: mercato simulate --point a.py:f:await1 -v"
    assert told[2].startswith("9 points in ")
    assert told[2].endswith(" 5 swept, 4 listed, 1 faults; 7 commits by message swept; trace d1")


def test_one_point_is_told_as_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{COMMIT}2:orders:PlaceOrder"
    assert main(["simulate", "--point", name, "-v"]) == 0
    story = capsys.readouterr().out.splitlines()
    assert any("killed" in line and name in line for line in story)
    assert story[-1] == f"{name}: killed in story 0; every promise holds"


def test_a_name_that_is_no_point_is_answered_with_those_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--point", "services/orders/api.py:place_order:await9"]) == 1
    assert "services/orders/api.py:place_order:await1" in capsys.readouterr().err


def test_no_story_has_crashes_of_its_own() -> None:
    assert [story for story in STORIES if story.weather.crash_every or story.weather.crash_at_commit] == []


def test_the_points_of_the_product_are_of_every_kind() -> None:
    kinds = {point.kind for point in points_here().values()}
    assert kinds == {"await", "enter", "exit", "next", "task", "step", "commit"}
    assert all(isinstance(point, Point) and len(point.spots) > 0 for point in points_here().values())
