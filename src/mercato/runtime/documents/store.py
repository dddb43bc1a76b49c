"""The port of stores that keep documents and have no transactions over several of them.

A document carries what a transaction would have written beside it: the events that may not be in the log yet, the
operations that made it what it is, and the answers that may not be stored under their keys yet. So whoever finds it
knows what a process had begun that is gone.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from mercato.runtime.database.idempotency import KeyRow
from mercato.runtime.documents.collection import Collection, Document, Record
from mercato.runtime.memory import Place

DONE = 32  # operations that a document remembers, and more where one write has more


class HeldEvent(msgspec.Struct, frozen=True):
    """An event about its document. If it is in the log, its number there is above `after`.

    The other fields are those of its envelope; the document has the rest.
    """

    id: str
    type: str
    version: int
    aggregate_version: int
    at: int
    correlation: str
    cause: str
    body: bytes
    after: int


class StoredDocument(msgspec.Struct, frozen=True):
    """A document as it is stored; `body` is JSON, as in SQL.

    `done` are the last operations that have changed it, `answers` those of requests by their operation, until they are
    stored under their keys.
    """

    store: str
    id: str
    version: int
    body: str
    events: tuple[HeldEvent, ...] = ()
    done: tuple[str, ...] = ()
    answers: dict[str, KeyRow] = {}


class Write(msgspec.Struct, frozen=True):
    """A document is to be stored in place of its version `known`; 0: there is none yet."""

    collection: str
    known: int
    document: StoredDocument


class Released(msgspec.Struct, frozen=True):
    """What a document need not carry any more: events by their ids, answers by their operations."""

    place: Place
    events: tuple[str, ...]
    operations: tuple[str, ...]


class DocumentSource(Protocol):
    """Where documents are found that are not in the database."""

    def load(self, place: Place, collection: Collection[Record]) -> Document[Record] | None:
        """A document, or None."""

    def find(self, store: str, collection: str, ids: Sequence[str]) -> list[StoredDocument]:
        """Those documents of this store that are there, in any order."""


class DocumentStore(DocumentSource, Protocol):
    """Documents of one service, used by any thread. Everything may raise DatabaseFault, after seconds at most."""

    shown: str  # where it is, for people, without a password

    def prepare(self, collections: Iterable[str]) -> None:
        """Reach the server for the first time, and declare what makes questions fast."""

    def write(self, writes: Sequence[Write], token: str) -> None:
        """Store all of them, in any order; they are durable then. `token` is of this attempt alone.

        Raises InTheWay where a document was not at its known version: others of `writes` may be stored all the same.
        """

    def release(self, released: Sequence[Released]) -> None:
        """Take events and answers out of documents, whatever their versions are now."""

    def held(self, collections: Iterable[str], before: int, limit: int) -> list[Place]:
        """At most `limit` documents with events of before this time (ms), of all stores."""

    def page(self, collection: str, after: str, size: int) -> list[StoredDocument]:
        """At most `size` documents of all stores, in the order of `key_of`, those after this key."""

    def key_of(self, document: StoredDocument) -> str:
        """What `page` goes by."""

    def put(self, collection: str, documents: Sequence[StoredDocument]) -> None:
        """Store documents as they are, whatever was there: for who moves a shop into an empty store."""

    def close(self) -> None: ...


def pages_of(store: DocumentStore, collection: str, size: int = 1_000) -> Iterator[list[StoredDocument]]:
    """All documents of a collection, of all stores, by pages."""
    after = ""
    while page := store.page(collection, after, size):
        yield page
        after = store.key_of(page[-1])
