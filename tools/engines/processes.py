"""Processes that were started here: known again by pid and start, ended, killed and paused with all their children."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypedDict

_PROC = Path("/proc")
_PAUSE = 0.02


class Process(NamedTuple):
    """`since` tells when it began and since which start of the machine: a pid alone may be somebody else's by now."""

    pid: int
    since: str


class Identity(TypedDict, total=False):
    user: str
    group: str
    extra_groups: list[str]


class _Stat(NamedTuple):
    """`ended` is also one that is still listed, because nobody has asked how it ended."""

    state: str
    ended: bool
    parent: int
    since: str


def are_known() -> bool:
    """Whether this system tells what is needed here, as Linux does."""
    return (_PROC / "self/stat").exists()


def identify(pid: int) -> Process | None:
    stat = _stat(pid)
    return Process(pid, stat.since) if stat else None


def lives(process: Process) -> bool:
    """Whether it runs, if only paused."""
    stat = _stat(process.pid)
    return stat is not None and stat.since == process.since and not stat.ended


def is_paused(process: Process) -> bool:
    stat = _stat(process.pid)
    return stat is not None and stat.since == process.since and stat.state == "T"


def family(process: Process) -> list[Process]:
    """The process and all that descend from it, parents first; nothing when it has ended."""
    if not lives(process):
        return []
    children: dict[int, list[Process]] = {}
    for pid in (int(path.name) for path in _PROC.iterdir() if path.name.isdecimal()):
        if (stat := _stat(pid)) and not stat.ended:
            children.setdefault(stat.parent, []).append(Process(pid, stat.since))
    members = [process]
    for member in members:  # grows while it is read
        members += children.get(member.pid, [])
    return members


def end(process: Process, by: signal.Signals, seconds: float) -> None:
    """Ask it to end, and kill it when it has not done so in that time; so with its children, who have a second more."""
    members = family(process)
    resume(process)
    _send(process, by)
    _wait_until_gone([process], seconds)
    kill(process)
    _wait_until_gone(members, seconds=1)
    for member in members:
        kill(member)


def kill(process: Process) -> None:
    """SIGKILL to the process and all its children, as near to one moment as can be; return when they are gone.

    It is stopped first, so that it neither starts another child meanwhile nor sees one die.
    """
    _send(process, signal.SIGSTOP)
    members = family(process)
    for member in members:
        _send(member, signal.SIGKILL)
    _wait_until_gone(members, seconds=10)


def pause(process: Process) -> None:
    """SIGSTOP to the process, then to all its children; return when they stand still: a busy one takes a moment."""
    until = time.monotonic() + 5
    _send(process, signal.SIGSTOP)
    while time.monotonic() < until:
        moving = [member for member in family(process) if not is_paused(member)]
        if not moving:
            return
        for member in moving:
            _send(member, signal.SIGSTOP)
        time.sleep(_PAUSE)


def resume(process: Process) -> None:
    for member in reversed(family(process)):
        _send(member, signal.SIGCONT)


def start(command: list[str], log: Path, user: str = "") -> Process | None:
    """Start a program that outlives this one, its output added to `log`; None when it has ended already.

    A shell starts it and ends: so nobody but the system's first process has to ask for how it ended.
    """
    shell = ["sh", "-c", '"$@" >>"$0" 2>&1 </dev/null & echo $!', str(log), *command]
    done = subprocess.run(
        shell,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=10,
        cwd="/",
        start_new_session=True,
        **as_user(user),
    )
    return identify(int(done.stdout))


def as_user(name: str) -> Identity:
    """What `subprocess` needs to know to run something as this user."""
    return {"user": name, "group": name, "extra_groups": []} if name else {}


def _send(process: Process, what: signal.Signals) -> None:
    if lives(process):
        with suppress(ProcessLookupError):  # it may end by itself just now
            os.kill(process.pid, what)


def _wait_until_gone(members: Iterable[Process], seconds: float) -> None:
    until = time.monotonic() + seconds
    while any(map(lives, members)) and time.monotonic() < until:
        time.sleep(_PAUSE)


def _stat(pid: int) -> _Stat | None:
    try:
        # The name, in parentheses, may contain anything, also blanks and parentheses.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The first thread may end before the others, which then still hold the files and ports of all.
    state, threads = fields[0], int(fields[17])
    return _Stat(state, state in "ZX" and threads <= 1, int(fields[1]), f"{boot} {fields[19]}")
