"""Processes as the system sees them: what they have used, and how to end one that was started here."""

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

TICK = os.sysconf("SC_CLK_TCK")
MOST_TO_END = 60.0  # seconds that a process has for a graceful end
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM)


class Memory(msgspec.Struct, frozen=True):
    """Memory in MiB: resident now, the largest so far, and the part of now that is no mapped file."""

    resident: float
    peak: float
    anonymous: float


class Times(msgspec.Struct, frozen=True):
    """Processor time of the whole machine since its start, in seconds."""

    busy: float
    idle: float


class Standstill:
    """Notices when the machine itself stands still: who looks often sees the longest time between two looks."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.monotonic()

    def look(self) -> None:
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now


def family(pid: int) -> tuple[int, ...]:
    """A process and those that its first thread has started."""
    return (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, to 10 ms."""
    return _cpu_seconds(Path(f"/proc/{pid}/stat"))


def cpu_seconds_by_thread(pid: int) -> dict[int, float]:
    """User and system time of each living thread."""
    found = {}
    for folder in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found[int(folder.name)] = _cpu_seconds(folder / "stat")
    return found


def memory(pid: int) -> Memory:
    fields = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            fields[name] = int(value.split()[0]) / 1_024
    # A process that has just ended has none.
    return Memory(*(fields.get(name, 0.0) for name in ("VmRSS", "VmHWM", "RssAnon")))


def forget_peak(pid: int) -> None:
    """Let the largest memory so far begin again at what it is now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def machine_times() -> Times:
    """All processors together. Time that a host has taken away counts as busy."""
    fields = [int(field) / TICK for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return Times(sum(fields) - idle, idle)


def start(
    command: Sequence[str | Path],
    folder: Path,
    out: IO[bytes],
    environment: Mapping[str, str] | None = None,
    errors: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a folder; what it says goes to `out`, its errors too unless they have a place.

    Where an interruption comes meanwhile, the process is ended before that goes on: none is left that nobody knows.
    """
    process = None
    try:
        with _uninterrupted():
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=errors or out
            )
    except BaseException:
        if process is not None:
            end(process)
        raise
    return process


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """An interruption meanwhile comes after the block."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is ever interrupted
        return
    came: list[int] = []
    before = [signal.signal(number, lambda number, _frame: came.append(number)) for number in INTERRUPTIONS]
    try:
        yield
    finally:
        for number, handler in zip(INTERRUPTIONS, before, strict=True):
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def end(process: subprocess.Popen[bytes]) -> int:
    """Ask a process to end, and kill it where it does not; its exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(MOST_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fsync_ms(folder: Path) -> float:
    """How long this disk takes to make 4 KiB durable: the median of a few tries."""
    found = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(30):
            file.write(bytes(4_096))
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            found.append((time.perf_counter() - begun) * 1_000)
    return statistics.median(found)


def _cpu_seconds(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK  # utime and stime, counted from the field behind the name
