"""Several processes of one service over one database, by hand: each has its executor and connections of its own.

Two of them can be led through every order in which their transactions may meet. A transaction then stops at its
beginning, before each question, before its first change and before its end, until it may go on.
"""

import asyncio
import io
import random
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import msgspec

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.answers import IdempotencyKey
from mercato.runtime.batches.executor import Batch, Executor
from mercato.runtime.batches.items import EventItem
from mercato.runtime.batches.shared import SharedExecutor
from mercato.runtime.bus.event_types import EventTypes
from mercato.runtime.bus.feed import Feed
from mercato.runtime.database.engine import nothing_happens
from mercato.runtime.migrate import migrate
from mercato.runtime.parts import OpenDocuments, Parts, in_the_database, threaded_pools
from mercato.runtime.service import Service, source_of
from mercato.runtime.telemetry import Telemetry
from mercato.runtime.waiting import Waiters
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids
from mercato.values.messages import Caller, Command, Envelope, Event
from tests.runtime.ground import Ground

BLOCKED = 0.015  # seconds after which a transaction that does not come on is taken for one that waits for the other

Work = Command[Any] | Event | tuple[Command[Any], IdempotencyKey]


class Process:
    """An executor whose work is done when a test says so."""

    def __init__(self, executor: SharedExecutor, log: io.StringIO) -> None:
        self.executor = executor
        self.log = log
        self.database = executor.database

    async def does(self, *work: Work, caller: Caller) -> list[Any]:
        """Do this as one batch; the outcome of each command, a refusal as a value, and None for an event."""
        batch, outcomes = self.batch(work, caller)
        await asyncio.to_thread(self.perform, batch)
        self.executor.settle(batch)
        return [_outcome(each) for each in outcomes]

    def batch(self, work: Sequence[Work], caller: Caller) -> "tuple[Batch, list[asyncio.Future[Any] | None]]":
        """Commands are queued and taken; an event comes from nowhere and moves no position."""
        events = [self._event(each, caller.store) for each in work if isinstance(each, Event)]
        outcomes = [None if isinstance(each, Event) else self._submit(each, caller) for each in work]
        taken = self.executor.take()
        batch = taken if taken is not None else Batch([], [])
        batch.items[:0] = events
        return batch, outcomes

    def perform(self, batch: Batch) -> None:
        self.executor.apply(batch)
        self.executor.commit(batch)

    def _submit(self, work: Any, caller: Caller) -> "asyncio.Future[Any]":
        command, key = work if isinstance(work, tuple) else (work, None)
        return self.executor.submit(command, caller, key)

    def _event(self, event: Event, store: str) -> EventItem:
        source, name = source_of(type(event)), type(event).__name__
        body = msgspec.json.encode(event)
        envelope = Envelope(source, 1, f"evt_{name}", store, name, event.version, name, 1, 1, "req", "cause", body)
        feed = Feed(source, frozenset(), EventTypes(()))
        return EventItem(feed, envelope, event, self.executor._listeners[name])


def _outcome(future: "asyncio.Future[Any] | None") -> Any:
    if future is None:
        return None
    assert future.done(), "it has no outcome yet"
    return future.exception() or future.result()


class Processes:
    """As many processes of one service as a test wants, in the running loop: one where the database is a file."""

    def __init__(
        self, ground: Ground, make: Callable[[Parts], Service], open_documents: OpenDocuments = in_the_database
    ) -> None:
        self.ground = ground
        self._open_documents = open_documents
        self.clock = ManualClock()
        self.ids = Ids(self.clock, random.Random(7))  # noqa: S311 - nothing here is secret
        self.keyring = Keyring("k1", {"k1": b"1" * 32})
        self._make = make
        self._all: list[Process] = []
        self._tables = False

    def start(self, reached: Callable[[str], None] = nothing_happens) -> Process:
        """One more process, which consumes what a bus says."""
        loop = asyncio.get_running_loop()
        log = io.StringIO()
        parts = Parts(
            clock=self.clock,
            ids=self.ids,
            keyring=self.keyring,
            pools=threaded_pools(loop),
            open_database=self.ground.open,
            open_documents=self._open_documents,
            telemetry=Telemetry(self.clock, log=log),
            holder=self.ids.new("node"),
            reached=reached,
            recode=True,
            loop=loop,
        )
        service = self._make(parts)
        database = self.ground.open(service.name)
        if not self._tables:
            migrate(service, database, 1)
            self._tables = True
        known = EventTypes({row.event for row in service.listeners})
        kind: Any = SharedExecutor if database.shared else Executor
        executor = kind(service, parts, Waiters(loop), known, database)
        executor.by_bus = True
        executor.start({source: _Nothing() for source in executor.feeds})
        process = Process(executor, log)
        self._all.append(process)
        return process

    async def close(self) -> None:
        await asyncio.sleep(0)
        for process in self._all:
            process.executor.close()
            process.executor._parts.pools.close()
            if (close := process.executor.service.close) is not None:
                close()


class _Nothing:
    """A log that nobody writes."""

    async def fetch(self, _after: int, _limit: int) -> list[Envelope]:
        return []

    def read(self, _after: int, _limit: int) -> list[Envelope]:
        return []


# Every order in which two transactions may meet.


class Gate:
    """Where a transaction stops until it may go on."""

    def __init__(self) -> None:
        self._open = False
        self._permits = threading.Semaphore(0)
        self._moved = threading.Condition()
        self.stands = False
        self.done = False

    def stop(self) -> None:
        """Called by the transaction."""
        if self._open:
            return
        self._tell(stands=True)
        self._permits.acquire()

    def end(self) -> None:
        self.done = True
        self._tell(stands=True)

    def let_on(self) -> None:
        self.stands = False
        self._permits.release()

    def open(self) -> None:
        self._open = True
        self._permits.release()

    def comes_on(self, seconds: float | None) -> bool:
        """Wait until it has come to the next stop or to its end. False: it waits for somebody."""
        with self._moved:
            return self._moved.wait_for(lambda: self.stands, seconds)

    def _tell(self, *, stands: bool) -> None:
        with self._moved:
            self.stands = stands
            self._moved.notify_all()


class Gated:
    """A writer that stops at a gate."""

    def __init__(self, connection: Any, gate: Gate) -> None:
        self._connection = connection
        self._gate = gate
        self._changed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def begin(self, stores: Iterable[str] = (), /) -> None:
        self._gate.stop()
        self._changed = False
        self._connection.begin(stores)

    def run(self, text: str, values: Any = ()) -> Any:
        self._stop_before(text)
        return self._connection.run(text, values)

    def run_across(self, text: str, values: Any = ()) -> Any:
        self._stop_before(text)
        return self._connection.run_across(text, values)

    def run_many(self, text: str, rows: Any) -> Any:
        self._stop_before(text)
        return self._connection.run_many(text, rows)

    def execute(self, text: str, values: Any = (), /) -> Any:
        if text == "COMMIT":
            self._gate.stop()
        return self._connection.execute(text, values)

    def _stop_before(self, text: str) -> None:
        asks = text.startswith("SELECT")
        if asks or not self._changed:
            self._changed = self._changed or not asks
            self._gate.stop()


@contextmanager
def gated(process: Process) -> Iterator[Gate]:
    gate, database = Gate(), process.database
    writer = database.writer
    database.writer = Gated(writer, gate)  # type: ignore[misc]
    try:
        yield gate
    finally:
        database.writer = writer  # type: ignore[misc]


# Where a process stops on its way.
Stops = Callable[[Process], AbstractContextManager[Gate]]
Choices = tuple[int, ...]
# Does the work of one meeting with these choices; what was chosen each time, and between whom.
Meeting = Callable[[Choices], Awaitable[list[tuple[int, tuple[int, ...]]]]]


async def every_meeting(meet: Meeting) -> int:
    """Have two transactions meet in every order that there is; how many there are."""
    left: list[Choices] = [()]
    count = 0
    while left:
        chosen = left.pop()
        taken = await meet(chosen)
        count += 1
        for depth in range(len(chosen), len(taken)):
            choice, between = taken[depth]
            before = tuple(each for each, _ in taken[:depth])
            left.extend((*before, other) for other in between if other != choice)
    return count


def led(
    processes: Sequence[Process], batches: Sequence[Batch], choices: Choices, stops: Stops = gated
) -> list[tuple[int, tuple[int, ...]]]:
    """Lead both through their transactions: by the choices as far as they go, then the first one that can go on."""
    taken: list[tuple[int, tuple[int, ...]]] = []
    with stops(processes[0]) as one, stops(processes[1]) as two, ThreadPoolExecutor(2) as pool:
        gates = (one, two)
        works = [pool.submit(_perform, *each) for each in zip(processes, batches, gates, strict=True)]
        for gate in gates:
            gate.comes_on(None)
        try:
            while not all(gate.done for gate in gates):
                ready = tuple(place for place, gate in enumerate(gates) if gate.stands and not gate.done)
                if not ready:  # both wait: for each other, or for the pause before another try
                    _first(gates)
                    continue
                step = len(taken)
                wanted = choices[step] if step < len(choices) else ready[0]
                choice = wanted if wanted in ready else ready[0]
                taken.append((choice, ready))
                gates[choice].let_on()
                gates[choice].comes_on(BLOCKED)
        finally:
            for gate in gates:
                gate.open()
        _raise(works)
    return taken


def _first(gates: Sequence[Gate]) -> None:
    while not any((gate.stands and not gate.done) or all(each.done for each in gates) for gate in gates):
        for gate in gates:
            if not gate.done:
                gate.comes_on(BLOCKED)


def _perform(process: Process, batch: Batch, gate: Gate) -> None:
    try:
        process.perform(batch)
    finally:
        gate.end()


def _raise(works: Iterable["Future[None]"]) -> None:
    for work in works:
        work.result()


async def meet(
    processes: Sequence[Process],
    works: Sequence[Sequence[Work]],
    callers: Sequence[Caller],
    choices: Choices,
    stops: Stops = gated,
) -> tuple[list[Any], list[tuple[int, tuple[int, ...]]]]:
    """Two batches meet; the outcomes of both, and what was chosen."""
    batches, outcomes = [], []
    for process, work, caller in zip(processes, works, callers, strict=True):
        batch, futures = process.batch(work, caller)
        batches.append(batch)
        outcomes.append(futures)
    taken = await asyncio.to_thread(led, processes, batches, choices, stops)
    for process, batch in zip(processes, batches, strict=True):
        process.executor.settle(batch)
    return [[_outcome(each) for each in futures] for futures in outcomes], taken
