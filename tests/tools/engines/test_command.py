"""`python -m tools.engines up | down | status`, with engines that need nothing."""

import errno
import os
import re
import signal
import stat
from pathlib import Path

import pytest

from tests.tools.engines.conftest import Town, cannot_be_had, server
from tools.engines import Unavailable, absent, find, processes, running, state
from tools.engines.room import Room
from tools.engines.server import Program
from tools.engines.waiting import exchange, wait_until

MUTE = "import time\nprint('I say nothing', flush=True)\ntime.sleep(600)\n"
BROKEN = "import sys\nprint('the disk is full')\nsys.exit(3)\n"


def test_up_starts_what_is_asked_for_and_tells_where(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    assert town.call("up") == 0
    said = capsys.readouterr().out
    row = town.row("echo")
    assert re.search(rf"^echo +\d+\.\d s +{re.escape(row.url)}\n +echo://owner\n", said)
    assert f"tool              0.0 s     {town.row('tool').program}\n" in said
    password, port = row.facts["password of user"], int(row.facts["port"])
    assert row.url == f"echo://{password}@127.0.0.1:{port}"
    assert exchange(port, b"?") == b"?" + password.encode()
    assert (town.folder / "echo" / "furnished").read_text() == "yes"
    assert (town.folder / "echo" / "server.log").read_text() == "it listens\n"


def test_a_second_up_changes_nothing(town: Town) -> None:
    town.call("up")
    before = town.row("echo")
    assert town.call("up", "echo") == 0
    assert town.row("echo") == before
    assert processes.lives(town.process("echo"))


def test_only_the_named_ones_are_started(town: Town) -> None:
    town.table["other"] = server()
    assert town.call("up", "echo") == 0
    assert list(state.read(town.folder)) == ["echo"]


def test_down_ends_it_and_the_next_up_finds_its_address_and_data_again(town: Town) -> None:
    town.call("up")
    before, process = town.row("echo"), town.process("echo")
    assert town.call("down") == 0
    assert not processes.lives(process)
    assert town.row("echo").process is None
    assert town.call("down") == 0
    assert town.call("up") == 0
    after = town.row("echo")
    assert (after.facts, after.url) == (before.facts, before.url)
    assert (town.folder / "echo" / "earlier.log").exists()


def test_status_says_how_each_is(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    def conditions() -> tuple[int, list[str]]:
        capsys.readouterr()
        code = town.call("status")
        lines = [line for line in capsys.readouterr().out.splitlines() if line[0] != " "]
        return code, [line.removesuffix(town.row(line.split()[0]).url)[18:].strip() for line in lines]

    town.table.pop("tool")
    assert town.call("status") == 1
    town.call("up")
    assert conditions() == (0, ["up"])
    processes.pause(town.process("echo"))
    assert conditions() == (1, ["paused"])
    processes.kill(town.process("echo"))
    assert conditions() == (1, ["ended without being asked to"])
    town.call("down")
    assert conditions() == (1, ["down"])


def test_one_that_was_killed_or_paused_is_up_again_after_up(town: Town) -> None:
    town.call("up")
    process, url = town.process("echo"), town.row("echo").url
    processes.pause(process)
    assert town.call("up") == 0
    assert town.process("echo") == process
    assert not processes.is_paused(process)
    processes.kill(process)
    assert town.call("up") == 0
    assert town.process("echo") != process
    assert town.row("echo").url == url


def test_what_cannot_be_had_is_told_with_its_reason(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    town.table["rare"] = Program(cannot_be_had)
    assert town.call("up") == 1
    assert re.search(r"^rare +0\.0 s +absent: nobody makes it$", capsys.readouterr().out, re.MULTILINE)
    assert processes.lives(town.process("echo"))
    assert town.call("up", "--tolerant") == 0
    assert absent(town.folder) == {"rare": "nobody makes it"}
    assert town.call("up", "--tolerant", "rare", "tool") == 0
    assert town.call("status", "rare") == 1
    with pytest.raises(Unavailable, match=r"^nobody makes it$"):
        find("rare", town.folder)


def test_a_reason_that_is_no_longer_true_is_forgotten(town: Town) -> None:
    tool = town.table["tool"]
    town.table["tool"] = Program(cannot_be_had)
    town.call("up")
    town.table["tool"] = tool
    assert town.call("up") == 0
    assert absent(town.folder) == {}


@pytest.mark.parametrize(
    ("program", "seconds", "reason"),
    [
        (MUTE, 0.5, "it did not answer in 0.5 s: I say nothing"),
        (BROKEN, 20, "it ended while it started: the disk is full"),
    ],
)
def test_one_that_does_not_come_to_answer_is_gone_again(
    town: Town, monkeypatch: pytest.MonkeyPatch, program: str, seconds: float, reason: str
) -> None:
    start, started = processes.start, []

    def watch(command: list[str], log: Path, user: str) -> processes.Process | None:
        started.append(start(command, log, user))
        return started[0]

    monkeypatch.setattr(processes, "start", watch)
    town.table["echo"] = server(program, seconds)
    assert town.call("up", "echo") == 1
    assert town.row("echo").reason == reason
    assert town.row("echo").process is None
    assert [process is not None and processes.lives(process) for process in started] == [False]


def test_a_port_that_somebody_else_has_is_named(town: Town) -> None:
    town.call("up", "echo")
    facts = town.row("echo").facts
    state.write(town.folder, {**state.read(town.folder), "other": state.Row(facts=facts)})
    town.table["other"] = server()
    assert town.call("up", "other") == 1
    assert town.row("other").reason.startswith(f"another program has port {facts['port']}: ")
    assert processes.lives(town.process("echo"))


def test_a_process_that_only_has_the_number_of_ours_is_left_alone(town: Town) -> None:
    town.call("up", "echo")
    process = town.process("echo")
    row = town.row("echo")
    row.since = "another start"
    state.write(town.folder, {"echo": row})
    assert town.call("down") == 0
    assert processes.lives(process)
    processes.kill(process)


def test_the_state_file_is_for_its_owner_only(town: Town) -> None:
    town.call("up")
    assert stat.S_IMODE((town.folder / state.FILE).stat().st_mode) == 0o600


def test_a_name_that_nobody_has_is_refused(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    assert town.call("up", "echo", "nothing") == 2
    assert capsys.readouterr().out == "no engine is called nothing; there are echo, tool\n"
    assert state.read(town.folder) == {}


def test_a_folder_whose_sockets_would_have_too_long_names_is_refused(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town.folder = tmp_path / ("long" * 20)
    assert town.call("up") == 1
    assert "is too long for the names of sockets" in capsys.readouterr().out
    assert not town.folder.exists()


def test_a_link_in_the_place_of_the_folder_is_refused(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = town.folder / "link"
    link.symlink_to(tmp_path)
    town.folder = link
    assert town.call("up") == 1
    assert "is not a folder of ours" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    town.folder = link.parent


def test_only_one_command_is_at_work_at_a_time(town: Town) -> None:
    at_work = pytest.raises(Unavailable, match="another command is at work")
    with state.turn(town.folder), at_work, state.turn(town.folder, seconds=0):
        pass
    with state.turn(town.folder, seconds=0):
        pass


def test_on_a_system_that_tells_nothing_of_processes_all_are_absent(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "are_known", lambda: False)
    assert town.call("up", "--tolerant") == 0
    assert absent(town.folder) == dict.fromkeys(("echo", "tool"), "servers are started on Linux only")


def test_tests_find_what_is_up(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "default_folder", lambda: town.folder)
    assert running() == {}
    with pytest.raises(Unavailable, match=r"^it is not up: python -m tools.engines up echo$"):
        find("echo")
    town.call("up")
    engine = running()["echo"]
    row = town.row("echo")
    assert (engine.name, engine.url, engine.owner_url) == ("echo", row.url, "echo://owner")
    assert (engine.folder, engine.pid, engine.pids) == (town.folder / "echo", row.pid, [row.pid])
    assert running()["tool"].program == town.row("tool").program
    port = int(row.facts["port"])
    engine.pause()
    assert exchange(port, b"?", seconds=0.2) == b""
    engine.resume()
    assert exchange(port, b"?")
    engine.pause()
    assert find("echo").pids == [row.pid]
    assert exchange(port, b"?")
    engine.kill()
    assert (engine.is_up, engine.pids, exchange(port, b"?")) == (False, [], b"")
    assert list(running()) == ["tool"]


def test_one_that_a_test_has_killed_is_started_when_it_is_asked_for(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.call("up")
    os.kill(town.row("echo").pid, signal.SIGKILL)
    assert wait_until(lambda: not processes.lives(town.process("echo")), 20)
    asked: list[str] = []
    monkeypatch.setattr("tools.engines.engine.Engine.start", lambda engine: asked.append(engine.name))
    find("echo", town.folder)
    assert asked == ["echo"]
    town.call("down")
    with pytest.raises(Unavailable, match="it is not up"):
        find("echo", town.folder)
    assert asked == ["echo"]


def test_one_whose_start_was_cut_short_is_furnished_by_the_next_up(town: Town) -> None:
    town.call("up", "echo")
    rows, url = state.read(town.folder), town.row("echo").url
    rows["echo"].url = ""
    state.write(town.folder, rows)
    (town.folder / "echo" / "furnished").unlink()
    assert town.call("up", "echo") == 0
    assert town.row("echo").url == url
    assert (town.folder / "echo" / "furnished").exists()


def test_what_goes_wrong_with_one_hinders_no_other(town: Town) -> None:
    def has_no_room(room: Room) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", str(room.folder))

    town.table["full"] = Program(has_no_room)
    assert town.call("up", "--tolerant") == 0
    assert absent(town.folder) == {"full": f"[Errno 28] No space left on device: '{town.folder / 'full'}'"}
    assert processes.lives(town.process("echo"))
