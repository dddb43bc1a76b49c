"""What an engine is given: a folder of its own, ports and passwords that stay the same, and a user to run as."""

import os
import secrets
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path

from tools.engines.commands import Setting, run
from tools.engines.reasons import Unavailable

# Below the range from which systems lend ports to clients: else one of them could get the port of a server that was
# killed, before the server is started again.
_PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Room:
    """`facts` are kept between starts; `user` is "" for the one who runs this."""

    name: str
    folder: Path
    facts: dict[str, str] = field(default_factory=dict)
    user: str = ""

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def make(self) -> None:
        """The folder is there; it is given to the user when that one is sure to exist."""
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def subfolder(self, name: str) -> Path:
        """A folder in this one that only the user may enter."""
        made = self.folder / name
        made.mkdir(mode=0o700, exist_ok=True)
        self.give(made)
        return made

    def afresh(self, name: str) -> Path:
        """Where something is made that gets its name when it is complete; what is left of an earlier try is gone."""
        making = self.folder / f"{name}.making"
        shutil.rmtree(making, ignore_errors=True)
        return making

    def give(self, path: Path) -> None:
        if self.user:
            shutil.chown(path, self.user, self.user)

    def write(self, name: str, text: str) -> Path:
        """A file in the folder that the user may read."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        self.give(path)
        return path

    def port(self, name: str = "port") -> int:
        """A port of the loopback that was free when it was asked for first."""
        if name not in self.facts:
            self.facts[name] = str(_free_port())
        return int(self.facts[name])

    def password(self, role: str) -> str:
        """Letters and digits, made once; it needs no quoting anywhere."""
        return self.facts.setdefault(f"password of {role}", secrets.token_hex(16))

    def run(self, *command: str, seconds: float = 60, given: str = "") -> str:
        """What the command prints, run as the user; Unavailable with what it said when it fails."""
        return run(list(command), seconds, Setting(user=self.user, given=given))


def _free_port() -> int:
    for _ in range(200):
        port = secrets.choice(_PORTS)
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Unavailable(f"no port from {_PORTS.start} to {_PORTS.stop} is free")


def system_user(name: str) -> str:
    """The user to run as: the named one for root, whom some servers refuse; else whoever runs this ("")."""
    return name if os.geteuid() == 0 else ""
