"""Rounds: who runs when. All services of a process take a batch each, and their commits run side by side.

A round: every executor with work applies one batch in the loop's thread; all commits go to the pool at once, and the
loop goes on serving; when the last is durable, events are handed over and answers leave. Batches form by themselves
while commits run. A service that `runs_in` a thread has a cycle of its own, so that its long batches hold up nobody.
"""

from typing import Any

from mercato.runtime.batches.executor import Batch, Executor
from mercato.runtime.parts import CommitPool, Outcomes

NUDGE = 0.25  # seconds


class Rounds:
    """Drives the executors of one process. `lag` is how late the loop came to its latest timer, in seconds."""

    def __init__(self, loop: Any, pool: CommitPool) -> None:
        self._loop = loop
        self._pool = pool
        self._executors: list[Executor] = []
        self._all: list[Executor] = []
        self._scheduled = False
        self._committing = False
        self._nudging = True
        self._nudge_at = 0.0
        self.lag = 0.0

    def add(self, executor: Executor) -> None:
        self._all.append(executor)
        if executor.service.runs_in == "thread":
            executor.wake = _ThreadCycle(self._loop, self._pool, executor).wake
        else:
            executor.wake = self.wake
            self._executors.append(executor)

    def start(self) -> None:
        """Begin to look for work that nobody announces: parked events that fall due, positions to store."""
        self._nudge_later()
        self.wake()

    def stop(self) -> None:
        self._nudging = False

    def wake(self) -> None:
        if not self._scheduled and not self._committing:
            self._scheduled = True
            self._loop.call_soon(self._round)

    def _round(self) -> None:
        self._scheduled = False
        batches: list[tuple[Executor, Batch]] = []
        for executor in self._executors:
            if executor.has_work() and (batch := executor.take()) is not None:
                executor.apply(batch)
                batches.append((executor, batch))
        if not batches:
            return
        self._committing = True
        thunks = [_commit(executor, batch) for executor, batch in batches]
        self._pool.run(thunks, lambda outcomes: self._settle(batches, outcomes))

    def _settle(self, batches: list[tuple[Executor, Batch]], outcomes: Outcomes) -> None:
        self._committing = False
        for (executor, batch), error in zip(batches, outcomes, strict=True):
            batch.fault = batch.fault or error
            executor.settle(batch)
        if any(executor.has_work() for executor in self._executors):
            self.wake()

    def _nudge(self) -> None:
        if not self._nudging:
            return
        self.lag = max(0.0, self._loop.time() - self._nudge_at)
        self._nudge_later()
        for executor in self._all:
            executor.nudge()

    def _nudge_later(self) -> None:
        self._nudge_at = self._loop.time() + NUDGE
        self._loop.call_at(self._nudge_at, self._nudge)


class _ThreadCycle:
    """Batches of one service, applied and committed in a pool thread, one after the other."""

    def __init__(self, loop: Any, pool: CommitPool, executor: Executor) -> None:
        self._loop = loop
        self._pool = pool
        self._executor = executor
        self._running = False

    def wake(self) -> None:
        if not self._running:
            self._running = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        executor = self._executor
        if not executor.has_work() or (batch := executor.take()) is None:
            self._running = False
            return

        def work() -> None:
            executor.apply(batch)
            executor.commit(batch)

        def done(outcomes: Outcomes) -> None:
            batch.fault = batch.fault or outcomes[0]
            executor.settle(batch)
            self._loop.call_soon(self._begin)

        self._pool.run([work], done)


def _commit(executor: Executor, batch: Batch) -> Any:
    return lambda: executor.commit(batch)
