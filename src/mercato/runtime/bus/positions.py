"""Positions: how far a consumer is in each source's log, moved in the transaction of its effects."""

import msgspec
from sqlalchemy import bindparam, select, update

from mercato.runtime.database import tables
from mercato.runtime.database.statements import fetch, upsert, write

_positions = tables.positions


class Position(msgspec.Struct, frozen=True):
    source: str
    number: int


class Fenced(Exception):
    """Another consumer moved the position: what was done here must be undone, the log is read again."""


LIST_POSITIONS = fetch(
    Position,
    select(_positions.c.source, _positions.c.number).where(_positions.c.part == 0),
    across_stores=True,
)
ADD_POSITION = upsert(_positions, across_stores=True)
MOVE_POSITION = write(
    update(_positions)
    .where(
        _positions.c.source == bindparam("in_source"),
        _positions.c.part == 0,
        _positions.c.number == bindparam("done"),
    )
    .values(number=bindparam("number")),
    across_stores=True,
)
