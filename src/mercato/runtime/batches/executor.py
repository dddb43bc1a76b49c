"""The executor of one service in this process: what waits, and one transaction of it at a time.

A round asks each executor to `take` a batch and to `apply` it (in the loop), hands the `commit` to the pool, and lets
it `settle` afterwards. The first run is optimistic: no savepoints, writes grouped for each statement. If anything
goes wrong after a write, the batch is rolled back and run again with a savepoint for each item.
"""

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from mercato.runtime.answers import IdempotencyKey
from mercato.runtime.batches.items import (
    BatchKeys,
    CommandItem,
    Context,
    EventItem,
    Item,
    ParkedAggregates,
    RetryItem,
)
from mercato.runtime.batches.read_ahead import keys_of, read_ahead, read_keys
from mercato.runtime.batches.savepoints import savepoint
from mercato.runtime.bus.event_types import EventTypes
from mercato.runtime.bus.feed import Feed
from mercato.runtime.bus.outbox import LAST_NUMBER, Log
from mercato.runtime.bus.parked import DUE_PARKED, FAR, LIST_PARKED, PARKED_KEYS, REPLAY, ParkedRow, unpack
from mercato.runtime.bus.positions import ADD_POSITION, LIST_POSITIONS, MOVE_POSITION, Fenced
from mercato.runtime.database.engine import Database
from mercato.runtime.database.faults import DatabaseFault, InTheWay
from mercato.runtime.database.statements import Statement
from mercato.runtime.documents.store import DocumentStore
from mercato.runtime.memory import Memory
from mercato.runtime.parts import Parts
from mercato.runtime.reader import Reader
from mercato.runtime.service import Handle, Listener, Service, source_of
from mercato.runtime.transaction import StaleMemory, Transaction
from mercato.runtime.waiting import Waiters
from mercato.values.messages import (
    Caller,
    Command,
    Envelope,
    Event,
    Forbidden,
    Overloaded,
    Refusal,
    System,
    Unavailable,
)

Row = TypeVar("Row")

BATCH = 256  # messages of one batch
BUDGET = 0.005  # seconds of execution after which a batch ends
QUEUE = 4_096  # commands that may wait; more are told to come back later
MANY = 100_000  # rows of the runtime's own tables that are read at once
PAUSE_AFTER_FAULT = 0.25  # seconds before a service whose database failed is tried again


class ReplayEvent(Command[None], frozen=True):
    """Make a parked event due now, with all its tries before it."""

    allow = System
    source: str
    number: int


def replay_event(tx: Transaction, command: ReplayEvent, _caller: Caller) -> None:
    tx.run(REPLAY, in_source=command.source, in_number=command.number, due_at=tx.now)


class Batch:
    """One transaction on its way."""

    __slots__ = ("fault", "fenced", "items", "positions", "tx")

    def __init__(self, items: list[Item], touched: list[Feed]) -> None:
        self.items = items
        self.positions = [(feed, feed.covered()) for feed in touched]
        self.tx: Transaction | None = None
        self.fenced = False
        self.fault: BaseException | None = None


class Executor:
    """Queues and transactions of one service. `wake` is called when work has come in."""

    def __init__(self, service: Service, parts: Parts, waiters: Waiters, known: EventTypes, database: Database) -> None:
        self.service = service
        self.name = service.name
        self.database = database
        self.wake: Callable[[], None] = lambda: None
        self.committed: list[Callable[[Batch], None]] = []
        self.failed: list[Callable[[Batch], None]] = []
        self.resumed: list[Callable[[int], None]] = []
        self.accepts: Callable[[str], bool] = lambda _kind: False
        self.optimistic = True  # False: every batch runs with savepoints from the first, as tests compare
        self._parts = parts
        self._waiters = waiters
        self._known = known
        self._commands: deque[CommandItem] = deque()
        self._retries: deque[RetryItem] = deque()
        self._handles: dict[type[Command[Any]], Handle] = {}
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self._keys = keys_of(service, on_server=database.shared)
        self.documents: DocumentStore | None = None
        self._parked = ParkedAggregates()
        self.memory = Memory()
        # A batch that runs in a thread has all the time it needs, and must not touch the queues from there.
        self._budget = BUDGET if service.runs_in == "loop" and not database.shared else float("inf")
        self.settled = asyncio.Event()  # not while a batch is under way: memory may know less than the database then
        self.settled.set()
        self._paused = False
        self._resuming: asyncio.TimerHandle | None = None
        self._wants_positions = False
        self._stopped = False
        self._number = 0
        self._messages = parts.telemetry.messages.labels(self.name).inc
        self._batches = parts.telemetry.batches.labels(self.name).inc
        self.feeds = self._make_feeds()
        for handle in (*service.handlers, Handle(ReplayEvent, replay_event)):
            self.add_handle(handle)

    def add_handle(self, handle: Handle) -> None:
        self._handles[handle.message] = handle

    def start(self, logs: dict[str, Log]) -> None:
        """Read where this service stands; `logs` are those of the sources that it listens to."""
        stored = self.positions()
        tx = self._transaction()
        for source, feed in self.feeds.items():
            if source not in stored:
                tx.run(ADD_POSITION, source=source, part=0, number=0)
            feed.start(stored.get(source, 0), logs[source])
        self._reload()

    def submit(
        self,
        command: Command[Any],
        caller: Caller,
        key: IdempotencyKey | None = None,
        intent: Any = None,
    ) -> "asyncio.Future[Any]":
        """Queue a command; its future is set after the commit. Raises Forbidden or Overloaded at once."""
        if not command.allow.admits(caller.roles):
            raise Forbidden(f"{type(command).__name__} is for {command.allow.name}")
        if len(self._commands) >= QUEUE or self._stopped:
            raise Overloaded
        handle = self._handles[type(command)]
        if self._parts.recode:
            command = msgspec.json.decode(msgspec.json.encode(command), type=type(command))
        future: asyncio.Future[Any] = self._parts.loop.create_future()
        self._commands.append(CommandItem(handle, command, caller, future, key, intent))
        self.wake()
        return future

    def offer(self, source: str, events: Sequence[tuple[Envelope, Event]]) -> None:
        """Events that `source` has just committed."""
        if self._parts.recode:
            wanted = self._listeners
            events = [(e, self._known.decode(e) if e.type in wanted else event) for e, event in events]
        self.hear(source, events, events[0][0].number, events[-1][0].number)

    def hear(self, source: str, events: Sequence[tuple[Envelope, Event | None]], first: int, last: int) -> None:
        """Events of `source` from `first` to `last`, as far as they are wanted here."""
        self.feeds[source].offer(events, first, last)
        self.wake()

    def look_again(self, source: str) -> None:
        """The log of `source` may have events that were not offered."""
        self.feeds[source].look_again()
        self.wake()

    def nudge(self) -> None:
        """Called a few times a second: parked events that are due, positions that only passed over events."""
        if self._paused or not self.settled.is_set():
            return
        if len(self._parked) and not self._retries:
            with suppress(DatabaseFault):  # the next look tries again
                self._find_retries()
        self._wants_positions = any(feed.lags() for feed in self.feeds.values())
        if self.has_work():
            self.wake()

    def has_work(self) -> bool:
        if self._paused or not self.settled.is_set():
            return False
        if self._commands or self._retries or self._wants_positions:
            return True
        return any(feed.has_work() for feed in self.feeds.values())

    @property
    def takes_commands(self) -> bool:
        return not (self._stopped or self._paused)

    @property
    def parked(self) -> int:
        """How many events wait for a retry or for an operator."""
        return len(self._parked)

    @property
    def number(self) -> int:
        """The number of the latest committed event."""
        return self._number

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is being done: a graceful stop may close it."""
        return self.settled.is_set() and not self._commands

    def take(self) -> Batch | None:
        """What to do next: events in log order first, then commands as they came. None: nothing, or no log to read."""
        items: list[Item] = []
        try:
            touched = self._take_events(items)
        except DatabaseFault as fault:
            self._pause(fault)
            return None
        commands = self._commands
        while commands and len(items) < BATCH:
            command = commands.popleft()
            if not command.future.cancelled():  # its caller is gone: nothing has been done for it, and nothing will be
                items.append(command)
        if not items and not (self._wants_positions and touched):
            return None
        self._wants_positions = False
        self.settled.clear()
        return Batch(items, touched)

    def _take_events(self, items: list[Item]) -> list[Feed]:
        """Add parked and waiting events to `items`; the feeds whose position moves with them."""
        touched: list[Feed] = []
        while self._retries and len(items) < BATCH:
            items.append(self._retries.popleft())
        for feed in self.feeds.values():
            if len(items) < BATCH and feed.has_work():
                for envelope, event in feed.take(BATCH - len(items)):
                    items.append(EventItem(feed, envelope, event, self._listeners[envelope.type]))
            if feed.seen > feed.position:
                touched.append(feed)
        return touched

    def apply(self, batch: Batch) -> None:
        """Execute the batch up to its commit. What the engine cannot do is kept in `batch.fault`."""
        try:
            self._run(batch, grouped=self.optimistic)
        except Exception as error:
            if isinstance(fault := self.database.writer.translated(error), DatabaseFault):
                self._give_up(batch, fault)
                return
            self._parts.telemetry.redone.labels(self.name).inc()
            try:
                self._undo()
                self._reload()
                if isinstance(error, StaleMemory):
                    self.memory.clear()
                self._run(batch, grouped=False)
            except Exception as error:
                self._give_up(batch, self.database.writer.translated(error))

    def commit(self, batch: Batch) -> None:
        """Make the batch durable. Runs in a pool thread; nobody else uses the connection meanwhile."""
        if batch.fault is not None:
            return
        self._parts.reached(f"{self.name}: before commit")
        try:
            self.database.writer.execute("COMMIT")
        except DatabaseFault as fault:
            self._give_up(batch, fault)
            return
        self._parts.reached(f"{self.name}: after commit")

    def settle(self, batch: Batch) -> None:
        """After the commit: the news goes out first, then the answers."""
        self.settled.set()
        if batch.fault is not None:
            self._put_off(batch, batch.fault)
            return
        tx = batch.tx
        assert tx is not None, "a batch without a fault has its transaction"
        self._number = tx.number
        if tx.known and tx.memory is not None:
            self.memory.put(tx.known)
        for feed, done in batch.positions:
            feed.position = done
        self._messages(len(batch.items))
        self._batches()
        if tx.answers:
            (self._waiters.answered if tx.answers_are_first else self._waiters.answered_before)(tx.answers)
        self._tell(batch)
        for item in batch.items:
            if isinstance(item, CommandItem):
                item.settle()

    def _tell(self, batch: Batch) -> None:
        """Hand the news of a committed batch on. A fault of who is told must not keep anybody waiting."""
        for tell in self.committed:
            try:
                tell(batch)
            except Exception as error:
                text = "".join(traceback.format_exception(error))
                self._parts.telemetry.log.error("telling_failed", service=self.name, error=text)

    def list_parked(self) -> list[ParkedRow]:
        """Events whose effect failed here, oldest first for each source."""
        return self._rows(LIST_PARKED)

    def positions(self) -> dict[str, int]:
        """How far this service is in the log of each source, as its database says."""
        return {row.source: row.number for row in self._rows(LIST_POSITIONS)}

    def replay(self, row: ParkedRow) -> "asyncio.Future[Any]":
        """Try a parked event again as if it had never failed."""
        return self.submit(ReplayEvent(row.source, row.number), Caller.system(row.store, "replay"))

    def stop(self) -> None:
        """Accept no more commands."""
        self._stopped = True

    def close(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
        self.database.close()

    # One run of a batch.

    def _run(self, batch: Batch, *, grouped: bool) -> None:
        self.database.writer.begin(_stores_of(batch.items))
        tx = batch.tx = self._transaction()
        tx.grouped = grouped
        context = Context(BatchKeys(), self._parked, self._parts.telemetry.log)
        if grouped:
            self._run_grouped(batch, tx, context)
        else:
            self._run_each(batch, tx, context)
        tx.flush()
        tx.complete_keys()
        for feed, done in batch.positions:
            if not tx.run(MOVE_POSITION, in_source=feed.source, done=feed.position, number=done):
                raise Fenced(f"{self.name} has lost its position in the log of {feed.source}")
        self._send_news(tx)

    def _send_news(self, tx: Transaction) -> None:
        tx.send_outbox()

    def _run_grouped(self, batch: Batch, tx: Transaction, context: Context) -> None:
        read_keys(batch.items, tx, context)
        read_ahead(batch.items, self._keys, tx)
        elapsed = self._parts.clock.elapsed
        end = elapsed() + self._budget
        for place, item in enumerate(batch.items):
            before = tx.writes
            try:
                item.run(tx, context)
            except Refusal as refusal:
                # A command that has written nothing is answered; everything else makes the batch run again.
                if tx.writes != before or not isinstance(item, CommandItem):
                    raise
                item.refused(tx, context, refusal)
            if elapsed() > end and place + 1 < len(batch.items):
                self._put_back(batch, place + 1)
                break

    def _run_each(self, batch: Batch, tx: Transaction, context: Context) -> None:
        for item in batch.items:
            with savepoint(tx, self.database) as saved:
                try:
                    item.run(tx, context)
                except Exception as raised:
                    error = self.database.writer.translated(raised)
                    if isinstance(error, DatabaseFault | InTheWay):
                        raise error from raised
                    saved.back()
                    item.failed(tx, context, error)

    def _put_back(self, batch: Batch, start: int) -> None:
        """Return what a batch has no time for to the fronts of its queues."""
        items = batch.items[start:]
        del batch.items[start:]
        by_feed: dict[str, list[tuple[Envelope, Event | None]]] = {}
        for item in items:
            if isinstance(item, EventItem):
                by_feed.setdefault(item.feed.source, []).append((item.envelope, item.event))
        for source, events in by_feed.items():
            self.feeds[source].put_back(events)
        self._commands.extendleft(reversed([item for item in items if isinstance(item, CommandItem)]))
        self._retries.extendleft(reversed([item for item in items if isinstance(item, RetryItem)]))
        batch.positions = [(feed, done) for feed, _ in batch.positions if (done := feed.covered()) != feed.position]

    # What goes wrong.

    def _give_up(self, batch: Batch, error: BaseException) -> None:
        batch.fault = error
        try:
            self._undo()
        except DatabaseFault as fault:
            self._parts.telemetry.log.error("rollback_failed", service=self.name, error=str(fault))

    def _undo(self) -> None:
        self.database.writer.rollback()

    def _put_off(self, batch: Batch, fault: BaseException) -> None:
        """Commands are refused, events wait: they are read again from the log after a pause."""
        for tell in self.failed:
            tell(batch)
        _refuse(item for item in batch.items if isinstance(item, CommandItem))
        self._pause(fault)

    def _pause(self, fault: BaseException) -> None:
        self._parts.telemetry.log.error("batch_failed", service=self.name, error=f"{type(fault).__name__}: {fault}")
        self._paused = True
        self.memory.clear()  # whether the last commit happened is known only to the database
        self._resuming = self._parts.loop.call_later(PAUSE_AFTER_FAULT, self._resume)

    def _resume(self) -> None:
        """Believe nothing that is in memory."""
        told = self._number
        try:
            stored = self.positions()
            self._reload()
            for tell in self.resumed:
                tell(told)
        except DatabaseFault as fault:
            self._number = told
            self._refuse_all()
            self._pause(fault)
            return
        self._retries.clear()
        self.memory.clear()
        for source, feed in self.feeds.items():
            feed.restart(stored[source])
        self._paused = False
        self.wake()

    def _refuse_all(self) -> None:
        _refuse(self._commands)
        self._commands.clear()

    def _reload(self) -> None:
        """Read again what is kept in memory about the database: the last number, which aggregates are parked."""
        keys, last = self._rows(PARKED_KEYS), self._rows(LAST_NUMBER)
        self._parked.clear()
        for row in keys:
            self._parked.add(row.source, row.aggregate, row.count)
        self._number = last[0].number

    def _make_feeds(self) -> dict[str, Feed]:
        types: dict[str, set[str]] = {}
        listeners: dict[str, list[Listener]] = {}
        for row in self.service.listeners:
            types.setdefault(source_of(row.event), set()).add(row.event.__name__)
            listeners.setdefault(row.event.__name__, []).append(row.run)
        self._listeners = {name: tuple(rows) for name, rows in listeners.items()}
        return {source: Feed(source, frozenset(names), self._known) for source, names in types.items()}

    def _find_retries(self) -> None:
        now = self._parts.clock.now()
        self._retry(self._rows(DUE_PARKED, now=now, far=now + FAR))

    def _retry(self, rows: Iterable[ParkedRow]) -> None:
        for row in rows:
            envelope = unpack(row)
            try:
                event = self._known.decode(envelope)
            except Exception:
                event = None
            self._retries.append(RetryItem(row, event, self._listeners.get(envelope.type, ())))

    def _rows(self, statement: Statement[Row], **parameters: Any) -> list[Row]:
        """Committed rows, read on the writer's connection. Raises translated errors."""
        writer = self.database.writer
        try:
            return Reader(writer, self.database.compiled, self._parts.keyring).all(statement, MANY, **parameters)
        except Exception as error:
            raise writer.translated(error) from error

    def _transaction(self) -> Transaction:
        parts = self._parts
        tx = Transaction(self.database.writer, self.database.compiled, parts.keyring, parts.ids, self.name)
        tx.now = parts.clock.now()
        tx.number = self._number
        tx.holder = parts.holder
        tx.accepts = self.accepts
        tx.memory = self.memory
        return tx


def _stores_of(items: Iterable[Item]) -> set[str]:
    return {item.store for item in items}


def _refuse(items: Iterable[CommandItem]) -> None:
    for item in items:
        item.reply = Unavailable()
        item.settle()
