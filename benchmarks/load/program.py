"""Compiles the load client on first use and keeps the program, by the hash of what it was made from."""

import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCES = Path(__file__).parent
FLAGS = ("-std=gnu11", "-O2")
COMPILERS = ("cc", "gcc", "clang")


class LoadError(Exception):
    """The load client cannot be built or run; the message is a sentence for whoever started it."""


def build(flags: Sequence[str] = FLAGS) -> Path:
    """The compiled program. It is compiled only if no program of the same source and flags is in the cache folder.

    Raises LoadError where there is no C compiler, where it fails, and on systems other than Linux (the client uses
    epoll).
    """
    if sys.platform != "linux":
        raise LoadError("The load client runs on Linux only: it is built on epoll.")
    program = _cache_folder() / f"load-{_fingerprint(flags)}"
    if not program.exists():
        _compile(program, flags)
    return program


def _fingerprint(flags: Sequence[str]) -> str:
    known = hashlib.sha256(repr((platform.machine(), tuple(flags))).encode())
    for path in sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")]):
        content = path.read_bytes()
        known.update(f"{path.name} {len(content)}\n".encode() + content)
    return known.hexdigest()[:24]


def _compile(program: Path, flags: Sequence[str]) -> None:
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise LoadError("The load client is written in C, and there is no C compiler here: install gcc or clang.")
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        fresh = Path(folder) / "load"
        command = [compiler, *flags, "-o", str(fresh), *map(str, sorted(SOURCES.glob("*.c")))]
        made = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if made.returncode != 0:
            raise LoadError(f"The C compiler could not build the load client:\n{made.stderr.strip()}")
        fresh.replace(program)  # at once, so that two builders at a time cannot hurt each other


def _cache_folder() -> Path:
    """A folder that only this user can write to: a program from elsewhere must not be run."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for folder in (Path(home) / "mercato", Path(tempfile.gettempdir()) / f"mercato-{os.getuid()}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        state = folder.stat()
        others_may_write = stat.S_IMODE(state.st_mode) & 0o022
        if state.st_uid == os.getuid() and not others_may_write and os.access(folder, os.W_OK):
            return folder
    raise LoadError("There is no folder for the compiled load client: set XDG_CACHE_HOME to one of your own.")
