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


class _Change:
    """One document in this transaction: how it was found, and what has become of it."""

    __slots__ = ("answers", "body", "events", "known", "operations", "version")

    def __init__(self, known: int) -> None:
        self.known = known
        self.version = known
        self.body = ""
        self.events: list[str] = []
        self.operations: list[str] = []
        self.answers: dict[str, KeyRow] = {}


class DocumentSession:
    """Documents as one transaction sees and changes them. `token` tells its writes from those of all others."""

    def __init__(self, store: DocumentStore, token: str) -> None:
        self._store = store
        self._token = token
        self._found: dict[Place, StoredDocument | None] = {}
        self._changes: dict[Place, _Change] = {}
        self._earlier: dict[Place, set[Place]] = {}  # what must be written before a document
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

    def find_ahead(self, store: str, collection: str, ids: Iterable[str]) -> None:
        """Have these documents here by one question."""
        missing = [each for each in dict.fromkeys(ids) if (store, collection, each) not in self._found]
        if missing:
            self._found.update(dict.fromkeys(((store, collection, each) for each in missing), None))
            for found in self._store.find(store, collection, missing):
                self._found[store, collection, found.id] = found

    def load(self, place: Place, collection: Collection[Record]) -> Document[Record] | None:
        """The document as it is stored. Raises AlreadyDone."""
        if self._saved and place not in self._saved:
            raise MixedChange(f"{place[2]} is loaded after another document was saved: load all of them first")
        found = self._find(place)
        if found is None:
            return None
        if self._operation in found.done:
            stored = found.answers.get(self._operation)
            if stored is not None:
                self._answered.append(Released(place, (), (self._operation,)))
            raise AlreadyDone(stored)
        return Document(found.id, found.version, collection.decode(found.body))

    def save(self, place: Place, known: int, body: str) -> None:
        """Replace the version `known`. Conflict: it is not the one that this transaction sees."""
        if known != self._version(place):
            raise Conflict
        if any(self._comes_before(place, other) for other in self._saved if other != place):
            raise MixedChange(f"{place[2]} is saved after a document before which this batch must write it")
        self._saves += 1
        self._saved[place] = known + 1, body

    def finish(self, writes: int, events: Sequence[Envelope], stored: KeyRow | None = None) -> None:
        """The item under way is done. Its `events` and the answer to it go with what it has saved; the last document
        notes that it is done. Raises MixedChange."""
        if not self._saved:
            return
        of_aggregate = {(event.store, event.aggregate): [] for event in events}  # type: dict[tuple[str, str], list[str]]
        for event in events[self._told :]:
            of_aggregate[event.store, event.aggregate].append(event.id)
        told, before = 0, None
        for place, (version, body) in self._saved.items():
            change = self._changes.setdefault(place, _Change(version - 1))
            change.version, change.body = version, body
            mine = of_aggregate.get((place[0], place[2]), [])
            change.events += mine
            told += len(mine)
            if before is not None:
                self._earlier.setdefault(place, set()).add(before)
            before = place
        if writes - self._writes != self._saves + told:
            raise MixedChange(f"{self._operation} changes rows, or tells of others, beside the documents that it saves")
        change.operations.append(self._operation)
        if stored is not None:
            change.answers[self._operation] = stored
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
        return [
            Envelope(
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
            for place, event in self.held
            if event.id not in logged
        ]

    def write(self, events: Iterable[Envelope], after: int) -> None:
        """Store what was saved. `events` are those of this transaction, with their numbers, all above `after`.

        Raises InTheWay, DatabaseFault.
        """
        told = {event.id: _held(event, after) for event in events}
        for places in self._in_order():
            writes = [self._write(place, self._changes[place], told) for place in places]
            self._store.write(writes, self._token)

    def release(self) -> None:
        """After the commit: what is in the log, or stored under its key, leaves the documents."""
        released = list(self._answered)
        for place, change in self._changes.items():
            released.append(Released(place, tuple(change.events), tuple(change.answers)))
        for place, found in self._found.items():
            if found is not None and found.events:
                released.append(Released(place, tuple(event.id for event in found.events), ()))
        released = [each for each in released if each.events or each.operations]
        if released:
            self._store.release(released)

    def _find(self, place: Place) -> StoredDocument | None:
        if place not in self._found:
            self.find_ahead(place[0], place[1], (place[2],))
        return self._found[place]

    def _version(self, place: Place) -> int:
        if place in self._saved:
            return self._saved[place][0]
        if place in self._changes:
            return self._changes[place].version
        found = self._find(place)
        return 0 if found is None else found.version

    def _comes_before(self, place: Place, other: Place) -> bool:
        """Whether this batch must write `place` before `other`."""
        earlier = self._earlier.get(other, set())
        return place in earlier or any(self._comes_before(place, each) for each in earlier)

    def _in_order(self) -> Iterator[tuple[Place, ...]]:
        """What is written together, and what after it."""
        sorter = TopologicalSorter({place: self._earlier.get(place, ()) for place in self._changes})
        sorter.prepare()
        while sorter.is_active():
            ready = sorter.get_ready()
            yield ready
            sorter.done(*ready)

    def _write(self, place: Place, change: _Change, told: Mapping[str, HeldEvent]) -> Write:
        found = self._found.get(place)
        before = found if found is not None else StoredDocument(place[0], place[2], 0, "")
        done = (*before.done, *change.operations)[-max(DONE, len(change.operations)) :]
        answers = {**before.answers, **change.answers}
        document = msgspec.structs.replace(
            before,
            version=change.version,
            body=change.body,
            events=(
                *(event for event in before.events if event.id not in self._logged),
                *(told[event] for event in change.events),
            ),
            done=done,
            answers={operation: answers[operation] for operation in done if operation in answers},
        )
        # Several saves of one batch are one write: it replaces the version that was found.
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
