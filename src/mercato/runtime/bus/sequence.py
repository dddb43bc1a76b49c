"""The number of the latest event, where several processes write one log.

Whoever has drawn numbers holds the row until its commit: numbers come in the order of commits, without gaps.
"""

import msgspec
from sqlalchemy import bindparam, select, update

from mercato.runtime.database import tables
from mercato.runtime.database.statements import fetch, upsert, write

_sequence = tables.sequence
LOG = "outbox"


class Drawn(msgspec.Struct, frozen=True):
    number: int


ADD_SEQUENCE = upsert(_sequence, across_stores=True)
ADVANCE = write(
    update(_sequence).where(_sequence.c.name == LOG).values(number=_sequence.c.number + bindparam("count")),
    across_stores=True,
)
LAST_DRAWN = fetch(Drawn, select(_sequence.c.number).where(_sequence.c.name == LOG), across_stores=True)
