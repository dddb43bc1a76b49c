"""Engines that need nothing: a small program that answers a line, in a folder and a table of the test's own."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.engines import __main__ as command
from tools.engines import processes, state
from tools.engines.reasons import Unavailable
from tools.engines.room import Room
from tools.engines.server import Address, Kind, Program, Server
from tools.engines.waiting import exchange

ECHO = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("it listens", flush=True)
while True:
    connection, _ = listener.accept()
    connection.sendall(connection.recv(100) + sys.argv[2].encode())
    connection.close()
"""


class Town:
    """A folder for engines with the table that the command has."""

    def __init__(self, folder: Path, table: dict[str, Kind]) -> None:
        self.folder, self.table = folder, table

    def call(self, *arguments: str) -> int:
        return command.main([*arguments, "--folder", str(self.folder)])

    def row(self, name: str) -> state.Row:
        return state.read(self.folder)[name]

    def process(self, name: str) -> processes.Process:
        process = self.row(name).process
        assert process
        return process


def server(program: str = ECHO, seconds: float = 20, end: signal.Signals = signal.SIGTERM) -> Server:
    """One that runs this program; it answers when it says the password back."""
    return Server(
        install=lambda room: None,
        command=lambda room: [sys.executable, "-I", "-S", "-c", program, str(room.port()), room.password("user")],
        answers=lambda room: exchange(room.port(), b"hello ", seconds=1) == f"hello {room.password('user')}".encode(),
        address=lambda room: Address(f"echo://{room.password('user')}@127.0.0.1:{room.port()}", "echo://owner"),
        furnish=lambda room: room.write("furnished", "yes"),
        end=end,
        seconds=seconds,
    )


def cannot_be_had(room: Room) -> str:
    raise Unavailable("nobody makes it")


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    table: dict[str, Kind] = {"echo": server(), "tool": Program(lambda room: sys.executable)}
    monkeypatch.setattr(command, "ENGINES", table)
    # The folders that pytest gives are deeper than the names of sockets may be long.
    with tempfile.TemporaryDirectory(prefix="engines-") as folder:
        town = Town(Path(folder), table)
        yield town
        for row in state.read(town.folder).values():
            if row.process:
                processes.kill(row.process)
