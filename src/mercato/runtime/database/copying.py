"""Copying tables from one engine to another: pages in the order of the primary key, insertions of many rows, sums that
are the same wherever a table is.

Memory holds a page at a time, however large a table is. A sum does not depend on the order of rows: engines may sort
keys as they like.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any, Self

import msgspec
from sqlalchemy import LargeBinary, Table

from mercato.runtime.database.columns import Integer
from mercato.runtime.database.engine import Connection, Values
from mercato.runtime.database.faults import ConstraintFault, DatabaseFault, InTheWay

Row = tuple[Any, ...]

AT_ONCE = 1 << 20  # bytes of values in one insertion, about: servers take statements of a limited size
_MASK = (1 << 64) - 1

_encode = msgspec.msgpack.Encoder().encode


class Sum(msgspec.Struct, frozen=True):
    """How many rows there are, and the sum of a hash of each, in 64 bits."""

    count: int = 0
    checksum: int = 0

    def plus(self, rows: Iterable[Row]) -> Self:
        count, checksum = self.count, self.checksum
        for row in rows:
            count += 1
            checksum += int.from_bytes(blake2b(_encode(row), digest_size=8).digest(), "big")
        return msgspec.structs.replace(self, count=count, checksum=checksum & _MASK)

    @property
    def shown(self) -> str:
        return f"{self.checksum:016x}"


class Copier:
    """One table, as one engine's statements name it."""

    def __init__(self, table: Table, dialect: str) -> None:
        self.name = table.name
        self._dialect = dialect
        self._mark = "?" if dialect == "sqlite" else "%s"
        self._table = quoted(table.name, dialect)
        self._columns = ", ".join(quoted(column.name, dialect) for column in table.c)
        self._kinds = [_kind(column.type) for column in table.c]
        names = [column.name for column in table.c]
        self._places = [names.index(column.name) for column in table.primary_key]
        self._keys = [quoted(column.name, dialect) for column in table.primary_key]

    def key_of(self, row: Row) -> Row:
        return tuple(row[place] for place in self._places)

    def count(self, connection: Connection) -> int:
        ((count,),) = connection.fetch(f"SELECT count(*) FROM {self._table}", (), 1)  # noqa: S608 - a declared table
        return int(count)

    def is_empty(self, connection: Connection) -> bool:
        return not connection.fetch(f"SELECT 1 FROM {self._table} LIMIT 1", (), 1)  # noqa: S608 - as above

    def pages(self, connection: Connection, size: int, after: Row = ()) -> Iterator[list[Row]]:
        """All rows whose keys are above `after`, by pages of this size."""
        while rows := self.page(connection, size, after):
            yield rows
            if len(rows) < size:
                return
            after = self.key_of(rows[-1])

    def page(self, connection: Connection, size: int, after: Row = ()) -> list[Row]:
        where, values = self._above(after) if after else ("", ())
        text = f"SELECT {self._columns} FROM {self._table}{where} ORDER BY {', '.join(self._keys)} LIMIT {size}"  # noqa: S608
        return connection.fetch(text, values, size)

    def insert(self, connection: Connection, rows: list[Row]) -> None:
        """Insert these rows within the transaction. Raises the driver's errors."""
        for some in _by_size(rows):
            connection.run(*self._insertion(some))

    def sum(self, connection: Connection, size: int, tell: Callable[[int], None] = lambda _rows: None) -> Sum:
        """The sum of the table as it is there; `tell` hears of each page how many rows it has."""
        found = Sum()
        for rows in self.pages(connection, size):
            found = found.plus(rows)
            tell(len(rows))
        return found

    def _above(self, after: Row) -> tuple[str, Values]:
        """The condition for keys above this one. MySQL finds them by the index only where it is written out."""
        marks = [self._mark] * len(self._keys)
        if self._dialect != "mysql" or len(self._keys) == 1:
            return f" WHERE ({', '.join(self._keys)}) > ({', '.join(marks)})", after
        text, values = f"{self._keys[-1]} > {self._mark}", after[-1:]
        for key, value in zip(self._keys[-2::-1], after[-2::-1], strict=True):
            text = f"{key} >= {self._mark} AND ({key} > {self._mark} OR ({text}))"
            values = (value, value, *values)
        return f" WHERE {text}", values

    def _insertion(self, rows: list[Row]) -> tuple[str, Values]:
        """PostgreSQL takes a list for each column: copying from a stream is not for tables with row policies."""
        begin = f"INSERT INTO {self._table} ({self._columns})"
        if self._dialect == "postgresql":
            lists = ", ".join(f"%s::{kind}[]" for kind in self._kinds)
            return f"{begin} SELECT * FROM unnest({lists})", tuple(list(column) for column in zip(*rows, strict=True))  # noqa: S608 - as above
        row = f"({', '.join([self._mark] * len(self._kinds))})"
        return f"{begin} VALUES {', '.join([row] * len(rows))}", tuple(value for row in rows for value in row)


def quoted(name: str, dialect: str) -> str:
    return f"`{name}`" if dialect == "mysql" else f'"{name}"'


def fault(where: str, connection: Connection, error: Exception) -> DatabaseFault:
    """One sentence for whatever an engine said."""
    error = connection.translated(error)
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, DatabaseFault):
        return DatabaseFault(text)
    if isinstance(error, ConstraintFault | InTheWay):
        return DatabaseFault(f"{where}: {text}; see that nobody else writes there")
    return DatabaseFault(f"{where} refused a row or a statement: {text}")


def _kind(column_type: Any) -> str:
    if isinstance(column_type, Integer):
        return "bigint"
    return "bytea" if isinstance(column_type, LargeBinary) else "text"


def _by_size(rows: list[Row]) -> Iterator[list[Row]]:
    some: list[Row] = []
    size = 0
    for row in rows:
        some.append(row)
        size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
        if size > AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some
