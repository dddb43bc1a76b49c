"""One owner for a data folder: a lock file that the kernel frees when its process ends, however it ends."""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self


class Owned(Exception):
    """Another process owns the data folder."""


class Ownership:
    """Holds the folder for as long as it is open. Raises Owned when another process holds it."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._data = data
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        path = self._data / "owner.lock"
        file = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise Owned(
                f"{self._data} is in use by process {owner}: stop it first, or choose another folder with --data"
            ) from None
        file.truncate(0)
        with contextlib.suppress(OSError):  # the lock needs no room on the disk; whose it is, is only a help
            os.write(file.fileno(), str(os.getpid()).encode())
        self._file = file
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
