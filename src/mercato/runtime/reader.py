"""What the handlers of queries may touch: the rows and documents of one store at a time, that of the message.

A reader fills the `store` parameter of its statements itself.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any, TypeVar

import msgspec

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.database.engine import CompiledStatements, Connection
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import Compiled, Statement, as_list
from mercato.runtime.documents.collection import LOAD, LOAD_SEVERAL, LOCK_SEVERAL, Collection, Document
from mercato.runtime.documents.store import DocumentSource
from mercato.runtime.memory import Memory, Place

Row = TypeVar("Row")
Record = TypeVar("Record", bound=msgspec.Struct)

ROW_LIMIT = 5_000


class RowLimitExceeded(Exception):
    """A question found more rows than it may hold in memory: it needs a page or a condition."""


class Reader:
    """Answers questions for one store from committed state (a transaction: from its own state).

    `known` are documents and rows that were read ahead; None stands for a document that does not exist.
    """

    locks = False  # what it reads

    def __init__(self, connection: Connection, compiled: CompiledStatements, keyring: Keyring) -> None:
        self._run = connection.run
        self._run_across = connection.run_across
        self._run_many = connection.run_many
        self._changes = connection.changes
        self._compiled = compiled
        self.keyring = keyring
        self.memory: Memory | None = None
        self.documents: DocumentSource | None = None
        self.known: dict[Place, Any] = {}
        self.store = ""
        self.now = 0

    def one(self, statement: Statement[Row], **parameters: Any) -> Row | None:
        """The first row as its record, or None."""
        compiled = self._prepared(statement, parameters)
        run = self._run_across if compiled.across else self._run
        rows = run(compiled.sql, compiled.values(parameters)).fetchall()
        return compiled.record(*rows[0]) if rows else None

    def all(self, statement: Statement[Row], limit: int = ROW_LIMIT, **parameters: Any) -> list[Row]:
        """All rows as records. More than `limit` raises RowLimitExceeded: nothing is cut off silently."""
        return self._read(self._prepared(statement, parameters), parameters, limit)

    def _read(self, compiled: Compiled, parameters: dict[str, Any], limit: int) -> list[Any]:
        run = self._run_across if compiled.across else self._run
        rows = list(islice(run(compiled.sql, compiled.values(parameters)), limit + 1))
        if len(rows) > limit:
            raise RowLimitExceeded(f"more than {limit} rows for: {compiled.sql}")
        record = compiled.record
        return [record(*row) for row in rows]

    def _prepared(self, statement: Statement[Any], parameters: dict[str, Any]) -> Compiled:
        """The compiled statement; its parameters get the store and the statement's constants."""
        compiled = self._compiled[statement]
        parameters["store"] = self.store
        if compiled.constants:
            parameters.update(compiled.constants)
        return compiled

    def load(self, collection: Collection[Record], document_id: str) -> Document[Record] | None:
        """A document with its version, or None."""
        if self.memory is not None:
            known: Document[Record] | None = self.memory.find((self.store, collection.name, document_id))
            if known is not None:
                return known
        place = (self.store, collection.name, document_id)
        if place in self.known:
            ahead: Document[Record] | None = self.known[place]
            return ahead
        found: Document[Record] | None
        if self.documents is not None:
            found = self.documents.load(place, collection)
        else:
            row = self.one(LOAD, collection=collection.name, id=document_id)
            found = None if row is None else Document(document_id, row.version, collection.decode(row.body))
        if self.memory is None:
            self.known[place] = found
        return found

    def rows(self, kept: Kept[Record], row_id: str) -> tuple[Record, ...]:
        """All rows of this id, in the order of their keys; in memory after the first time."""
        place = (self.store, kept.name, row_id)
        if self.memory is None:
            ahead: tuple[Record, ...] | None = self.known.get(place)
            if ahead is None:
                ahead = self.known[place] = tuple(self.all(kept.find, of=row_id))
            return ahead
        found: tuple[Record, ...] | None = self.memory.find(place)
        if found is None:
            found = tuple(self.all(kept.find, of=row_id))
            if found:
                self.memory.put({place: found})
        return found

    def row(self, kept: Kept[Record], row_id: str) -> Record | None:
        """The first row of this id, or None."""
        rows = self.rows(kept, row_id)
        return rows[0] if rows else None

    def read_ahead(self, kept: Kept[Any] | Collection[Any], ids: Iterable[str]) -> None:
        """Have the rows or documents of these ids in memory, by one question for all that are not there yet."""
        find = self.memory.find if self.memory is not None else _nothing
        places = {each: (self.store, kept.name, each) for each in ids}
        missing = [each for each, place in places.items() if place not in self.known and find(place) is None]
        if missing:
            found = self._documents(kept, missing) if isinstance(kept, Collection) else self._rows_of(kept, missing)
            self.known.update((places[each], content) for each, content in found.items())

    def _rows_of(self, kept: Kept[Record], ids: Iterable[str]) -> dict[str, Any]:
        rows: dict[str, list[Record]] = {each: [] for each in ids}
        for row in self.all(kept.lock_several if self.locks else kept.find_several, ids=as_list(rows)):
            rows[kept.id_of(row)].append(row)
        return {each: tuple(found) for each, found in rows.items()}

    def _documents(self, collection: Collection[Record], ids: Iterable[str]) -> dict[str, Any]:
        documents: dict[str, Document[Record] | None] = dict.fromkeys(ids)
        if self.documents is not None:
            for found in self.documents.find(self.store, collection.name, tuple(documents)):
                documents[found.id] = Document(found.id, found.version, collection.decode(found.body))
            return documents
        statement = LOCK_SEVERAL if self.locks else LOAD_SEVERAL
        for row in self.all(statement, collection=collection.name, ids=as_list(documents)):
            documents[row.id] = Document(row.id, row.version, collection.decode(row.body))
        return documents


def _nothing(_place: Place) -> None:
    return None
