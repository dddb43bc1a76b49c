"""One look at all databases: each in one snapshot, with its positions."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from mercato.apps.verify.statements import LOG, STORED_CARTS, LogFigures, StoredCart
from mercato.runtime.bus.outbox import FIND_LOGGED
from mercato.runtime.bus.positions import LIST_POSITIONS
from mercato.runtime.database.engine import Connection, Database
from mercato.runtime.database.statements import Statement, as_list
from mercato.runtime.documents.store import DocumentStore, pages_of
from mercato.runtime.memory import Place
from mercato.runtime.node import Node
from mercato.runtime.reader import Reader
from mercato.services.carts.storage import CARTS

Row = TypeVar("Row")

ALL = 50_000_000


class Difference(msgspec.Struct, frozen=True):
    """A figure that is not what explains it. `invariant` is its number, `subject` what it is about."""

    invariant: str
    subject: str
    text: str


class Databases:
    """The databases of all services, those of other processes too. `close` closes what was opened for the look."""

    def __init__(self, node: Node) -> None:
        self.parts = node.parts
        self._opened: list[Database] = []
        self.of: dict[str, Database] = {}
        self.documents: dict[str, DocumentStore] = {}
        self.collections = {service.name: [each.name for each in service.documents] for service in node.services}
        for service in node.services:
            executor = node.executors.get(service.name)
            self.of[service.name] = executor.database if executor is not None else self._open(service.name)
            if service.documents and (documents := self.parts.open_documents(service.name)) is not None:
                self.documents[service.name] = documents
        self._readers = {name: database.reader() for name, database in self.of.items()}

    def positions(self, service: str) -> dict[str, int]:
        """How far a service is in the log of each source."""
        statement = self.of[service].compiled[LIST_POSITIONS]
        return dict(self._readers[service].fetch(statement.sql, statement.values(statement.constants), ALL))

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        for database in self._opened:
            database.close()
        for documents in self.documents.values():
            documents.close()

    def _open(self, service: str) -> Database:
        database = self.parts.open_database(service)
        self._opened.append(database)
        return database


class Snapshot:
    """All databases as they are at one moment each."""

    def __init__(self, databases: Databases) -> None:
        self._readers: dict[str, Reader] = {}
        self._connections: list[Connection] = []
        self._databases = databases
        self.now = databases.parts.clock.now()
        self.logs: dict[str, LogFigures] = {}
        self.positions: dict[str, dict[str, int]] = {}
        for name, database in databases.of.items():
            connection = database.reader()
            self._connections.append(connection)
            connection.begin()
            reader = self._readers[name] = Reader(connection, database.compiled, databases.parts.keyring)
            self.positions[name] = {row.source: row.number for row in reader.all(LIST_POSITIONS)}
            (self.logs[name],) = reader.all(LOG)

    def all(self, service: str, statement: Statement[Row]) -> list[Row]:
        """Every row of a statement in one service's database; none where there is no such service."""
        reader = self._readers.get(service)
        return reader.all(statement, limit=ALL) if reader else []

    def carts(self) -> Iterable[StoredCart]:
        """Every cart, wherever documents are."""
        store = self._databases.documents.get("carts")
        if store is None:
            return self.all("carts", STORED_CARTS)
        return (StoredCart(each.store, each.id, each.body) for page in pages_of(store, CARTS.name) for each in page)

    def untold(self, before: int) -> Iterator[tuple[str, Place]]:
        """Documents with events of before this time that are in no log, and whose they are."""
        for service, store in self._databases.documents.items():
            for place in store.held(self._databases.collections[service], before, ALL):
                found = [event for each in store.find(place[0], place[1], (place[2],)) for event in each.events]
                ids = {event.id for event in found if event.at < before}
                if not ids:
                    continue
                after = min(event.after for event in found)
                logged = self._readers[service].all(FIND_LOGGED, after=after, ids=as_list(ids))
                if ids - {row.id for row in logged}:
                    yield service, place

    def close(self) -> None:
        for connection in self._connections:
            connection.rollback()
            connection.close()


@contextmanager
def snapshot(databases: Databases) -> Iterator[Snapshot]:
    look = Snapshot(databases)
    try:
        yield look
    finally:
        look.close()


def place(row: Any) -> str:
    """Where a stock figure is: store, variant, location."""
    return f"{row.store} {row.variant_id} at {row.location_id}"
