"""What the handlers of commands and events may touch: a reader that writes too, and tells what happened.

It belongs to one store at a time, the one of the message being handled, and fills the `store` parameter itself.
Nothing here waits, knows the network or asks a clock: `now`, ids and secrets are handed in.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import msgspec
from msgspec.structs import asdict, astuple

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.answers import Answered
from mercato.runtime.database import tables
from mercato.runtime.database.engine import CompiledStatements, Connection, Values
from mercato.runtime.database.idempotency import COMPLETE_KEY
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import Compiled, Statement, insert_into
from mercato.runtime.documents.collection import ADD, LOCK, SAVE, Collection, Document
from mercato.runtime.documents.session import DocumentSession
from mercato.runtime.memory import FORGOTTEN, Place
from mercato.runtime.reader import ROW_LIMIT, Reader, Record
from mercato.values.ids import Ids
from mercato.values.messages import Conflict, Envelope, Event, Refusal

SIZES = (64, 16, 4)  # rows that are inserted in one step, so that few texts are kept for many numbers of rows

_OUTBOX = insert_into(tables.outbox, across_stores=True, layout=Envelope.__struct_fields__)
_INTENT = insert_into(tables.intents)

encode = msgspec.json.Encoder().encode


class StaleMemory(Exception):
    """A row is not what it was when it was read: somebody else has changed it, or what is kept of it is wrong."""


class Intent(msgspec.Struct, frozen=True):
    """Slow work that was committed: `body` is what `kind`'s worker gets, `subject` what it is about.

    `fence` tells a worker that lost its lease from the one that holds it now.
    """

    store: str
    id: str
    kind: str
    subject: str
    attempts: int
    fence: int
    body: bytes
    correlation: str


class Transaction(Reader):
    """One batch's transaction. `grouped`: writes that nobody here reads again are collected for each statement.

    A deferred write is sent before its table is read or written by another statement, so a handler sees its own
    and its predecessors' writes in both modes. `known` are documents and rows as this transaction sees them.
    """

    def __init__(
        self, connection: Connection, compiled: CompiledStatements, keyring: Keyring, ids: Ids, source: str
    ) -> None:
        super().__init__(connection, compiled, keyring)
        self._total = connection.total_changes
        self.declare = connection.declare  # of stores that no message names, but are written here too
        self._ids = ids
        self.new_id = ids.series()
        self.source = source
        self._pending: dict[str, _Pending] = {}
        self._derived: dict[Statement[None], dict[Values, None]] = {}
        self.session: DocumentSession | None = None
        self.grouped = True
        self.holder = ""
        self.correlation = ""
        self.cause = ""
        self.number = 0
        self.writes = 0
        self.events: list[tuple[Envelope, Event]] = []
        self.late: list[Envelope] = []  # of transactions that ended before they were told
        self.intents: list[Intent] = []
        self.accepts: Callable[[str], bool] = _leaves_it
        self.answers: list[Answered] = []
        self.answers_are_first = True  # False: for some requests an earlier one is stored
        self.changes: list[tuple[str, str]] = []

    def run(self, statement: Statement[None], **parameters: Any) -> int:
        """Change rows at once; how many. For guarded changes, whose condition decides: look at the number."""
        compiled = self._prepared(statement, parameters)
        self.writes += 1
        run = self._run_across if compiled.across else self._run
        run(compiled.sql, compiled.values(parameters))
        return self._changes()

    def defer(self, statement: Statement[None], **parameters: Any) -> None:
        """Change rows some time before the commit. For unconditional changes only: whole rows by their key."""
        if not self.grouped:
            self.run(statement, **parameters)
            return
        compiled = self._compiled[statement]
        if not compiled.unconditional:
            raise ValueError(f"only unconditional writes can wait, this one has a condition: {compiled.sql}")
        self._wait(statement, compiled, parameters)

    def derive(self, statement: Statement[None], **parameters: Any) -> None:
        """Compute rows from others, once for equal parameters, some time before the commit. For changes that come out
        the same whenever they run, as long as nothing else is changed after them."""
        if not self.grouped:
            self.run(statement, **parameters)
            return
        self.writes += 1
        compiled = self._compiled[statement]
        parameters["store"] = self.store
        if compiled.constants:
            parameters.update(compiled.constants)
        self._derived.setdefault(statement, {})[compiled.values(parameters)] = None

    def must(self, statement: Statement[None], otherwise: type[Refusal], **parameters: Any) -> None:
        """Change exactly one row, by its whole key and a condition, some time before the commit. A batch in which one
        is missed is run again; there `otherwise` is raised."""
        if not self.grouped:
            if not self.run(statement, **parameters):
                raise otherwise
            return
        self._wait(statement, self._compiled[statement], parameters)

    def load(self, collection: Collection[Record], document_id: str) -> Document[Record] | None:
        place = (self.store, collection.name, document_id)
        if self.session is not None:
            self.session.require_undone(place)
        known: Document[Record] | None = self.known.get(place)
        if known is None and self.memory is not None:
            known = self.memory.find(place)
        if known is None and place not in self.known:
            if self.documents is not None:
                return self.documents.load(place, collection)
            row = self.one(LOCK, collection=collection.name, id=document_id)
            if row is not None:
                known = Document(document_id, row.version, collection.decode(row.body))
                if self.memory is None:  # elsewhere `known` says what has become of documents, not what was looked at
                    self.known[place] = known
        return known

    def save(self, collection: Collection[Record], document: Document[Record]) -> Document[Record]:
        """Store the document under the next version; the stored one is returned."""
        saved = Document(document.id, document.version + 1, document.body)
        body = collection.encode(saved.body)
        place = (self.store, collection.name, document.id)
        self.known[place] = saved
        if self.session is not None:
            self.writes += 1
            self.session.save(place, document.version, body)
            return saved
        row = {"collection": collection.name, "id": saved.id, "version": saved.version, "body": body}
        if document.version:
            self.must(SAVE, Conflict, known=document.version, **row)
        else:
            self.defer(ADD, **row)
        return saved

    def rows(self, kept: Kept[Record], row_id: str) -> tuple[Record, ...]:
        place = (self.store, kept.name, row_id)
        found: Any = self.known.get(place)
        if found is None and self.memory is not None:
            found = self.memory.find(place)
        if found is None:  # so nothing of this id waits to be written
            parameters = {"store": self.store, "of": row_id}
            found = self.known[place] = tuple(self._read(self._compiled[kept.lock], parameters, ROW_LIMIT))
        elif found is FORGOTTEN:
            found = self.known[place] = tuple(self.all(kept.lock, of=row_id))
        rows: tuple[Record, ...] = found
        return rows

    def add_first(self, kept: Kept[Record], *records: Record) -> None:
        """Insert all rows of an id that has none yet."""
        for record in records:
            self._write(kept, kept.add, record)
        self.known[self.store, kept.name, kept.id_of(records[0])] = kept.in_order(*records)

    def add(self, kept: Kept[Record], record: Record) -> None:
        """Insert a row beside others of its id."""
        row_id = kept.id_of(record)
        others = self.rows(kept, row_id)
        self._write(kept, kept.add, record)
        self.known[self.store, kept.name, row_id] = kept.in_order(*others, record)

    def change(self, kept: Kept[Record], before: Record, after: Record) -> None:
        """Write what has changed of a row that was read here. Conflict: somebody else was first."""
        if kept.change is None or kept.guard_of is None:
            raise ValueError(f"no column of {kept.name} is declared as changing: put the whole row")
        row_id = kept.id_of(before)
        rows = (after,) if kept.alone else self.rows(kept, row_id)
        if not self._write(kept, kept.change, after, kept.guard_of(before)):
            raise Conflict
        if len(rows) > 1:
            key = kept.key_of(before)
            rows = tuple(after if kept.key_of(row) == key else row for row in rows)
        else:
            rows = (after,)
        self.known[self.store, kept.name, row_id] = rows

    def put(self, kept: Kept[Record], record: Record) -> None:
        """Insert a row, or overwrite the one with its key."""
        self.known[self.store, kept.name, kept.id_of(record)] = FORGOTTEN
        self._write(kept, kept.put, record)

    def remove(self, kept: Kept[Any], *key: Any) -> None:
        """Delete the row with this key, if there is one."""
        self.known[self.store, kept.name, key[0]] = FORGOTTEN
        self.defer(kept.remove, **dict(zip(kept.key, key, strict=True)))

    def emit(self, event: Event, aggregate: str, version: int) -> None:
        """Tell others what this transaction changed: `aggregate` is the id of what changed, now at `version`."""
        self.writes += 1
        self.number += 1
        envelope = Envelope(
            self.source,
            self.number,
            self.new_id("evt"),
            self.store,
            type(event).__name__,
            event.version,
            aggregate,
            version,
            self.now,
            self.correlation,
            self.cause,
            encode(event),
        )
        self.events.append((envelope, event))

    def start(self, kind: str, subject: str, body: msgspec.Struct, after: int = 0) -> str:
        """Leave slow work to a worker of this service, `after` milliseconds from now; the intent's id.

        A worker of this process that has room gets it right after the commit; else it is found by its due time.
        """
        intent_id = self.new_id("int")
        here = not after and self.accepts(kind)
        intent = Intent(self.store, intent_id, kind, subject, 0, 1, encode(body), self.correlation)
        if here:
            self.intents.append(intent)
        self.defer(
            _INTENT,
            id=intent_id,
            kind=kind,
            subject=subject,
            state="calling" if here else "waiting",
            attempts=0,
            due_at=self.now + (LEASE if here else after),
            holder=self.holder if here else "",
            fence=1,
            body=intent.body,
            error="",
            correlation=self.correlation,
        )
        return intent_id

    def changed(self, subject: str) -> None:
        """Something about this subject is new here: what this process keeps of it is forgotten after the commit."""
        self.changes.append((self.store, subject))

    def answer(self, subject: str, status: int, body: bytes) -> None:
        """Give the final answer to the request that was accepted for `subject`."""
        self.writes += 1
        self.answers.append(Answered(self.store, subject, status, body))

    def new_secret(self) -> bytes:
        """32 bytes that nobody can guess."""
        return self._ids.secret()

    def flush(self) -> None:
        """Send every deferred write, and compute what is derived from them."""
        for statement in list(self._derived):
            self._compute(statement)
        for table in list(self._pending):
            self._flush(table)

    def send_outbox(self) -> None:
        """Write the rows of all events that are told by this transaction."""
        if self.events or self.late:
            compiled = self._compiled[_OUTBOX]
            envelopes = (*self.late, *(envelope for envelope, _ in self.events))
            self._send(compiled, [compiled.row(astuple(envelope)) for envelope in envelopes])

    def complete_keys(self) -> None:
        """Store the answers given here with the keys of their requests: each takes one, once."""
        if self.answers:
            compiled, before = self._compiled[COMPLETE_KEY], self._total()
            self._run_many(compiled.sql, [compiled.values(asdict(answer)) for answer in self.answers])
            self.answers_are_first = self._total() - before == len(self.answers)

    def forget(self, known: dict[Place, Any]) -> None:
        """The transaction was rolled back to a savepoint, at which it had known this."""
        self._pending.clear()
        self._derived.clear()
        self.known = known

    def _write(self, kept: Kept[Record], statement: Statement[None], record: Record, *known: Any) -> int:
        """Write a row of a kept table, or let it wait; how many rows were changed, as far as that is known already."""
        compiled = self._compiled[statement]
        values = compiled.row((*astuple(record), self.store, *known))
        if self.grouped:
            key = (kept.key_of(record), self.store) if kept.alone else (*kept.key_of(record), self.store)
            self._collect(statement, compiled, key, values)
            return 1
        self.writes += 1
        self._run(compiled.sql, values)
        return self._changes()

    def _wait(self, statement: Statement[None], compiled: Compiled, parameters: dict[str, Any]) -> None:
        if compiled.key_of is None:
            raise ValueError(f"only a write of one row by its whole key can wait, not this one: {compiled.sql}")
        parameters["store"] = self.store
        if compiled.constants:
            parameters.update(compiled.constants)
        self._collect(statement, compiled, compiled.key_of(parameters), compiled.values(parameters))

    def _collect(self, statement: Statement[None], compiled: Compiled, key: Any, values: Values) -> None:
        """Let a row wait. Rows with different keys are written in any order, those with the same one as they came."""
        self.writes += 1
        pending = self._pending.get(compiled.table)
        if pending is not None and pending.keys.get(key, statement) is not statement:
            self._flush(compiled.table)
            pending = None
        if pending is None:
            pending = self._pending[compiled.table] = _Pending()
        pending.keys[key] = statement
        rows = pending.rows.get(statement)
        if rows is None:
            pending.rows[statement] = [values]
        else:
            rows.append(values)

    def _prepared(self, statement: Statement[Any], parameters: dict[str, Any]) -> Compiled:
        """As a reader's; what waits for its tables is sent first, unless it is about one row that does not wait."""
        compiled = self._compiled[statement]
        parameters["store"] = self.store
        if compiled.constants:
            parameters.update(compiled.constants)
        for derived in [other for other in self._derived if self._compiled[other].table in compiled.tables]:
            self._compute(derived)
        waiting = self._pending
        if waiting and not compiled.tables.isdisjoint(waiting):
            for table in compiled.tables & waiting.keys():
                if compiled.key_of is None or compiled.key_of(parameters) in waiting[table].keys:
                    self._flush(table)
        return compiled

    def _compute(self, statement: Statement[None]) -> None:
        """Run what was derived by this statement, after all that it is derived from."""
        rows = self._derived.pop(statement, None)
        if rows is None:
            return
        compiled = self._compiled[statement]
        for other in list(self._derived):
            if self._compiled[other].table in compiled.tables:
                self._compute(other)
        for table in compiled.tables & self._pending.keys():
            self._flush(table)
        self._run_many(compiled.sql, list(rows))

    def _flush(self, table: str) -> None:
        for statement, rows in self._pending.pop(table).rows.items():
            compiled = self._compiled[statement]
            before = self._total()
            self._send(compiled, rows)
            if not compiled.unconditional and self._total() - before != len(rows):
                raise StaleMemory(f"{len(rows)} rows of {table} were to change, {self._total() - before} did")

    def _send(self, compiled: Compiled, rows: Sequence[Values]) -> None:
        """Write rows by one statement, as many in one step of it as the engine takes."""
        several = compiled.several
        start, count = 0, len(rows)
        if several is not None:
            for size in SIZES:
                while count - start >= size:
                    self._run(several(size), tuple(chain.from_iterable(rows[start : start + size])))
                    start += size
        if count - start == 1:
            self._run(compiled.sql, rows[start])
        elif start < count:
            self._run_many(compiled.sql, rows[start:])


class _Pending:
    """Deferred writes of one table: the rows of each statement, and which statement is about which key."""

    __slots__ = ("keys", "rows")

    def __init__(self) -> None:
        self.keys: dict[Any, Statement[None]] = {}
        self.rows: dict[Statement[None], list[Values]] = {}


LEASE = 60_000  # milliseconds for which a worker may be silent about slow work before another may take it over


def _leaves_it(_kind: str) -> bool:
    return False
