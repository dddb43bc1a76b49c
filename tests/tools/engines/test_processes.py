"""Processes with children: known again, ended, killed and paused as a whole."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.engines import processes
from tools.engines.processes import Process
from tools.engines.waiting import wait_until

PARENT = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, getattr(signal, sys.argv[1]))
child = [sys.executable, "-c", "import time; time.sleep(600)"]
children = [subprocess.Popen(child, start_new_session=True) for _ in "ab"]
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(params=["SIG_IGN"])
def parent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    """A process with two children, each in a session of its own as servers do it."""
    log = tmp_path / "log"
    process = processes.start([sys.executable, "-c", PARENT, request.param], log)
    assert process
    assert wait_until(lambda: "ready" in log.read_text(), 20)
    yield process
    processes.kill(process)


def states(members: list[Process]) -> list[str]:
    return [Path(f"/proc/{member.pid}/stat").read_text().rpartition(")")[2].split()[0] for member in members]


def test_a_family_is_the_process_and_its_children(parent: Process) -> None:
    members = processes.family(parent)
    assert members[0] == parent
    assert len(members) == 3
    assert processes.identify(parent.pid) == parent


def test_kill_leaves_none_of_them(parent: Process) -> None:
    members = processes.family(parent)
    processes.kill(parent)
    assert [processes.lives(member) for member in members] == [False] * 3
    assert processes.family(parent) == []
    processes.kill(parent)


def test_pause_stops_all_of_them_and_resume_lets_them_go_on(parent: Process) -> None:
    members = processes.family(parent)
    processes.pause(parent)
    assert states(members) == ["T"] * 3
    assert processes.is_paused(parent)
    assert processes.lives(parent)
    processes.resume(parent)
    assert "T" not in states(members)
    assert not processes.is_paused(parent)


def test_one_that_ignores_the_request_to_end_is_killed_after_a_while(parent: Process) -> None:
    members = processes.family(parent)
    processes.end(parent, signal.SIGTERM, seconds=0.2)
    assert not any(map(processes.lives, members))


@pytest.mark.parametrize("parent", ["SIG_DFL"], indirect=True)
def test_a_paused_one_can_be_asked_to_end_and_leaves_no_children(parent: Process) -> None:
    members = processes.family(parent)
    processes.pause(parent)
    processes.end(parent, signal.SIGTERM, seconds=20)
    assert not any(map(processes.lives, members))


def test_another_process_of_the_same_number_is_not_ours(parent: Process) -> None:
    other = Process(parent.pid, "another start")
    processes.pause(other)
    processes.kill(other)
    assert not processes.lives(other)
    assert not processes.is_paused(parent)
    assert processes.lives(parent)


def test_a_program_that_cannot_be_started_says_so_in_its_log(tmp_path: Path) -> None:
    processes.start([str(tmp_path / "nothing")], tmp_path / "log")
    assert wait_until(lambda: "not found" in (tmp_path / "log").read_text(), 20)


def test_what_has_never_been_is_not_identified() -> None:
    assert processes.identify(2**22 + 1) is None
