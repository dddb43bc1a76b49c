"""One look at all databases: each in one snapshot, with its positions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from mercato.apps.verify.statements import LOG, LogFigures
from mercato.runtime.bus.positions import LIST_POSITIONS
from mercato.runtime.database.engine import Connection
from mercato.runtime.database.statements import Statement
from mercato.runtime.node import Node
from mercato.runtime.transaction import Reader

Row = TypeVar("Row")

ALL = 50_000_000


class Difference(msgspec.Struct, frozen=True):
    """A figure that is not what explains it. `invariant` is its number, `subject` what it is about."""

    invariant: str
    subject: str
    text: str


class Snapshot:
    """All databases as they are at one moment each."""

    def __init__(self, node: Node) -> None:
        self._readers: dict[str, Reader] = {}
        self._connections: list[Connection] = []
        self.now = node.parts.clock.now()
        self.logs: dict[str, LogFigures] = {}
        self.positions: dict[str, dict[str, int]] = {}
        for name, executor in node.executors.items():
            connection = executor.database.reader()
            self._connections.append(connection)
            connection.execute("BEGIN")
            reader = self._readers[name] = Reader(connection, executor.database.compiled, node.parts.keyring)
            self.positions[name] = {row.source: row.number for row in reader.all(LIST_POSITIONS)}
            (self.logs[name],) = reader.all(LOG)

    def all(self, service: str, statement: Statement[Row]) -> list[Row]:
        """Every row of a statement in one service's database; none where the service does not run here."""
        reader = self._readers.get(service)
        return reader.all(statement, limit=ALL) if reader else []

    def close(self) -> None:
        for connection in self._connections:
            connection.execute("COMMIT")
            connection.close()


@contextmanager
def snapshot(node: Node) -> Iterator[Snapshot]:
    look = Snapshot(node)
    try:
        yield look
    finally:
        look.close()


def place(row: Any) -> str:
    """Where a stock figure is: store, variant, location."""
    return f"{row.store} {row.variant_id} at {row.location_id}"
