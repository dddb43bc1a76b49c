"""A node: the services of one process, wired together, started and stopped.

Databases are migrated, every service learns where it stands in the logs that it listens to, then rounds, workers and
jobs begin. A graceful stop accepts nothing new, finishes what is in flight, and closes the databases.
"""

import asyncio
from collections.abc import Callable, Iterable

from mercato.runtime.batches.executor import Batch, Executor
from mercato.runtime.bus.event_types import EventTypes
from mercato.runtime.bus.outbox import Log
from mercato.runtime.calls import Calls
from mercato.runtime.housekeeping import housekeeping_jobs
from mercato.runtime.migrate import migrate
from mercato.runtime.parts import Parts
from mercato.runtime.rounds import Rounds
from mercato.runtime.schedule import Schedule
from mercato.runtime.service import Service
from mercato.runtime.slow_work.worker import Worker
from mercato.runtime.waiting import Waiters
from mercato.values.messages import Envelope, Event

BUSY = 0.005  # seconds of lag from which on the loop counts as busy
DRAIN = 10.0  # seconds that a graceful stop gives to what is in flight

OnEvent = Callable[[Envelope, Event], None]


class Node:
    """All services of this process. `calls` is the door to them."""

    def __init__(self, services: Iterable[Service], parts: Parts) -> None:
        self.services = tuple(services)
        self.parts = parts
        self.waiters = Waiters(parts.loop)
        self.calls = Calls(parts, self.waiters)
        self.rounds = Rounds(parts.loop, parts.pools.commits)
        self.executors: dict[str, Executor] = {}
        self._workers: dict[str, Worker] = {}
        self._schedules: list[Schedule] = []
        self._local: dict[type[Event], list[OnEvent]] = {}
        self._logs: dict[str, Log] = {}
        self._consumers: dict[str, list[Executor]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False
        known = EventTypes({row.event for service in self.services for row in service.listeners})
        for service in self.services:
            self._add(service, known)

    @property
    def ready(self) -> bool:
        """Whether all services take commands."""
        return self._started and all(executor.takes_commands for executor in self.executors.values())

    def measure(self) -> None:
        """Bring the gauges up to date: how far consumers are behind, how many events are parked."""
        telemetry = self.parts.telemetry
        for name, executor in self.executors.items():
            telemetry.parked.labels(name).set(executor.parked)
            for source, feed in executor.feeds.items():
                telemetry.lag.labels(name, source).set(max(0, self.executors[source].number - feed.position))

    def on(self, event: type[Event], tell: OnEvent) -> None:
        """A `local` subscription: from now on, in this process, nothing durable."""
        self._local.setdefault(event, []).append(tell)

    def start(self) -> None:
        """Migrate, read where everything stands, and begin."""
        logs = self._logs
        for name, executor in self.executors.items():
            migrate(executor.service, executor.database, self.parts.clock.now())
            logs[name] = Log(name, executor.database.reader(), executor.database.compiled)
        for executor in self.executors.values():
            for source in executor.feeds:
                if source not in logs:
                    raise ValueError(f"{executor.name} listens to {source}, which this process does not run")
            executor.start(logs)
            worker = self._workers.get(executor.name)
            self.calls.add(executor, worker.pause_of if worker else _goes_out)
        self.rounds.start()
        for worker in self._workers.values():
            self._tasks.append(self.parts.loop.create_task(worker.look()))
        for schedule in self._schedules:
            self._tasks.append(self.parts.loop.create_task(schedule.run()))
        self._started = True

    async def stop(self) -> None:
        """Finish what is in flight, accept nothing new, close."""
        self._started = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in self._workers.values():
            await worker.stop()
        for executor in self.executors.values():
            executor.stop()
        end = self.parts.loop.time() + DRAIN
        while not all(executor.idle for executor in self.executors.values()) and self.parts.loop.time() < end:  # noqa: ASYNC110 - several conditions, once in a life
            await asyncio.sleep(0.01)
        self.rounds.stop()
        self.parts.pools.close()
        for executor in self.executors.values():
            executor.close()
        for service in self.services:
            if service.close is not None:
                service.close()

    def _add(self, service: Service, known: EventTypes) -> None:
        executor = Executor(service, self.parts, self.waiters, known)
        self.executors[service.name] = executor
        self.rounds.add(executor)
        executor.committed.append(lambda batch: self._publish(executor, batch))
        executor.failed.append(lambda batch: self._forget(executor, batch))
        executor.resumed.append(lambda told: self._publish_again(executor, told))
        for source in executor.feeds:
            self._consumers.setdefault(source, []).append(executor)
        for row in service.awaits:
            for event in row.events:
                self.on(event, lambda envelope, _event: self.waiters.changed(envelope.store, envelope.aggregate))
        if service.work:
            worker = self._workers[service.name] = Worker(executor, self.parts, self.calls, self._is_calm)
            executor.accepts = worker.accepts
        jobs = (*service.jobs, *housekeeping_jobs(executor, lambda: self._consumed(service.name)))
        self._schedules.append(Schedule(executor, jobs, self.parts, self.calls))

    def _is_calm(self) -> bool:
        """Whether the loop keeps up with its timers."""
        return self.rounds.lag < BUSY

    def _consumed(self, source: str) -> int | None:
        """The number up to which every consumer of this source has stored its position; None without consumers."""
        return min((consumer.feeds[source].position for consumer in self._consumers.get(source, ())), default=None)

    def _publish_again(self, executor: Executor, told: int) -> None:
        """A database is in order again: a batch whose commit seemed to fail may have news that nobody was told, those
        after the number `told`."""
        for consumer in self._consumers.get(executor.name, ()):
            consumer.look_again(executor.name)
        if executor.number > told:
            known = EventTypes(self._local)
            for envelope in self._logs[executor.name].read(told, executor.number - told):
                self._tell(envelope, known)

    def _tell(self, envelope: Envelope, known: EventTypes) -> None:
        """Tell local subscribers of an event that was read from its log."""
        for kind, tellers in self._local.items():
            if (kind.__name__, kind.version) == (envelope.type, envelope.version):
                event = known.decode(envelope)
                for tell in tellers:
                    tell(envelope, event)

    def _publish(self, executor: Executor, batch: Batch) -> None:
        """News of a committed batch: to consumers that are caught up, to local subscribers, to the worker."""
        tx = batch.tx
        assert tx is not None, "only committed batches are published"
        if tx.events:
            for consumer in self._consumers.get(executor.name, ()):
                consumer.offer(executor.name, tx.events)
            for envelope, event in tx.events:
                for tell in self._local.get(type(event), ()):
                    tell(envelope, event)
        self._forget(executor, batch)
        for intent in tx.intents:
            self._workers[executor.name].offer(intent)

    @staticmethod
    def _forget(executor: Executor, batch: Batch) -> None:
        """What this process keeps of the subjects that a batch has changed, or may have changed."""
        forget = executor.service.forget
        if forget is not None and batch.tx is not None:
            for store, subject in batch.tx.changes:
                forget(store, subject)


def _goes_out(_kind: str) -> int:
    return 0
