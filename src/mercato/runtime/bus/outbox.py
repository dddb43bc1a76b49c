"""The outbox as a log: reading it after a position, and trimming it behind all positions."""

import msgspec
from sqlalchemy import bindparam, delete, func, select

from mercato.runtime.database import tables
from mercato.runtime.database.engine import CompiledStatements, Connection
from mercato.runtime.database.statements import any_of, fetch, write
from mercato.values.messages import Envelope

_outbox = tables.outbox


class _Row(msgspec.Struct, frozen=True):
    number: int
    id: str
    store: str
    type: str
    version: int
    aggregate: str
    aggregate_version: int
    at: int
    correlation: str
    cause: str
    body: bytes


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Number(msgspec.Struct, frozen=True):
    number: int


READ_AFTER = fetch(
    _Row,
    select(*_outbox.c)
    .where(_outbox.c.number > bindparam("after"))
    .order_by(_outbox.c.number)
    .limit(bindparam("limit_")),
    across_stores=True,
)
FIND_LOGGED = fetch(
    _Id,
    select(_outbox.c.id).where(_outbox.c.number > bindparam("after"), any_of(_outbox.c.id, "ids")),
    across_stores=True,
)
LAST_NUMBER = fetch(_Number, select(func.coalesce(func.max(_outbox.c.number), 0).label("number")), across_stores=True)
# The event that was consumed last stays: the log's next number is read from it.
TRIM = write(
    delete(_outbox).where(_outbox.c.number < bindparam("number"), _outbox.c.at < bindparam("before")),
    across_stores=True,
)


class Log:
    """One source's log, read on a connection of its own."""

    def __init__(self, source: str, connection: Connection, compiled: CompiledStatements) -> None:
        self.source = source
        self._connection = connection
        self._compiled = compiled

    def read(self, after: int, limit: int) -> list[Envelope]:
        """At most `limit` events with numbers above `after`, in order."""
        compiled = self._compiled[READ_AFTER]
        rows = self._connection.fetch(
            compiled.sql, compiled.values({**compiled.constants, "after": after, "limit_": limit}), limit
        )
        return [Envelope(self.source, *row) for row in rows]

    def last(self) -> int:
        """The number of the latest event; 0 when there is none."""
        ((number,),) = self._connection.fetch(self._compiled[LAST_NUMBER].sql, (), 1)
        return int(number)
