"""The simulated loop: virtual time, what is ready in a seeded order, and processes that can be killed.

Everything that is scheduled while a process runs belongs to it, and so does everything that follows from that: the
owner travels in the context of each callback and task. A process that is killed runs nothing any more.
"""

import asyncio
import heapq
import random
from asyncio import Handle, Task, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

Result = TypeVar("Result")

_OWNER: ContextVar["Process | None"] = ContextVar("owner", default=None)
_FORGET_AT = 256  # tasks that a process remembers before the finished ones are forgotten


class Process:
    """What callbacks belong to. `steps` counts those that have run."""

    def __init__(self) -> None:
        self.alive = True
        self.steps = 0
        self._tasks: list[Task[Any]] = []
        self._context = Context()
        self._context.run(_OWNER.set, self)

    def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function as this process; what it schedules belongs to it."""
        return self._context.copy().run(function, *arguments)

    def remember(self, task: Task[Any]) -> None:
        if len(self._tasks) >= _FORGET_AT:
            self._tasks = [known for known in self._tasks if not known.done()]
        self._tasks.append(task)

    def bury(self) -> None:
        """End what was under way. Its `finally` blocks run now, and whatever they schedule is dropped."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            coroutine: Any = task.get_coro()
            if not (task.done() or coroutine.cr_running):  # one that kills its own process ends by what it raises
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                self.run(coroutine.close)


class Stuck(Exception):
    """Nothing is scheduled and nothing is ready, while somebody still waits."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """One thread, no I/O. Time stands still while callbacks run, and jumps to the next timer when none is ready.

    `before_step` is told whose callback is about to run; when it answers False the callback is dropped.
    """

    def __init__(self, randomness: random.Random) -> None:
        super().__init__()
        self._random = randomness
        self._now = 0.0
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._count = 0
        self.before_step: Callable[[Process], bool] = _goes_on

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._now

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Handle:  # type: ignore[override]
        handle = Handle(callback, args, self, context)
        if _is_dropped(handle):
            handle.cancel()
        else:
            self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> TimerHandle:
        handle = TimerHandle(when, callback, args, self, context)
        if _is_dropped(handle):
            handle.cancel()
        else:
            self._count += 1
            heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def call_outside(self, delay: float, callback: Any, *args: Any) -> TimerHandle:
        """Schedule for the world around all processes, whoever asks."""
        return self.call_at(self._now + delay, callback, *args, context=Context())

    def create_task(self, coro: Coroutine[Any, Any, Any], **options: Any) -> Task[Any]:  # type: ignore[override]
        task = super().create_task(coro, **options)
        owner = _OWNER.get()
        if owner is not None:
            owner.remember(task)
        return task

    def call_soon_threadsafe(self, *_: Any, **__: Any) -> Handle:  # type: ignore[override]
        raise RuntimeError("a simulation has one thread: hand in a pool that runs in the loop")

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]
        raise RuntimeError("a simulation has one thread: hand in a pool that runs in the loop")

    def kill(self, process: Process) -> None:
        """Nothing of this process runs again."""
        process.alive = False
        self._ready = deque(handle for handle in self._ready if _owner(handle) is not process)
        self._timers = [timer for timer in self._timers if _owner(timer[2]) is not process]
        heapq.heapify(self._timers)
        process.bury()

    def _run_once(self) -> None:
        """One pass: everything that is ready, in a drawn order. The base class calls it until the loop is stopped."""
        ready, timers = self._ready, self._timers
        if not ready:
            while timers and timers[0][2].cancelled():
                heapq.heappop(timers)
            if not timers and not self._stopping:  # type: ignore[attr-defined]
                raise Stuck("nothing is left to happen, and somebody still waits")
            if timers:
                self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            timer = heapq.heappop(timers)[2]
            if not timer.cancelled():
                ready.append(timer)
        turn = list(ready)
        ready.clear()
        if len(turn) > 1:
            self._random.shuffle(turn)
        for handle in turn:
            if handle.cancelled():
                continue
            owner = _owner(handle)
            if owner is None:
                handle._run()
            elif owner.alive and self.before_step(owner):
                owner.steps += 1
                handle._run()

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """A timer that was cancelled is passed over when its time comes."""


def _owner(handle: Handle) -> Process | None:
    context: Context = handle._context  # type: ignore[attr-defined]
    return context.get(_OWNER)


def _is_dropped(handle: Handle) -> bool:
    owner = _owner(handle)
    return owner is not None and not owner.alive


def _goes_on(_owner: Process) -> bool:
    return True
