"""Brings one engine up and takes it down, as its row of the state file is."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tools.engines import processes
from tools.engines.commands import last_words
from tools.engines.reasons import Unavailable
from tools.engines.room import Room
from tools.engines.server import Kind, Program, Server
from tools.engines.state import Row
from tools.engines.waiting import is_open, wait_until

# What may go wrong on one machine or another: the engine is absent then, and the others are not.
HINDRANCES = (Unavailable, OSError, LookupError, subprocess.SubprocessError)

_PATIENCE = 10  # seconds for one that already runs to answer, and for one to end in good order


class Lifting:
    """One engine and its row, which it changes; `keep` writes all rows down, and is called where one could be lost."""

    def __init__(self, name: str, kind: Kind, row: Row, keep: Callable[[], None]) -> None:
        self._name, self._kind, self._row, self._keep = name, kind, row, keep

    def up(self, folder: Path) -> None:
        """It is up; a second time nothing happens. What hinders it is in the row's reason, and nothing runs then."""
        self._row.reason = ""
        try:
            self._lift(folder / self._name)
        except HINDRANCES as hindrance:
            self._row.reason = " ".join(str(hindrance).split()) or type(hindrance).__name__
        self._keep()

    def give_up(self, reason: str) -> None:
        self._row.reason = reason
        self._keep()

    def down(self) -> None:
        """It has ended, in good order where it does so in time. Its data, ports and passwords are kept."""
        if isinstance(self._kind, Server) and self._row.process:
            processes.end(self._row.process, self._kind.end, _PATIENCE)
        self._row.pid, self._row.since = 0, ""
        self._keep()

    def condition(self, folder: Path) -> str:
        """In a word or two how it is."""
        if self._row.reason:
            return f"absent: {self._row.reason}"
        if self._row.program:
            return "installed" if Path(self._row.program).exists() else "gone"
        if not self._row.process:
            return "down"
        if not processes.lives(self._row.process):
            return "ended without being asked to"
        if processes.is_paused(self._row.process):
            return "paused"
        return "up" if self._answers(self._room(folder / self._name)) else "does not answer"

    def _lift(self, folder: Path) -> None:
        room = self._room(folder)
        if isinstance(self._kind, Program):
            room.make()
            self._row.program = self._kind.install(room)
            return
        if self._row.process and processes.lives(self._row.process):
            processes.resume(self._row.process)
            if not wait_until(lambda: self._answers(room), _PATIENCE):
                raise Unavailable(f"it runs as process {self._row.pid}, but does not answer: see {room.log}")
            if not self._row.url:  # who has started it did not come to the end
                self._furnish(self._kind, room)
            return
        self._start(self._kind, room)

    def _start(self, server: Server, room: Room) -> None:
        """Install, start and furnish it; what was started is gone again when it does not come to answer."""
        room.make()
        server.install(room)
        room.give(room.folder)  # only now is its user sure to be there
        command = server.command(room)
        _need_ports(room)
        if room.log.exists():
            room.log.replace(room.folder / "earlier.log")
        process = processes.start(command, room.log, server.user)
        if process is None:
            raise Unavailable(f"it ended at once: {_last_words(room.log)}")
        self._row.pid, self._row.since = process
        self._row.url = self._row.owner_url = ""
        self._keep()
        try:
            _await(server, room, process)
            self._furnish(server, room)
        except BaseException:
            processes.kill(process)
            self._row.pid, self._row.since = 0, ""
            raise

    def _furnish(self, server: Server, room: Room) -> None:
        server.furnish(room)
        self._row.url, self._row.owner_url = server.address(room)

    def _room(self, folder: Path) -> Room:
        user = self._kind.user if isinstance(self._kind, Server) else ""
        return Room(self._name, folder, self._row.facts, user)

    def _answers(self, room: Room) -> bool:
        return isinstance(self._kind, Server) and self._kind.answers(room)


def _need_ports(room: Room) -> None:
    ports = [int(fact) for name, fact in room.facts.items() if name.endswith("port")]
    if not wait_until(lambda: not any(map(is_open, ports)), 2):
        taken = " and ".join(str(port) for port in ports if is_open(port))
        raise Unavailable(f"another program has port {taken}: end that one, or use another --folder")


def _await(server: Server, room: Room, process: processes.Process) -> None:
    wait_until(lambda: server.answers(room) or not processes.lives(process), server.seconds)
    if not processes.lives(process):
        raise Unavailable(f"it ended while it started: {_last_words(room.log)}")
    if not server.answers(room):
        raise Unavailable(f"it did not answer in {server.seconds:g} s: {_last_words(room.log)}")


def _last_words(log: Path) -> str:
    return last_words(log.read_text(encoding="utf-8", errors="replace")[-4_000:]) if log.exists() else "it said nothing"
