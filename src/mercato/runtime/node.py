"""A node: the services of one process, wired together and with those of other processes, started and stopped.

Databases are migrated, every service learns where it stands in the logs that it listens to, then rounds, workers and
jobs begin. A graceful stop accepts nothing new, finishes what is in flight, and closes the databases.
"""

import asyncio
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from mercato.runtime.batches.executor import Batch, Executor
from mercato.runtime.batches.shared import SharedExecutor, SharedLog
from mercato.runtime.bus.event_types import EventTypes
from mercato.runtime.bus.outbox import Log
from mercato.runtime.calls import Calls, Receiver
from mercato.runtime.housekeeping import housekeeping_jobs
from mercato.runtime.late_events import late_jobs, prepare_documents
from mercato.runtime.local_service import LocalService
from mercato.runtime.migrate import migrate
from mercato.runtime.parts import Parts
from mercato.runtime.peers.network import Network, Place
from mercato.runtime.rounds import Rounds
from mercato.runtime.schedule import Schedule
from mercato.runtime.service import Follow, Service, source_of
from mercato.runtime.slow_work.worker import Worker
from mercato.runtime.waiting import Waiters
from mercato.values.messages import Envelope, Event, Refusal

BUSY = 0.005  # seconds of lag from which on the loop counts as busy
AGAIN = 1.0  # seconds until what has failed begins again
DRAIN = 10.0  # seconds that a graceful stop gives to what is in flight

OnEvent = Callable[[Envelope, Event], None]


class Node:
    """The services of this process. `calls` is the door to them, and to those that run elsewhere.

    Without a `place` in a network all services run here. Once it is `leaving`, it is not ready, and nobody should send
    it anything new.
    """

    def __init__(self, services: Iterable[Service], parts: Parts, place: Place | None = None) -> None:
        self.services = tuple(services)
        self.parts = parts
        self.waiters = Waiters(parts.loop)
        self.calls = Calls()
        self.rounds = Rounds(parts.loop, parts.pools.commits)
        self.executors: dict[str, Executor] = {}
        self._workers: dict[str, Worker] = {}
        self._schedules: list[Schedule] = []
        self._local: dict[type[Event], list[OnEvent]] = {}
        self._logs: dict[str, Any] = {}
        self._receivers: dict[str, Receiver] = {}
        self._consumers: dict[str, list[Executor]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False
        self.leaving = False
        self._heard_types: EventTypes | None = None
        self._known = EventTypes({row.event for service in self.services for row in service.listeners})
        self._network = Network(place, self) if place is not None else None
        self._bus = parts.bus
        for service in self.services:
            if place is None or service.name in place.runs:
                self._add(service)

    @property
    def ready(self) -> bool:
        """Whether all services take commands."""
        return (
            self._started and not self.leaving and all(executor.takes_commands for executor in self.executors.values())
        )

    def measure(self) -> None:
        """Bring the gauges up to date: how far consumers are behind, how many events are parked."""
        telemetry = self.parts.telemetry
        for name, executor in self.executors.items():
            telemetry.parked.labels(name).set(executor.parked)
            for source, feed in executor.feeds.items():
                if source in self.executors:
                    telemetry.lag.labels(name, source).set(max(0, self.executors[source].number - feed.position))

    def on(self, event: type[Event], tell: OnEvent) -> None:
        """A `local` subscription: from now on, in this process, nothing durable."""
        self._local.setdefault(event, []).append(tell)
        self._heard_types = None
        if self._network is not None:
            self._network.want_more()

    def start(self) -> None:
        """Migrate, read where everything stands, and begin."""
        logs = self._logs
        for name, executor in self.executors.items():
            migrate(executor.service, executor.database, self.parts.clock.now())
            prepare_documents(executor)
            log = Log(name, executor.database.reader(), executor.database.compiled)
            logs[name] = SharedLog(log, self.parts.pools.readers) if executor.database.shared else log
        for name, executor in self.executors.items():
            worker = self._workers.get(name)
            pause_of = worker.pause_of if worker else _goes_out
            self._receivers[name] = LocalService(executor, self.parts, self.waiters, pause_of)
            self.calls.add(executor.service, self._receivers[name])
        if self._network is not None:
            remote = self._network.join(dict(self._receivers), dict(logs))
            self._receivers.update(remote)
            logs.update(remote)
        for executor in self.executors.values():
            for source in executor.feeds:
                if source not in logs:
                    raise ValueError(f"{executor.name} listens to {source}, which no process runs")
            if self._bus is not None and isinstance(executor, SharedExecutor):
                executor.by_bus = True
            executor.start(logs)
        if self._bus is not None:
            shared = {name: each for name, each in self.executors.items() if isinstance(each, SharedExecutor)}
            self._bus.join(shared, logs)
        self.rounds.start()
        for worker in self._workers.values():
            self._tasks.append(self.parts.loop.create_task(worker.look()))
        for executor in self.executors.values():
            for follow in executor.service.follows:
                self._tasks.append(self.parts.loop.create_task(self._follow(follow)))
        for schedule in self._schedules:
            self._tasks.append(self.parts.loop.create_task(schedule.run()))
        self._started = True

    async def stop(self) -> None:
        """Finish what is in flight, accept nothing new, close."""
        self._started = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._network is not None:
            await self._network.stop_taking()
        for worker in self._workers.values():
            await worker.stop()
        for executor in self.executors.values():
            executor.stop()
        end = self.parts.loop.time() + DRAIN
        while not all(executor.idle for executor in self.executors.values()) and self.parts.loop.time() < end:  # noqa: ASYNC110 - several conditions, once in a life
            await asyncio.sleep(0.01)
        self.rounds.stop()
        if self._bus is not None:
            self._bus.leave()
        if self._network is not None:
            self._network.leave()
        self.parts.pools.close()
        for executor in self.executors.values():
            executor.close()
        for service in self.services:
            if service.close is not None:
                service.close()

    def wants(self) -> Iterable[type[Event]]:
        """The types of events that this process wants to hear of, wherever they happen."""
        yield from self._local
        for executor in self.executors.values():
            for row in executor.service.listeners:
                yield row.event

    def heard(self, source: str, first: int, last: int, envelopes: Iterable[Envelope]) -> None:
        """News of another process: the events of `source` with these numbers, as far as they are wanted here."""
        events = [(envelope, self._decoded(envelope)) for envelope in envelopes]
        if self._bus is not None:
            self._bus.tell(source)
        for consumer in self._consumers.get(source, ()) if self._bus is None else ():
            wanted = consumer.feeds[source].types
            consumer.hear(source, [each for each in events if each[0].type in wanted], first, last)
        for envelope, event in events:
            if event is not None:
                self._tell(envelope, event)

    def _decoded(self, envelope: Envelope) -> Event | None:
        """None for an event that is not known here: who should have its effect, parks it."""
        if self._heard_types is None:
            self._heard_types = EventTypes(self.wants())
        try:
            return self._heard_types.decode(envelope)
        except Exception:
            return None

    def look_again(self, source: str) -> None:
        """There may have been news of `source` that nobody here has heard."""
        for consumer in self._consumers.get(source, ()):
            consumer.look_again(source)

    def changed(self, source: str, changes: Iterable[tuple[str, str]]) -> None:
        """Something is new about these subjects of a service, which runs elsewhere, or elsewhere too."""
        for service in self.services:
            if service.name == source:
                self._note_changes(service, changes)

    def _note_changes(self, service: Service, changes: Iterable[tuple[str, str]]) -> None:
        """Forget what this process keeps of these subjects, and let those look again who wait for them."""
        for store, subject in changes:
            if service.forget is not None:
                service.forget(store, subject)
            self.waiters.changed(store, subject)

    def _add(self, service: Service) -> None:
        database = self.parts.open_database(service.name)
        kind = SharedExecutor if database.shared else Executor
        executor = kind(service, self.parts, self.waiters, self._known, database)
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
        jobs += late_jobs(executor, self.parts.pools.readers)
        self._schedules.append(Schedule(executor, jobs, self.parts, self.calls))

    async def _follow(self, follow: Follow) -> None:
        while True:
            try:
                await follow.run(self.calls, self._is_calm)
            except Exception as error:
                text = "".join(traceback.format_exception(error))
                self.parts.telemetry.log.error("following_failed", follow=follow.name, error=text)
            await asyncio.sleep(AGAIN)

    def _is_calm(self) -> bool:
        """Whether the loop keeps up with its timers."""
        return self.rounds.lag < BUSY

    async def _consumed(self, source: str) -> int | None:
        """The number up to which every consumer of this source has stored its position; None without consumers, or
        where one of them cannot be asked."""
        consumers = [
            service.name
            for service in self.services
            if any(source_of(row.event) == source for row in service.listeners)
        ]
        try:
            return min([await self._receivers[name].position(source) for name in consumers], default=None)
        except Refusal:
            return None

    def _publish_again(self, executor: Executor, told: int) -> None:
        """A database is in order again: a batch whose commit seemed to fail may have news that nobody was told, those
        after the number `told`."""
        self.look_again(executor.name)
        log = self._logs[executor.name]
        if executor.number > told and isinstance(log, Log):
            known = EventTypes(self._local)
            for envelope in log.read(told, executor.number - told):
                for kind in self._local:
                    if (kind.__name__, kind.version) == (envelope.type, envelope.version):
                        self._tell(envelope, known.decode(envelope))

    def _tell(self, envelope: Envelope, event: Event) -> None:
        for tell in self._local.get(type(event), ()):
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
        if tx.late:  # nobody here has them as more than bytes: whoever listens reads the log
            self.look_again(executor.name)
        self._forget(executor, batch)
        if self._bus is not None and (tx.events or tx.late):
            self._bus.tell(executor.name)
        if self._network is not None:
            self._network.tell(executor.name, tx)
        for intent in tx.intents:
            self._workers[executor.name].offer(intent)

    def _forget(self, executor: Executor, batch: Batch) -> None:
        """What this process keeps of the subjects that a batch has changed, or may have changed."""
        if batch.tx is not None:
            self._note_changes(executor.service, batch.tx.changes)


def _goes_out(_kind: str) -> int:
    return 0
