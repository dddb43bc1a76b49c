"""Rows of timed work, and the leases by which one process at a time runs it."""

import msgspec
from sqlalchemy import bindparam, or_, select, update

from mercato.runtime.database import tables
from mercato.runtime.database.statements import fetch, upsert, write

_jobs, _leases = tables.jobs, tables.leases


class Due(msgspec.Struct, frozen=True):
    due_at: int


FIND_JOB = fetch(Due, select(_jobs.c.due_at).where(_jobs.c.name == bindparam("job")), across_stores=True)
SET_JOB = upsert(_jobs, update=("due_at", "last_at", "last_error"), across_stores=True)
ADD_LEASE = upsert(_leases, across_stores=True)
TAKE_LEASE = write(
    update(_leases)
    .where(
        _leases.c.name == bindparam("lease"),
        or_(_leases.c.expires_at <= bindparam("now"), _leases.c.holder == bindparam("me"), bindparam("alone") == 1),
    )
    .values(holder=bindparam("me"), fence=_leases.c.fence + 1, expires_at=bindparam("until")),
    across_stores=True,
)
FREE_LEASE = write(
    update(_leases)
    .where(_leases.c.name == bindparam("lease"), _leases.c.holder == bindparam("me"))
    .values(expires_at=0),
    across_stores=True,
)
