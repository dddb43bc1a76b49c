"""Rounds: who runs when. All services of a process take a batch each, and their commits run side by side.

A round: every executor with work applies one batch in the loop's thread, and its commit goes to the pool at once,
beside the next one's batch; the loop goes on serving. When the last is durable, events are handed over and answers
leave: so what one service answers, the others have done too, as far as the same event told them. Batches form by
themselves while commits run. A service that `runs_in` a thread has a cycle of its own, so that its long batches hold up
nobody.
"""

from functools import partial
from typing import Any

from mercato.runtime.batches.executor import Batch, Executor
from mercato.runtime.parts import CommitPool

NUDGE = 0.25  # seconds


class Rounds:
    """Drives the executors of one process. `lag` is how late the loop came to its latest timer, in seconds."""

    def __init__(self, loop: Any, pool: CommitPool) -> None:
        self._loop = loop
        self._pool = pool
        self._executors: list[Executor] = []
        self._all: list[Executor] = []
        self._scheduled = False
        self._applied: list[tuple[Executor, Batch]] = []
        self._committing = 0
        self._nudging = True
        self._nudge_at = 0.0
        self.lag = 0.0

    def add(self, executor: Executor) -> None:
        self._all.append(executor)
        if executor.service.runs_in == "thread" or executor.database.shared:
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
        """Batches are taken before the first one is committed: no log is read that has news nobody was told yet."""
        self._scheduled = False
        ready = [executor for executor in self._executors if executor.has_work()]
        self._applied = [(executor, batch) for executor in ready if (batch := executor.take()) is not None]
        self._committing = len(self._applied)
        for executor, batch in self._applied:
            executor.apply(batch)
            self._pool.run(partial(executor.commit, batch), partial(self._committed, batch))

    def _committed(self, batch: Batch, error: BaseException | None) -> None:
        batch.fault = batch.fault or error
        self._committing -= 1
        if self._committing:
            return
        applied, self._applied = self._applied, []
        for executor, done in applied:
            executor.settle(done)
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

        def done(error: BaseException | None) -> None:
            batch.fault = batch.fault or error
            executor.settle(batch)
            self._loop.call_soon(self._begin)

        self._pool.run(work, done)
