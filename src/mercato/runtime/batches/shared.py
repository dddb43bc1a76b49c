"""The executor of a service whose database other processes write too.

It does what every executor does, with four differences. Statements wait for a server, so nothing here touches the
database from the loop's thread: batches are applied and committed in a pool, logs are read by whoever has them. What
somebody else was in the way of is done again. Of the processes of one service one at a time consumes a source, the one
that holds its lease; positions are moved by compare-and-set all the same. And nothing of the database is kept in
memory, but which events are parked: only who consumes their source needs to know.
"""

import threading
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from mercato.runtime.batches.executor import MANY, PAUSE_AFTER_FAULT, Batch, Executor
from mercato.runtime.batches.items import EventItem, RetryItem
from mercato.runtime.batches.numbers import draw_numbers
from mercato.runtime.bus.feed import READ_AT_ONCE, Feed
from mercato.runtime.bus.outbox import LAST_NUMBER, Log
from mercato.runtime.bus.parked import DUE_PARKED, FAR, PARKED_KEYS, ParkedKey, ParkedRow
from mercato.runtime.bus.positions import ADD_POSITION, Fenced
from mercato.runtime.bus.sequence import ADD_SEQUENCE, LOG
from mercato.runtime.database.faults import DatabaseFault, InTheWay
from mercato.runtime.database.jobs import ADD_LEASE, FREE_LEASE, TAKE_LEASE
from mercato.runtime.database.statements import Statement
from mercato.runtime.documents.session import DocumentSession
from mercato.runtime.parts import WorkPool
from mercato.runtime.pausing import pause
from mercato.runtime.service import Handle
from mercato.runtime.transaction import Transaction
from mercato.values.messages import Caller, Command, Envelope, Event, Refusal, System

Row = TypeVar("Row")

TRIES = 6  # of a batch that others are in the way of
PAUSE = 0.02  # seconds before the second one, at most; each later one twice as long
LEASE = 6_000  # ms for which a source is held without a word
RENEW = 1.5  # seconds


class Source(Protocol):
    """A log that is read from here, wherever it is."""

    async def fetch(self, after: int, limit: int) -> list[Envelope]:
        """At most `limit` events with numbers above `after`, in order. Raises Unavailable."""


class HoldSources(Command[tuple[str, ...]], frozen=True):
    """Hold the leases of these sources; those that are held now."""

    allow = System
    sources: tuple[str, ...]


class FreeSources(Command[None], frozen=True):
    allow = System
    sources: tuple[str, ...]


def hold_sources(tx: Transaction, command: HoldSources, _caller: Caller) -> tuple[str, ...]:
    held = []
    for source in command.sources:
        lease = f"events of {source}"
        tx.run(ADD_LEASE, name=lease, holder="", fence=0, expires_at=0)
        if tx.run(TAKE_LEASE, lease=lease, now=tx.now, me=tx.holder, until=tx.now + LEASE, alone=0):
            held.append(source)
    return tuple(held)


def free_sources(tx: Transaction, command: FreeSources, _caller: Caller) -> None:
    for source in command.sources:
        tx.run(FREE_LEASE, lease=f"events of {source}", me=tx.holder)


class Standing(msgspec.Struct, frozen=True):
    """What the database says about how far this service is."""

    positions: dict[str, int]
    parked: list[ParkedKey]
    number: int


class SharedExecutor(Executor):
    """Queues and transactions of one service in this process, one of several."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if self.service.documents:
            self.documents = self._parts.open_documents(self.name)
        self._looking = self.database.reader()
        self._looking_lock = threading.Lock()
        self._again = threading.Event()  # never set: to wait for
        self._sources: Mapping[str, Source] = {}
        self._held: set[str] = set()
        self._held_until = 0
        self._reading: set[str] = set()
        self._moving: frozenset[str] = frozenset()  # sources whose events are in the batch that is under way
        self._tasks: set[Any] = set()
        self.by_bus = False  # a bus says which sources are consumed here, and brings their events
        for handle in (Handle(HoldSources, hold_sources), Handle(FreeSources, free_sources)):
            self.add_handle(handle)

    def start(self, logs: Mapping[str, Any]) -> None:
        self._sources = logs
        writer = self.database.writer
        last = self._rows(LAST_NUMBER)[0].number
        writer.begin()
        tx = self._transaction()
        tx.run(ADD_SEQUENCE, name=LOG, number=last)
        for source, feed in self.feeds.items():
            tx.run(ADD_POSITION, source=source, part=0, number=0)
            feed.start(0, None)
        writer.execute("COMMIT")
        self._believe(self._stand(), self.feeds.keys())
        if self.feeds and not self.by_bus:
            self._spawn(self._hold)

    def has_work(self) -> bool:
        if self._paused or not self.settled.is_set():
            return False
        if self._commands or self._retries or self._wants_positions:
            return True
        return any(feed.waiting for feed in self.feeds.values())

    def take(self) -> Batch | None:
        batch = super().take()
        if batch is not None:
            self._moving = _sources_of(batch)
        return batch

    def apply(self, batch: Batch) -> None:
        grouped = self.optimistic
        sources = _sources_of(batch)
        parked = self._parked.of(sources)
        for attempt in range(TRIES):
            try:
                self._run(batch, grouped=grouped)
                return
            except Exception as raised:
                error = self.database.writer.translated(raised)
            self._undo()
            self._parked.replace(sources, parked)
            if isinstance(error, DatabaseFault) or attempt + 1 == TRIES:
                self._give_up(batch, error)
                return
            self._parts.telemetry.redone.labels(self.name).inc()
            match error:
                case InTheWay():
                    self._again.wait(PAUSE * 2**attempt * self._chance())
                case Fenced():
                    self._leave_events(batch)
                case _ if grouped:
                    grouped = False
                case _:
                    self._give_up(batch, error)
                    return

    def _send_news(self, tx: Transaction) -> None:
        """Documents elsewhere are written last: what fails before has not touched them."""
        before = draw_numbers(tx)
        super()._send_news(tx)
        if tx.session is not None:
            self._parts.reached(f"{self.name}: before documents")
            tx.session.write((envelope for envelope, _ in tx.events), before)
            self._parts.reached(f"{self.name}: after documents")

    def commit(self, batch: Batch) -> None:
        super().commit(batch)
        if batch.fault is None and batch.tx is not None and batch.tx.session is not None:
            try:
                batch.tx.session.release()
            except DatabaseFault as fault:  # whoever finds it next sees that it is in the log
                self._parts.telemetry.log.error("documents_not_released", service=self.name, error=str(fault))

    def nudge(self) -> None:
        if self._paused or not self.settled.is_set():
            return
        self._read_what_is_behind()
        if self._held and not self.by_bus and self._parts.clock.now() > self._held_until:
            self.let_go(self._held)
        if len(self._parked) and not self._retries:
            self._spawn(self._look_for_retries)
        self._wants_positions = any(feed.lags() for feed in self.feeds.values() if feed.source in self._held)
        if self.has_work():
            self.wake()

    def stop(self) -> None:
        """Accept no more commands, and let others consume."""
        if self._held and not self.by_bus:
            self.submit(FreeSources(tuple(self._held)), Caller.system("", "stop"))
        self.let_go(self._held)
        super().stop()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        super().close()
        if self.documents is not None:
            self.documents.close()

    # Logs that are read from here.

    def hear(self, source: str, events: Sequence[tuple[Envelope, Event | None]], first: int, last: int) -> None:
        super().hear(source, events, first, last)
        self._read_what_is_behind()

    def look_again(self, source: str) -> None:
        super().look_again(source)
        self._read_what_is_behind()

    def _read_what_is_behind(self) -> None:
        for source in self._held - self._reading if not self._paused else ():
            if self.feeds[source].must_read:
                self._reading.add(source)
                self._spawn(partial(self._read, self.feeds[source]))

    async def _read(self, feed: Feed) -> None:
        """Read on. Where the log cannot be reached, the next nudge tries again."""
        after = feed.seen
        try:
            envelopes = await self._sources[feed.source].fetch(after, READ_AT_ONCE)
            if feed.source in self._held and feed.seen == after and feed.must_read:
                feed.accept(envelopes)
        except (Refusal, DatabaseFault) as error:
            self._parts.telemetry.log.error("log_unreachable", service=self.name, source=feed.source, error=str(error))
            await pause(self._parts.loop, PAUSE_AFTER_FAULT)
        finally:
            self._reading.discard(feed.source)
        self._read_what_is_behind()
        self.wake()

    # Who consumes.

    async def _hold(self) -> None:
        """Hold what can be held, for as long as this process lives."""
        while not self._stopped:
            until = self._parts.clock.now() + LEASE
            try:
                held = await self.submit(HoldSources(tuple(self.feeds)), Caller.system("", "events"))
                if new := set(held) - self._held:
                    self._take_over(new, await self._parts.pools.readers.run(self._stand))
                self.let_go(self._held - set(held))
                self._held_until = until
            except (Refusal, DatabaseFault):
                pass  # what was held is held until its time is over
            await pause(self._parts.loop, RENEW)

    def take_over_soon(self, sources: set[str]) -> None:
        """A bus says that these are consumed here from now on."""
        self._spawn(partial(self._take_over_when_known, sources))

    async def _take_over_when_known(self, sources: set[str]) -> None:
        """A batch that was taken before still moves their positions: what the database says until then is too old."""
        while not self._stopped:
            if sources & self._moving:
                await pause(self._parts.loop, PAUSE)
                continue
            try:
                self._take_over(sources, await self._parts.pools.readers.run(self._stand))
                return
            except DatabaseFault:
                await pause(self._parts.loop, PAUSE_AFTER_FAULT)

    def hear_from_bus(self, source: str, envelopes: list[Envelope]) -> None:
        """Events of a source that a bus brings, in the order of their numbers, some perhaps once more."""
        feed = self.feeds[source]
        fresh = [envelope for envelope in envelopes if envelope.number > feed.seen]
        if source in self._held and fresh:
            events = [(each, self._decoded(each)) for each in fresh if each.type in feed.types]
            last = fresh[-1].number
            first = fresh[0].number if last - fresh[0].number + 1 == len(fresh) else 0  # 0: some are missing
            feed.catch_up(events, first, last)
            self._read_what_is_behind()
            self.wake()

    def _decoded(self, envelope: Envelope) -> Event | None:
        """None for an event that cannot be read: it will be parked."""
        try:
            return self._known.decode(envelope)
        except Exception:
            return None

    @property
    def waiting(self) -> int:
        """How many events wait."""
        return sum(feed.waiting for feed in self.feeds.values())

    def _take_over(self, sources: set[str], standing: Standing) -> None:
        for source in sources:
            self.feeds[source].restart(standing.positions[source])
        self._believe(standing, sources)
        self._held |= sources
        self._read_what_is_behind()

    def let_go(self, sources: set[str]) -> None:
        """Whoever holds them now does what waits here."""
        for source in tuple(sources):
            self._held.discard(source)
            self.feeds[source].restart(self.feeds[source].position)

    def _leave_events(self, batch: Batch) -> None:
        """Another process has moved a position: its events are done or will be. The commands remain."""
        batch.items = [item for item in batch.items if not isinstance(item, EventItem)]
        batch.positions = []
        batch.fenced = True

    def settle(self, batch: Batch) -> None:
        if batch.fenced:
            self._start_again()
        self._moving = frozenset()
        super().settle(batch)
        self._read_what_is_behind()

    def _start_again(self) -> None:
        """What was held here is another's, or was for a moment: whoever says what is held says it again."""
        held = set(self._held)
        self.let_go(held)
        if self.by_bus:
            self.take_over_soon(held)

    # What the database says, asked in a pool.

    def _stand(self) -> Standing:
        return Standing(self.positions(), self._rows(PARKED_KEYS), self._rows(LAST_NUMBER)[0].number)

    def _believe(self, standing: Standing, sources: Set[str]) -> None:
        """Of other sources a batch that is under way may know more."""
        self._parked.replace(sources, {(row.source, row.aggregate): row.count for row in standing.parked})
        self._number = max(self._number, standing.number)

    def _resume(self) -> None:
        self._spawn(self._look_again)

    async def _look_again(self) -> None:
        """Believe nothing that is in memory: whether the last commit happened is known only to the database."""
        told = self._number
        try:
            standing = await self._parts.pools.readers.run(self._stand)
        except DatabaseFault as fault:
            self._refuse_all()
            self._pause(fault)
            return
        self._believe(standing, self.feeds.keys())
        for tell in self.resumed:
            tell(told)
        self._retries.clear()
        for source, feed in self.feeds.items():
            feed.restart(standing.positions[source])
        self._paused = False
        self.wake()

    async def _look_for_retries(self) -> None:
        now = self._parts.clock.now()
        try:
            rows: list[ParkedRow] = await self._parts.pools.readers.run(
                lambda: self._rows(DUE_PARKED, now=now, far=now + FAR)
            )
        except DatabaseFault:
            return  # the next look tries again
        if not self._retries:
            self._retry(row for row in rows if row.source in self._held)
            self.wake()

    def _rows(self, statement: Statement[Row], **parameters: Any) -> list[Row]:
        compiled = self.database.compiled[statement]
        values = compiled.values({**compiled.constants, **parameters})
        with self._looking_lock:
            return [compiled.record(*row) for row in self._looking.fetch(compiled.sql, values, MANY)]

    def _transaction(self) -> Transaction:
        tx = super()._transaction()
        tx.memory = None
        if self.documents is not None:
            tx.documents = tx.session = DocumentSession(self.documents, tx.new_id("run"))
        return tx

    def _chance(self) -> float:
        """Between a half and one."""
        return 0.5 + self._parts.ids.secret()[0] / 512

    def _spawn(self, work: Callable[[], Any]) -> None:
        task = self._parts.loop.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _sources_of(batch: Batch) -> frozenset[str]:
    """The sources whose events have their effect in a batch."""
    sources = {feed.source for feed, _ in batch.positions}
    for item in batch.items:
        if isinstance(item, EventItem):
            sources.add(item.feed.source)
        elif isinstance(item, RetryItem):
            sources.add(item.row.source)
    return frozenset(sources)


class SharedLog:
    """The log of a service of this process, whose database is a server's."""

    def __init__(self, log: Log, readers: WorkPool) -> None:
        self._log = log
        self._readers = readers
        self._lock = threading.Lock()

    async def fetch(self, after: int, limit: int) -> list[Envelope]:
        def read() -> list[Envelope]:
            with self._lock:
                return self._log.read(after, limit)

        envelopes: list[Envelope] = await self._readers.run(read)
        return envelopes
