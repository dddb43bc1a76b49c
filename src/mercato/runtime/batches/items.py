"""What a batch consists of: a command, an event, or a parked event that is tried again.

Each item can `run` in the batch's transaction, take a clean refusal, and, in a batch that is run again with
savepoints, take its own failure without disturbing the others.
"""

import asyncio
import traceback
from collections.abc import Mapping, Set
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from mercato.runtime.answers import Answer, IdempotencyKey, encode, problem
from mercato.runtime.bus.feed import Feed
from mercato.runtime.bus.parked import PARK, UNPARK, ParkedRow, pack, pause_after, unpack
from mercato.runtime.database.faults import ConstraintFault
from mercato.runtime.database.idempotency import ADD_KEY, FIND_KEY, KeyRow
from mercato.runtime.database.intents import FINISH
from mercato.runtime.documents.session import AlreadyDone
from mercato.runtime.reader import Reader
from mercato.runtime.service import Handle, Listener
from mercato.runtime.transaction import Intent, Transaction
from mercato.values.messages import (
    Caller,
    Command,
    Conflict,
    Envelope,
    Event,
    Failed,
    KeyReused,
    Refusal,
)


class StaleWork(Refusal):
    """The outcome of slow work whose lease another worker holds by now: that worker's outcome counts."""

    status, code = 409, "stale_work"
    advice = "Nothing to do: another worker took this over."


class BatchKeys(dict[tuple[str, str, str], KeyRow]):
    """Idempotency keys that this batch itself has written, or has found: (store, scope, key)."""


class Context(msgspec.Struct):
    """What the items of one batch share. A key that was `looked_up` and is not among `keys` is new."""

    keys: BatchKeys
    parked: "ParkedAggregates"
    log: Any
    looked_up: set[tuple[str, str, str]] = set()


class ParkedAggregates:
    """How many events are parked for each (source, aggregate): later ones queue behind them."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._counts

    def __len__(self) -> int:
        return sum(self._counts.values())

    def add(self, source: str, aggregate: str, count: int) -> None:
        left = self._counts.get((source, aggregate), 0) + count
        if left > 0:
            self._counts[source, aggregate] = left
        else:
            self._counts.pop((source, aggregate), None)

    def clear(self) -> None:
        self._counts.clear()

    def of(self, sources: Set[str]) -> dict[tuple[str, str], int]:
        """What is parked of these sources."""
        return {key: count for key, count in self._counts.items() if key[0] in sources}

    def replace(self, sources: Set[str], counts: Mapping[tuple[str, str], int]) -> None:
        """Of these sources that is parked, and no more."""
        for key in self.of(sources):
            del self._counts[key]
        self._counts.update((key, count) for key, count in counts.items() if key[0] in sources)


class Item(Protocol):
    """One member of a batch, about rows of one store."""

    @property
    def store(self) -> str: ...

    def run(self, tx: Transaction, context: Context) -> None: ...

    def refused(self, tx: Transaction, context: Context, refusal: Refusal) -> None:
        """It refused before it wrote anything."""

    def failed(self, tx: Transaction, context: Context, error: Exception) -> None:
        """What it wrote has been taken back to its savepoint."""


class CommandItem:
    """A command and the future of its sender. `reply` is a record, an Answer (with a key), or an exception."""

    __slots__ = ("caller", "command", "future", "handle", "intent", "key", "operation", "reply")

    def __init__(
        self,
        handle: Handle,
        command: Command[Any],
        caller: Caller,
        future: "asyncio.Future[Any]",
        key: IdempotencyKey | None = None,
        intent: Intent | None = None,
    ) -> None:
        self.handle = handle
        self.command = command
        self.caller = caller
        self.future = future
        self.key = key
        self.intent = intent
        self.reply: Any = None
        self.operation = ""

    @property
    def store(self) -> str:
        return self.caller.store

    def run(self, tx: Transaction, context: Context) -> None:
        caller = self.caller
        tx.store = caller.store
        tx.correlation = caller.request
        tx.cause = caller.cause or caller.request
        key = self.key
        if key is not None and (stored := self._stored(tx, context, key)) is not None:
            self.reply = _replayed(stored, key)
            return
        if self.intent is not None:
            tx.must(FINISH, StaleWork, id=self.intent.id, fence=self.intent.fence)
        if tx.session is not None:
            self._change_documents(tx, context, self._operation(tx))
            return
        reply = self.handle.run(tx, self.command, caller)
        if key is None:
            self.reply = reply
        else:
            self._store(tx, context, self._answer(key, reply))

    def _change_documents(self, tx: Transaction, context: Context, operation: str) -> None:
        """Run where documents may know that this was done before: by a run that was rolled back, or that no process
        ended."""
        session, key = tx.session, self.key
        assert session is not None, "documents are somewhere else"
        session.begin(operation, tx.writes, len(tx.events))
        try:
            reply = self.handle.run(tx, self.command, self.caller)
        except AlreadyDone as done:
            if key is not None and not self._take_over(tx, context, key, done.stored):
                self._change_documents(tx, context, tx.new_id("op"))
            return
        answer = None if key is None else self._answer(key, reply)
        session.finish(tx.writes, [envelope for envelope, _ in tx.events], answer)
        if answer is None:
            self.reply = reply
        else:
            self._store(tx, context, answer)

    def _take_over(self, tx: Transaction, context: Context, key: IdempotencyKey, stored: KeyRow | None) -> bool:
        """Answer as was answered before. False: the key was forgotten since, so this is another request."""
        if stored is None:  # what no document carries any more stands under its key
            stored = Reader.one(tx, FIND_KEY, scope=key.scope, client_key=key.key)
            if stored is None:
                return False
        elif stored.fingerprint == key.fingerprint:
            self._store(tx, context, stored)
        self.reply = _replayed(stored, key)
        return True

    def _operation(self, tx: Transaction) -> str:
        """What documents call it: the same whenever it is tried again, by whom ever who has its key."""
        if not self.operation:
            if self.key is not None:
                name = f"{self.key.scope}\n{self.key.key}".encode()
                self.operation = f"key_{blake2b(name, digest_size=16).hexdigest()}"
            else:
                self.operation = tx.new_id("op") if self.intent is None else self.intent.id
        return self.operation

    def refused(self, tx: Transaction, context: Context, refusal: Refusal) -> None:
        if self.key is None or refusal.passing:
            self.reply = refusal
            return
        tx.store = self.caller.store
        body = problem(refusal, self.caller.request)
        self._store(tx, context, KeyRow(self.key.fingerprint, None, refusal.status, body))

    def failed(self, tx: Transaction, context: Context, error: Exception) -> None:
        if isinstance(error, ConstraintFault):
            self.reply = Conflict()
        elif isinstance(error, Refusal):
            self.refused(tx, context, error)
        else:
            context.log.error(
                "command_failed",
                command=type(self.command).__name__,
                request=self.caller.request,
                store=self.caller.store,
                error="".join(traceback.format_exception(error)),
            )
            self.reply = Failed()

    def settle(self) -> None:
        """Tell the sender, after the commit."""
        future = self.future
        if future.done():
            return
        if isinstance(self.reply, Exception):
            future.set_exception(self.reply)
        else:
            future.set_result(self.reply)

    def _stored(self, tx: Transaction, context: Context, key: IdempotencyKey) -> KeyRow | None:
        place = (tx.store, key.scope, key.key)
        known = context.keys.get(place)
        if known is None and place not in context.looked_up:
            # Keys of this batch are in `context`: the table is read as it was before the batch, without a flush.
            known = Reader.one(tx, FIND_KEY, scope=key.scope, client_key=key.key)
        if known is not None and known.body is None:
            return _completed(tx, known)
        return known

    def _answer(self, key: IdempotencyKey, reply: Any) -> KeyRow:
        if self.handle.subject is None:
            return KeyRow(key.fingerprint, None, key.status, encode(reply))
        return KeyRow(key.fingerprint, self.handle.subject(self.command), None, None)

    def _store(self, tx: Transaction, context: Context, answer: KeyRow) -> None:
        key = self.key
        assert key is not None, "only a request with a key has a stored answer"
        tx.defer(
            ADD_KEY,
            scope=key.scope,
            client_key=key.key,
            fingerprint=answer.fingerprint,
            subject=answer.subject,
            status=answer.status,
            body=answer.body,
            created_at=tx.now,
        )
        context.keys[tx.store, key.scope, key.key] = answer
        self.reply = Answer(answer.status or key.status, answer.body, answer.subject)


def _completed(tx: Transaction, stored: KeyRow) -> KeyRow:
    """The key with the answer that this batch has given to it already, if it has."""
    for answer in tx.answers:
        if (answer.store, answer.subject) == (tx.store, stored.subject):
            return KeyRow(stored.fingerprint, stored.subject, answer.status, answer.body)
    return stored


def _replayed(stored: KeyRow, key: IdempotencyKey) -> Answer:
    if stored.fingerprint != key.fingerprint:
        raise KeyReused
    return Answer(stored.status or key.status, stored.body, stored.subject)


class EventItem:
    """An event from a source's log, with the listeners that want it. `event` None: it could not be decoded."""

    __slots__ = ("envelope", "event", "feed", "listeners")

    def __init__(self, feed: Feed, envelope: Envelope, event: Event | None, listeners: tuple[Listener, ...]) -> None:
        self.feed = feed
        self.envelope = envelope
        self.event = event
        self.listeners = listeners

    @property
    def store(self) -> str:
        return self.envelope.store

    def run(self, tx: Transaction, context: Context) -> None:
        envelope = self.envelope
        if (envelope.source, envelope.aggregate) in context.parked:
            self._park(tx, context, 0, "waits behind an earlier event of the same aggregate")
            return
        _listen(tx, envelope, self.event, self.listeners)

    def refused(self, tx: Transaction, context: Context, refusal: Refusal) -> None:
        self.failed(tx, context, refusal)

    def failed(self, tx: Transaction, context: Context, error: Exception) -> None:
        context.log.error(
            "event_parked",
            kind=self.envelope.type,
            source=self.envelope.source,
            number=self.envelope.number,
            error="".join(traceback.format_exception(error)),
        )
        self._park(tx, context, 1, f"{type(error).__name__}: {error}")

    def _park(self, tx: Transaction, context: Context, attempts: int, error: str) -> None:
        envelope = self.envelope
        tx.store = envelope.store
        tx.run(
            PARK,
            source=envelope.source,
            number=envelope.number,
            aggregate=envelope.aggregate,
            attempts=attempts,
            due_at=tx.now + (pause_after(max(attempts, 1)) or 0),
            error=error[:2_000],
            envelope=pack(envelope),
        )
        context.parked.add(envelope.source, envelope.aggregate, 1)


class RetryItem:
    """A parked event whose pause is over. Its row goes with its effect."""

    __slots__ = ("event", "listeners", "row")

    def __init__(self, row: ParkedRow, event: Event | None, listeners: tuple[Listener, ...]) -> None:
        self.row = row
        self.event = event
        self.listeners = listeners

    @property
    def store(self) -> str:
        return self.row.store

    def run(self, tx: Transaction, context: Context) -> None:
        tx.store = self.row.store
        if not tx.run(UNPARK, source=self.row.source, number=self.row.number):
            return
        _listen(tx, unpack(self.row), self.event, self.listeners)
        context.parked.add(self.row.source, self.row.aggregate, -1)

    def refused(self, tx: Transaction, context: Context, refusal: Refusal) -> None:
        self.failed(tx, context, refusal)

    def failed(self, tx: Transaction, context: Context, error: Exception) -> None:
        attempts = self.row.attempts + 1
        pause = pause_after(attempts)
        context.log.error("retry_failed", source=self.row.source, number=self.row.number, attempts=attempts)
        tx.store = self.row.store
        tx.run(
            PARK,
            source=self.row.source,
            number=self.row.number,
            aggregate=self.row.aggregate,
            attempts=attempts,
            due_at=None if pause is None else tx.now + pause,
            error=f"{type(error).__name__}: {error}"[:2_000],
            envelope=self.row.envelope,
        )


class UndecodedEvent(Exception):
    """The bytes of an event are not what its type and version say."""


def _listen(tx: Transaction, envelope: Envelope, event: Event | None, listeners: tuple[Listener, ...]) -> None:
    if event is None:
        raise UndecodedEvent(f"{envelope.type} version {envelope.version} from {envelope.source}")
    tx.store = envelope.store
    tx.correlation = envelope.correlation
    tx.cause = envelope.id
    caller = Caller.system(envelope.store, envelope.id)
    for place, listener in enumerate(listeners):
        if tx.session is None:
            listener(tx, event, caller)
            continue
        tx.session.begin(f"{envelope.id} {place}", tx.writes, len(tx.events))
        with suppress(AlreadyDone):
            listener(tx, event, caller)
            tx.session.finish(tx.writes, [told for told, _ in tx.events])
