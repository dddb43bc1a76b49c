"""What tests get of an engine that is up: where it is, and the ways to hurt it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.engines import processes, state
from tools.engines.commands import last_words
from tools.engines.reasons import Unavailable

_ROOT = Path(__file__).parents[2]
_LONGEST_START = 300


@dataclass
class Engine:
    """`url` is for those who use it, `owner_url` for those who make tables and roles ("" where there is no difference).

    `program` is the path of one that is only installed, for tests to start. `folder` is where its data lies.
    """

    name: str
    folder: Path
    url: str = ""
    owner_url: str = ""
    program: str = ""
    process: processes.Process | None = None

    @property
    def pid(self) -> int:
        """The first of its processes, 0 where there is none."""
        return self.process.pid if self.process else 0

    @property
    def pids(self) -> list[int]:
        """All of its processes that live, also those that it has started."""
        return [member.pid for member in processes.family(self.process)] if self.process else []

    @property
    def is_up(self) -> bool:
        """Whether it runs, if only paused; a program is always up."""
        return processes.lives(self.process) if self.process else bool(self.program)

    def kill(self) -> None:
        """SIGKILL to all of it. Returns when nothing of it is left."""
        if self.process:
            processes.kill(self.process)

    def pause(self) -> None:
        """SIGSTOP to all of it: connections stay open and nothing is answered."""
        if self.process:
            processes.pause(self.process)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        if self.process:
            processes.resume(self.process)

    def start(self) -> None:
        """Start it again, at the same address with the same data. Returns when it answers; else Unavailable."""
        command = [sys.executable, "-m", "tools.engines", "up", self.name, "--folder", str(self.folder.parent)]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=_LONGEST_START, check=False)
        if done.returncode:
            raise Unavailable(last_words(done.stdout + done.stderr))
        self.process = state.read(self.folder.parent)[self.name].process


def running(folder: Path | None = None) -> dict[str, Engine]:
    """Every engine that is up, by name. They are those of the default folder, if no other is given."""
    return {name: engine for name, engine in _known(folder or state.default_folder()).items() if engine.is_up}


def find(name: str, folder: Path | None = None) -> Engine:
    """The engine, up: one that somebody has killed or paused is mended first. Unavailable with the reason, else."""
    place = folder or state.default_folder()
    engine = _known(place).get(name)
    if engine is None or not (engine.program or engine.process):
        row = state.read(place).get(name)
        raise Unavailable((row and row.reason) or f"it is not up: python -m tools.engines up {name}")
    engine.resume()
    if not engine.is_up:
        engine.start()
    return engine


def absent(folder: Path | None = None) -> dict[str, str]:
    """The reasons why engines could not be had, by name."""
    return {name: row.reason for name, row in state.read(folder or state.default_folder()).items() if row.reason}


def _known(folder: Path) -> dict[str, Engine]:
    return {
        name: Engine(name, folder / name, row.url, row.owner_url, row.program, row.process)
        for name, row in state.read(folder).items()
    }
