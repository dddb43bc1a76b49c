"""Log files: written by a thread of their own, each of limited size, so that a slow or full disk holds nobody up (F17).

The rotating handlers of the standard library format one record after the other as text, and open, rename and write in
the thread that logs. Here whole piles of lines come as bytes, many times a second.
"""

import atexit
import queue
import threading
from pathlib import Path

MOST_WAITING = 8 << 20  # bytes that may wait for the disk; more are refused


class LogFile:
    """Appends lines to `path`. Before a pile of lines would take it beyond `size` bytes, NAME becomes NAME.1, NAME.1
    becomes NAME.2, and so on; at most `files` are kept, two at least. Raises OSError where it cannot be opened.

    `lost` counts lines that were taken and could not be written.
    """

    def __init__(self, path: Path, size: int, files: int) -> None:
        self._path = path
        self._size = size
        self._files = files
        self._file = path.open("ab", buffering=0)
        self._written = self._file.tell()
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._handed = 0  # bytes, counted by who writes
        self._done = 0  # bytes, counted by the thread
        self.lost = 0
        self._thread = threading.Thread(target=self._work, name=f"log {path.name}", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, lines: str | bytes) -> None:
        """Hand whole lines over. Raises BlockingIOError when too much waits for the disk."""
        data = lines.encode() if isinstance(lines, str) else lines
        if self._handed - self._done + len(data) > MOST_WAITING:
            raise BlockingIOError(f"more than {MOST_WAITING} bytes wait to be written to {self._path}")
        self._handed += len(data)
        self._waiting.put(data)

    def flush(self) -> None:
        """Nothing waits longer than the disk needs."""

    def close(self) -> None:
        """Write what waits, and end. May be called again."""
        atexit.unregister(self.close)
        self._waiting.put(None)
        self._thread.join()
        self._file.close()

    def _work(self) -> None:
        while (data := self._waiting.get()) is not None:
            try:
                self._append(data)
            except OSError:
                self.lost += data.count(b"\n")
            self._done += len(data)

    def _append(self, data: bytes) -> None:
        if self._written and self._written + len(data) > self._size:
            self._rotate()
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._file.truncate(self._written)  # a part of a line would spoil the next one
            raise
        self._written += len(data)

    def _rotate(self) -> None:
        """Begin another file. Where that fails after the renaming, the old one goes on under its new name."""
        if self._path.exists():
            for number in range(self._files - 1, 0, -1):
                older = self._numbered(number - 1)
                if older.exists():
                    older.replace(self._numbered(number))
        file = self._path.open("ab", buffering=0)
        self._file.close()
        self._file, self._written = file, 0

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
