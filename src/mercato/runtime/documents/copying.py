"""Documents as the rows that they would be in a database: so that they are copied and summed as any table."""

from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import Table

from mercato.runtime.database.copying import Copier, Row, Sum
from mercato.runtime.database.engine import Connection
from mercato.runtime.database.tables import documents
from mercato.runtime.documents.store import DocumentStore, StoredDocument, pages_of


def target_of(table: Table, dialect: str, store: DocumentStore | None, collections: Iterable[str]) -> Copier:
    """Where rows of this table go: documents to the store, where there is one."""
    if table is documents and store is not None:
        return DocumentCopier(store, tuple(collections))
    return Copier(table, dialect)


class DocumentCopier(Copier):
    """The documents of a service on a store of their own. Whatever is inserted again is overwritten by itself."""

    def __init__(self, store: DocumentStore, collections: tuple[str, ...]) -> None:
        super().__init__(documents, "sqlite")
        self._store = store
        self._collections = collections

    def is_empty(self, connection: Connection) -> bool:
        return not any(self._store.page(name, "", 1) for name in self._collections)

    def insert(self, connection: Connection, rows: list[Row]) -> None:
        by_collection: dict[str, list[StoredDocument]] = {}
        for collection, document_id, store, version, body in rows:
            document = StoredDocument(store, document_id, version, body)
            by_collection.setdefault(collection, []).append(document)
        for collection, found in by_collection.items():
            self._store.put(collection, found)

    def sum(self, connection: Connection, size: int, tell: Callable[[int], None] = lambda _rows: None) -> Sum:
        found = Sum()
        for rows in self._rows(size):
            found = found.plus(rows)
            tell(len(rows))
        return found

    def _rows(self, size: int) -> Iterator[list[Row]]:
        for name in self._collections:
            for page in pages_of(self._store, name, size):
                yield [(name, each.id, each.store, each.version, each.body) for each in page]
