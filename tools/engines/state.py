"""The file that tells what is up: by it `status`, `down` and tests find what `up` has started."""

import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tools.engines.processes import Process
from tools.engines.reasons import Unavailable

FILE = "engines.json"
_LONGEST = 65  # of a folder's path: sockets lie below it, and their names have at most 107 bytes


@dataclass
class Row:
    """What is known of one engine. `pid` is 0 where it is not wanted to run; `reason` tells why it could not be had.

    `facts` are its ports and passwords: they outlast `down`, as its data does.
    """

    facts: dict[str, str] = field(default_factory=dict)
    pid: int = 0
    since: str = ""
    url: str = ""
    owner_url: str = ""
    program: str = ""
    reason: str = ""

    @property
    def process(self) -> Process | None:
        return Process(self.pid, self.since) if self.pid else None


Rows = dict[str, Row]


def default_folder() -> Path:
    return Path(tempfile.gettempdir()) / "mercato-engines"


def prepare(folder: Path) -> None:
    """The folder is there and is ours; other users, which some servers run as, may pass through it."""
    if len(os.fsencode(folder)) > _LONGEST:
        raise Unavailable(f"{folder} is too long for the names of sockets: take a folder of at most {_LONGEST} bytes")
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Unavailable(f"{folder} is not a folder of ours: remove it, name another with --folder, or set TMPDIR")


def read(folder: Path) -> Rows:
    """Nothing where no engine has ever been up."""
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {name: Row(**row) for name, row in rows.items()}


def write(folder: Path, rows: Rows) -> None:
    """As a whole or not at all; only its owner may read it, since it holds passwords."""
    new = folder / f"{FILE}.new"
    new.touch(mode=0o600)
    # Facts are copied in one step: others of them may be found just now.
    told = {name: asdict(replace(row, facts=row.facts.copy())) for name, row in rows.items()}
    new.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    new.replace(folder / FILE)


@contextmanager
def turn(folder: Path, seconds: float = 1_800) -> Iterator[None]:
    """Only one command changes what is up in the folder at a time."""
    guard = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + seconds
        while not _locked(guard):
            if time.monotonic() >= until:
                raise Unavailable(f"another command is at work in {folder} since {seconds:.0f} s")
            time.sleep(0.1)
        yield
    finally:
        os.close(guard)


def _locked(guard: int) -> bool:
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
