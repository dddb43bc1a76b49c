"""Bugs of the runtime, of who is let in, and of what is kept in memory."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from mercato.apps.directory import StoreDirectory
from mercato.apps.simulate.mutants.planting import replaced
from mercato.runtime.access.who import Holder, Tenant
from mercato.runtime.batches.executor import Batch, Executor
from mercato.runtime.batches.items import CommandItem, EventItem
from mercato.runtime.batches.savepoints import Saved
from mercato.runtime.bulkheads import _Room
from mercato.runtime.bus.feed import Feed
from mercato.runtime.bus.outbox import TRIM
from mercato.runtime.bus.positions import MOVE_POSITION
from mercato.runtime.documents.collection import Document
from mercato.runtime.http.cached import ReplyCache
from mercato.runtime.http.edge import Edge
from mercato.runtime.memory import Memory
from mercato.runtime.slow_work.worker import Worker
from mercato.runtime.transaction import Transaction


def lost_idempotency() -> AbstractContextManager[None]:
    """What was answered for a key is not kept: a repetition is done again."""
    store = CommandItem._store

    def forgetful(self: CommandItem, tx: Transaction, *rest: Any) -> None:
        defer = tx.defer
        tx.defer = lambda *_, **__: None  # type: ignore[method-assign]
        try:
            store(self, tx, *rest)
        finally:
            tx.defer = defer  # type: ignore[method-assign]

    return replaced((CommandItem, "_store", forgetful), (CommandItem, "_stored", lambda *_: None))


def forgotten_position() -> AbstractContextManager[None]:
    """Positions are not moved: after a restart every event is done again."""
    run = Transaction.run

    def standing(self: Transaction, statement: Any, **parameters: Any) -> int:
        return 1 if statement is MOVE_POSITION else run(self, statement, **parameters)

    return replaced((Transaction, "run", standing))


def answer_before_commit() -> AbstractContextManager[None]:
    """Callers are told before the transaction is durable."""
    apply = Executor.apply

    def hasty(self: Executor, batch: Batch) -> None:
        apply(self, batch)
        for item in batch.items if batch.fault is None else ():
            if isinstance(item, CommandItem):
                item.settle()

    return replaced((Executor, "apply", hasty))


def events_before_commit() -> AbstractContextManager[None]:
    """Consumers get events whose transaction is not durable yet."""
    apply, tell = Executor.apply, Executor._tell

    def hasty(self: Executor, batch: Batch) -> None:
        apply(self, batch)
        if batch.fault is None:
            tell(self, batch)

    return replaced((Executor, "apply", hasty), (Executor, "_tell", lambda *_: None))


def events_without_outbox() -> AbstractContextManager[None]:
    """Events are handed over in memory only."""
    return replaced((Transaction, "send_outbox", lambda _self: None))


def answer_not_completed() -> AbstractContextManager[None]:
    """The answer that a later transaction gives is not stored under the key of the request."""
    return replaced((Transaction, "complete_keys", lambda _self: None))


def redo_keeps_half() -> AbstractContextManager[None]:
    """What failed in a batch is rolled back, but its events stay."""

    def back(self: Saved) -> None:
        number, marks = self._tx.number, self._marks
        kept = list(self._tx.events)
        original(self)
        self._tx.number = number
        self._tx.events[marks[0] :] = kept[marks[0] :]

    original = Saved.back
    return replaced((Saved, "back", back))


def gap_passed_over() -> AbstractContextManager[None]:
    """A consumer takes what is offered, also when events before it are missing."""

    def careless(self: Feed, events: Any, _first: int, last: int) -> None:
        if not self._behind and last > self.seen:
            self._waiting.extend(item for item in events if item[0].type in self.types)
            self.seen = last

    return replaced((Feed, "offer", careless))


def parked_overtaken() -> AbstractContextManager[None]:
    """Later events of an aggregate do not queue behind a parked one."""

    def run(self: EventItem, tx: Transaction, context: Any) -> None:
        parked, context.parked = context.parked, {}
        try:
            original(self, tx, context)
        finally:
            context.parked = parked

    original = EventItem.run
    return replaced((EventItem, "run", run))


def stale_document() -> AbstractContextManager[None]:
    """A document that was kept in memory stays there when a later version is stored."""

    return replaced((Memory, "put", _keeping_old(Document)))


def stale_row() -> AbstractContextManager[None]:
    """Rows that were kept in memory stay there when they are changed."""
    return replaced((Memory, "put", _keeping_old(tuple)))


def _keeping_old(kind: type[Any]) -> Callable[[Memory, Any], None]:
    def put(self: Memory, news: Any) -> None:
        for place, content in news.items():
            if isinstance(content, kind):
                self._known.setdefault(place, content)

    return put


def stale_reply() -> AbstractContextManager[None]:
    """A kept reply is not forgotten when what it shows changes."""
    return replaced((ReplyCache, "forget", lambda *_: None))


def work_forgotten() -> AbstractContextManager[None]:
    """Slow work that is not in memory is never looked for."""

    async def look(self: Worker) -> None:
        """Nothing is found."""

    return replaced((Worker, "look", look))


def tenant_missing_in_key() -> AbstractContextManager[None]:
    """A store is remembered without the host name that led to it."""

    def known(self: StoreDirectory, _host: str, handle: str) -> Tenant | None:
        return next((tenant for key, tenant in self._tenants.items() if key[1] == handle), None)

    return replaced((StoreDirectory, "known_tenant", known))


def token_of_another_store() -> AbstractContextManager[None]:
    """A token opens every store."""
    admit = Edge._admit

    def lenient(self: Edge, route: Any, request: Any, tenant: Tenant, holder: Holder | None) -> Any:
        moved = None if holder is None else msgspec.structs.replace(holder, store=tenant.store)
        return admit(self, route, request, tenant, moved)

    return replaced((Edge, "_admit", lenient))


def session_outlives_password() -> AbstractContextManager[None]:
    """The edge does not hear that sessions have ended."""
    return replaced((StoreDirectory, "_forget", lambda *_: None))


def log_trimmed_to_its_end() -> AbstractContextManager[None]:
    """When all events of a log are old none is left, and the next one gets the first number again."""
    run = Transaction.run

    def thorough(self: Transaction, statement: Any, **parameters: Any) -> int:
        if statement is TRIM:
            parameters["number"] += 1
        return run(self, statement, **parameters)

    return replaced((Transaction, "run", thorough))


def key_of_another_body() -> AbstractContextManager[None]:
    """A key that was used for another request is answered as that one was."""
    stored = CommandItem._stored

    def lenient(self: CommandItem, tx: Transaction, context: Any, key: Any) -> Any:
        row = stored(self, tx, context, key)
        return None if row is None else msgspec.structs.replace(row, fingerprint=key.fingerprint)

    return replaced((CommandItem, "_stored", lenient))


def place_in_line_kept() -> AbstractContextManager[None]:
    """Who has wanted two goods gives back the place for one of them."""

    def leave(self: _Room) -> None:
        for key in self._entered[:1]:
            self._bulkheads.leave(key)

    return replaced((_Room, "_leave", leave))
