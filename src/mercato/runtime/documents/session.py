"""What one transaction does to documents that are not in its database.

Saves are collected: a document is written once, just before the commit, with everything that the items of the batch
have done to it. What it carries besides is for the case that the process ends between that write and the commit
(docs/decisions/0017).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from graphlib import TopologicalSorter

import msgspec

from mercato.runtime.database.idempotency import KeyRow
from mercato.runtime.documents.collection import Collection, Document, Record
from mercato.runtime.documents.store import DONE, DocumentStore, HeldEvent, Released, StoredDocument, Write
from mercato.runtime.memory import Place
from mercato.values.messages import Conflict, Envelope


class AlreadyDone(Exception):
    """A document says that the operation under way was done before, with this answer: `stored`.

    None: the operation has no key, or its answer is stored under it already.
    """

    def __init__(self, stored: KeyRow | None) -> None:
        super().__init__("the operation was done before")
        self.stored = stored


class MixedChange(Exception):
    """A handler changes a document together with something that is not committed with it, or in an order in which a
    crash would tear it apart."""


class _Change(msgspec.Struct, frozen=True):
    """What has become of one document in this transaction. It was found at the version `known`; `earlier` are those
    that must be written before it."""

    known: int
    version: int
    body: str
    events: tuple[str, ...]
    operations: tuple[str, ...]
    answers: dict[str, KeyRow]
    earlier: tuple[Place, ...]


class Mark(msgspec.Struct, frozen=True):
    """What was done until a savepoint."""

    changes: dict[Place, _Change]
    answered: int


class DocumentSession:
    """Documents as one transaction sees and changes them. `token` tells its writes from those of all others."""

    def __init__(self, store: DocumentStore, token: str) -> None:
        self._store = store
        self._token = token
        self._found: dict[Place, StoredDocument | None] = {}
        self._changes: dict[Place, _Change] = {}
        self._logged: Set[str] = frozenset()
        self._answered: list[Released] = []
        self._operation = ""
        self._writes = self._told = self._saves = 0
        self._saved: dict[Place, tuple[int, str]] = {}  # by the item under way: version and body

    # What items and their handlers do.

    def begin(self, operation: str, writes: int, told: int) -> None:
        """An item begins, after so many writes and events of the transaction."""
        self._operation = operation
        self._writes, self._told, self._saves = writes, told, 0
        self._saved = {}

    def find(self, store: str, collection: str, ids: Sequence[str]) -> list[StoredDocument]:
        """Those documents that are there, as they are stored: by one question for all that were not found before."""
        missing = [each for each in dict.fromkeys(ids) if (store, collection, each) not in self._found]
        if missing:
            self._found.update(dict.fromkeys(((store, collection, each) for each in missing), None))
            for document in self._store.find(store, collection, missing):
                self._found[store, collection, document.id] = document
        found = (self._found[store, collection, each] for each in ids)
        return [document for document in found if document is not None]

    def load(self, place: Place, collection: Collection[Record]) -> Document[Record] | None:
        """A document as it is stored."""
        found = self._stored(place)
        return None if found is None else Document(found.id, found.version, collection.decode(found.body))

    def require_undone(self, place: Place) -> None:
        """The item under way is about to see this document. Raises AlreadyDone, MixedChange."""
        if self._saved and place not in self._saved:
            raise MixedChange(f"{place[2]} is loaded after another document was saved: load all of them first")
        found = self._stored(place)
        if found is not None and self._operation in found.done:
            answer = found.answers.get(self._operation)
            if answer is not None:
                self._answered.append(Released(place, (), (self._operation,)))
            raise AlreadyDone(answer)

    def save(self, place: Place, known: int, body: str) -> None:
        """Replace the version `known`. Conflict: it is not the one that this transaction sees."""
        if known != self._version(place):
            raise Conflict
        if any(self._comes_before(place, other) for other in self._saved if other != place):
            raise MixedChange(f"{place[2]} is saved after a document before which this batch must write it")
        self._saves += 1
        self._saved[place] = known + 1, body

    def finish(self, writes: int, events: Sequence[Envelope], answer: KeyRow | None = None) -> None:
        """The item under way is done, after so many writes. Those of `events` that are its own, and the answer to it,
        go with what it has saved; the last document notes that it is done. Raises MixedChange."""
        if not self._saved:
            return
        told = self._of_documents(events[self._told :])
        if writes - self._writes != self._saves + sum(map(len, told.values())):
            raise MixedChange(f"{self._operation} changes rows, or tells of others, beside the documents that it saves")
        earlier: tuple[Place, ...] = ()
        for place, (version, body) in self._saved.items():
            before = self._changes.get(place) or _Change(self._version_found(place), 0, "", (), (), {}, ())
            last = place == next(reversed(self._saved))
            self._changes[place] = _Change(
                before.known,
                version,
                body,
                (*before.events, *told.get(place, ())),
                (*before.operations, self._operation) if last else before.operations,
                before.answers if answer is None or not last else {**before.answers, self._operation: answer},
                (*before.earlier, *earlier),
            )
            earlier = (place,)
        self._saved = {}

    def mark(self) -> Mark:
        return Mark(dict(self._changes), len(self._answered))

    def back(self, mark: Mark) -> None:
        """Take back what was done since."""
        self._changes = mark.changes
        del self._answered[mark.answered :]
        self._saved = {}

    # What the executor does at the end of the batch.

    @property
    def held(self) -> list[tuple[Place, HeldEvent]]:
        """Events in documents that were found here: earlier transactions may not have brought them to the log."""
        found = [(place, document) for place, document in self._found.items() if document is not None]
        return [(place, event) for place, document in found for event in document.events]

    def leave_out(self, logged: Set[str]) -> list[Envelope]:
        """Those of `held` that are not in the log, where these are, in order. Their numbers and source are missing."""
        self._logged = logged
        return [_envelope(place, event) for place, event in self.held if event.id not in logged]

    def write(self, events: Iterable[Envelope], after: int) -> None:
        """Store what was saved. `events` are those of this transaction, with their numbers, all above `after`.

        Raises InTheWay, DatabaseFault.
        """
        told = {event.id: _held(event, after) for event in events}
        for places in self._in_order():
            self._store.write([self._write(place, self._changes[place], told) for place in places], self._token)

    def release(self) -> None:
        """After the commit: what is in the log, or stored under its key, leaves the documents."""
        released = list(self._answered)
        for place, change in self._changes.items():
            released.append(Released(place, change.events, tuple(change.answers)))
        for place, found in self._found.items():
            if found is not None:
                released.append(Released(place, tuple(event.id for event in found.events), ()))
        released = [each for each in released if each.events or each.operations]
        if released:
            self._store.release(released)

    def _stored(self, place: Place) -> StoredDocument | None:
        if place not in self._found:
            self.find(place[0], place[1], (place[2],))
        return self._found[place]

    def _version(self, place: Place) -> int:
        if place in self._saved:
            return self._saved[place][0]
        change = self._changes.get(place)
        return self._version_found(place) if change is None else change.version

    def _version_found(self, place: Place) -> int:
        found = self._stored(place)
        return 0 if found is None else found.version

    def _of_documents(self, events: Iterable[Envelope]) -> dict[Place, tuple[str, ...]]:
        """The ids of those events that are about documents that the item under way has saved."""
        by_aggregate = {(place[0], place[2]): place for place in self._saved}
        told: dict[Place, tuple[str, ...]] = {}
        for event in events:
            place = by_aggregate.get((event.store, event.aggregate))
            if place is not None:
                told[place] = (*told.get(place, ()), event.id)
        return told

    def _comes_before(self, place: Place, other: Place) -> bool:
        """Whether this batch must write `place` before `other`."""
        change = self._changes.get(other)
        return change is not None and any(place == each or self._comes_before(place, each) for each in change.earlier)

    def _in_order(self) -> Iterator[tuple[Place, ...]]:
        """What is written together, and what after it."""
        sorter = TopologicalSorter({place: change.earlier for place, change in self._changes.items()})
        sorter.prepare()
        while sorter.is_active():
            ready = sorter.get_ready()
            yield ready
            sorter.done(*ready)

    def _write(self, place: Place, change: _Change, told: Mapping[str, HeldEvent]) -> Write:
        """Several saves of one batch are one write: it replaces the version that was found."""
        before = self._found[place] or StoredDocument(place[0], place[2], 0, "")
        done = (*before.done, *change.operations)[-max(DONE, len(change.operations)) :]
        answers = {**before.answers, **change.answers}
        late = (event for event in before.events if event.id not in self._logged)
        document = msgspec.structs.replace(
            before,
            version=change.version,
            body=change.body,
            events=(*late, *(told[event] for event in change.events)),
            done=done,
            answers={operation: answers[operation] for operation in done if operation in answers},
        )
        return Write(place[1], change.known, document)


def _held(event: Envelope, after: int) -> HeldEvent:
    return HeldEvent(
        event.id,
        event.type,
        event.version,
        event.aggregate_version,
        event.at,
        event.correlation,
        event.cause,
        event.body,
        after,
    )


def _envelope(place: Place, event: HeldEvent) -> Envelope:
    """An event that is not in a log yet."""
    return Envelope(
        "",
        0,
        event.id,
        place[0],
        event.type,
        event.version,
        place[2],
        event.aggregate_version,
        event.at,
        event.correlation,
        event.cause,
        event.body,
    )
