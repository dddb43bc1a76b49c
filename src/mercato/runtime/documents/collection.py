"""Collections of documents: JSON in the service's own database.

A command changes one document. The document carries its version; a store of documents without transactions over
several of them will carry the unpublished events and the last idempotency keys in the same document.
"""

from typing import Generic, TypeVar

import msgspec
from sqlalchemy import bindparam, select, update

from mercato.runtime.database.statements import any_of, fetch, insert_into, write
from mercato.runtime.database.tables import documents

Record = TypeVar("Record", bound=msgspec.Struct)


class Document(msgspec.Struct, Generic[Record], frozen=True):
    """A record with its id and version (0: not stored yet)."""

    id: str
    version: int
    body: Record


class Collection(Generic[Record]):
    """All documents of one form. `name` is their collection on every engine."""

    def __init__(self, name: str, record: type[Record]) -> None:
        self.name = name
        self._decoder = msgspec.json.Decoder(record)
        self._encoder = msgspec.json.Encoder()

    def decode(self, body: str) -> Record:
        return self._decoder.decode(body)

    def encode(self, body: Record) -> str:
        return self._encoder.encode(body).decode()


class _Stored(msgspec.Struct, frozen=True):
    version: int
    body: str


class _Several(msgspec.Struct, frozen=True):
    id: str
    version: int
    body: str


_one = (
    documents.c.store == bindparam("store"),
    documents.c.collection == bindparam("collection"),
    documents.c.id == bindparam("id"),
)
LOAD = fetch(_Stored, select(documents.c.version, documents.c.body).where(*_one))
LOCK = fetch(_Stored, select(documents.c.version, documents.c.body).where(*_one).with_for_update())
_several = (
    select(documents.c.id, documents.c.version, documents.c.body)
    .where(
        documents.c.store == bindparam("store"),
        documents.c.collection == bindparam("collection"),
        any_of(documents.c.id, "ids"),
    )
    .order_by(documents.c.id)
)
LOAD_SEVERAL = fetch(_Several, _several)
LOCK_SEVERAL = fetch(_Several, _several.with_for_update())
ADD = insert_into(documents)
SAVE = write(
    update(documents)
    .where(*_one, documents.c.version == bindparam("known"))
    .values(version=bindparam("version"), body=bindparam("body"))
)
