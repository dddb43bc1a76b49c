"""A server that notes where it is: `python -m benchmarks.sampling FILE run ...` is `mercato run ...` with a sampler.

From SIGUSR1 to SIGUSR2 a timer interrupts it 250 times a second and counts the stack that it finds; then the counts
go to FILE. Between samples it runs at full speed, so that cheap functions look as cheap as they are. What a function
written in C does counts for the line that called it, and what the event loop itself does for what it calls next.
"""

import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

import msgspec

from mercato.apps.command_line import main

INTERVAL = 0.004  # seconds


class Stack(msgspec.Struct, frozen=True):
    """How often this stack was found; frames are (file, function), the innermost first."""

    count: int
    frames: tuple[tuple[str, str], ...]


class Samples(msgspec.Struct, frozen=True):
    """`cpu_seconds` are those of the loop's thread alone; `threads` are the names of all threads by the system's id."""

    seconds: float
    cpu_seconds: float
    threads: dict[int, str]
    stacks: tuple[Stack, ...]


class Sampler:
    """Counts stacks of the main thread, in which signals are handled."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._counts: Counter[tuple[CodeType, ...]] = Counter()
        self._begun = 0.0
        self._cpu = 0.0
        signal.signal(signal.SIGUSR1, self._start)
        signal.signal(signal.SIGUSR2, self._stop)
        signal.signal(signal.SIGALRM, self._take)
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
            signal.siginterrupt(number, False)

    def _start(self, _number: int, _frame: FrameType | None) -> None:
        self._begun, self._cpu = time.monotonic(), time.thread_time()
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)

    def _take(self, _number: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append(frame.f_code)
            frame = frame.f_back
        self._counts[tuple(stack)] += 1

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        samples = Samples(
            time.monotonic() - self._begun,
            time.thread_time() - self._cpu,
            {thread.native_id or 0: thread.name for thread in threading.enumerate()},
            tuple(
                Stack(count, tuple((code.co_filename, code.co_name) for code in stack))
                for stack, count in self._counts.items()
            ),
        )
        draft = self._file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(samples))
        draft.replace(self._file)


if __name__ == "__main__":
    Sampler(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
