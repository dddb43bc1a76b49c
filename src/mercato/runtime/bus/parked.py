"""Events whose effect failed: kept with their original bytes, tried again after growing pauses, then by hand.

Later events of the same aggregate queue behind a parked one, so that a consumer never sees versions out of order.
"""

import msgspec
from sqlalchemy import bindparam, delete, func, or_, select, update

from mercato.runtime.database import tables
from mercato.runtime.database.statements import fetch, upsert, write
from mercato.values.messages import Envelope

_parked = tables.parked

PAUSES = (1_000, 5_000, 30_000, 300_000, 1_800_000)  # ms; after the last one an operator must look
FAR = 2 * PAUSES[-1]  # ms ahead: nothing is parked so long, unless the clock has been set back since (F16)


class ParkedRow(msgspec.Struct, frozen=True):
    """`due_at` None: given up until somebody replays it."""

    source: str
    number: int
    store: str
    aggregate: str
    attempts: int
    due_at: int | None
    error: str
    envelope: bytes


class ParkedKey(msgspec.Struct, frozen=True):
    source: str
    aggregate: str
    count: int


PARK = upsert(_parked, update=("attempts", "due_at", "error"), across_stores=True)
UNPARK = write(
    delete(_parked).where(_parked.c.source == bindparam("source"), _parked.c.number == bindparam("number")),
    across_stores=True,
)
PARKED_KEYS = fetch(
    ParkedKey,
    select(_parked.c.source, _parked.c.aggregate, func.count().label("count")).group_by(
        _parked.c.source, _parked.c.aggregate
    ),
    across_stores=True,
)
LIST_PARKED = fetch(ParkedRow, select(*_parked.c).order_by(_parked.c.source, _parked.c.number), across_stores=True)
_earlier = _parked.alias("earlier")
DUE_PARKED = fetch(
    ParkedRow,
    select(*_parked.c)
    .where(
        or_(_parked.c.due_at <= bindparam("now"), _parked.c.due_at > bindparam("far")),
        ~select(_earlier.c.number)
        .where(
            _earlier.c.source == _parked.c.source,
            _earlier.c.aggregate == _parked.c.aggregate,
            _earlier.c.number < _parked.c.number,
        )
        .exists(),
    )
    .order_by(_parked.c.source, _parked.c.number)
    .limit(64),
    across_stores=True,
)
REPLAY = write(
    update(_parked)
    .where(_parked.c.source == bindparam("in_source"), _parked.c.number == bindparam("in_number"))
    .values(due_at=bindparam("due_at"), attempts=0),
    across_stores=True,
)


def pause_after(attempts: int) -> int | None:
    """Milliseconds until the next try after so many failures; None when an operator must look."""
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


def pack(envelope: Envelope) -> bytes:
    return msgspec.msgpack.encode(envelope)


def unpack(row: ParkedRow) -> Envelope:
    return msgspec.msgpack.decode(row.envelope, type=Envelope)
