"""Idempotency keys: one row a request, written with its command, completed by the transaction that decides."""

import msgspec
from sqlalchemy import bindparam, delete, select, update

from mercato.runtime.database import tables
from mercato.runtime.database.statements import any_pair, fetch, insert_into, write

_keys = tables.idempotency
LIFE = 24 * 3_600_000  # milliseconds for which a final answer is replayed, at least


class KeyRow(msgspec.Struct, frozen=True):
    """A stored key. `status` and `body` are None while the outcome is being decided."""

    fingerprint: str
    subject: str | None
    status: int | None
    body: bytes | None


class FoundKey(msgspec.Struct, frozen=True):
    """A stored key with its name."""

    scope: str
    client_key: str
    fingerprint: str
    subject: str | None
    status: int | None
    body: bytes | None

    @property
    def row(self) -> KeyRow:
        return KeyRow(self.fingerprint, self.subject, self.status, self.body)


FIND_KEYS = fetch(
    FoundKey,
    select(_keys.c.scope, _keys.c.client_key, _keys.c.fingerprint, _keys.c.subject, _keys.c.status, _keys.c.body).where(
        _keys.c.store == bindparam("store"), any_pair(_keys.c.scope, _keys.c.client_key, "pairs")
    ),
)
FIND_KEY = fetch(
    KeyRow,
    select(_keys.c.fingerprint, _keys.c.subject, _keys.c.status, _keys.c.body).where(
        _keys.c.store == bindparam("store"),
        _keys.c.scope == bindparam("scope"),
        _keys.c.client_key == bindparam("client_key"),
    ),
)
FIND_ANSWER = fetch(
    KeyRow,
    select(_keys.c.fingerprint, _keys.c.subject, _keys.c.status, _keys.c.body).where(
        _keys.c.store == bindparam("store"), _keys.c.subject == bindparam("subject")
    ),
)
ADD_KEY = insert_into(_keys)
COMPLETE_KEY = write(
    update(_keys)
    .where(_keys.c.store == bindparam("store"), _keys.c.subject == bindparam("subject"), _keys.c.body.is_(None))
    .values(status=bindparam("status"), body=bindparam("body"))
)
FORGET_OLD_KEYS = write(
    delete(_keys).where(_keys.c.created_at < bindparam("before"), _keys.c.body.is_not(None)), across_stores=True
)
