"""A service that has nothing but a table with a column of every type, and the statements that a port must know."""

import msgspec
from sqlalchemy import CheckConstraint, Column, MetaData, Table, bindparam, func, select, update

from mercato.runtime.database.columns import Bytes, Integer, Text, identity, key, required, store
from mercato.runtime.database.statements import any_of, any_pair, claim, fetch, insert_into, one_of, upsert, write
from mercato.runtime.service import Service

metadata = MetaData()
things = Table(
    "things",
    metadata,
    identity(),
    store(),
    required("label", key(80)),
    Column("number", Integer),
    Column("words", Text),
    Column("body", Bytes),
    required("version", Integer),
    required("amount", Integer),  # after the version: MySQL assigns one column after the other
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    sqlite_with_rowid=False,
)


class Thing(msgspec.Struct, frozen=True):
    id: str
    label: str = ""
    number: int | None = None
    words: str | None = None
    body: bytes | None = None
    version: int = 1
    amount: int = 0


class Sum(msgspec.Struct, frozen=True):
    count: int
    amount: int


_columns = [column for column in things.c if column.name != "store"]
_mine = things.c.store == bindparam("store")
_one = (_mine, things.c.id == bindparam("id"))
_part = bindparam("part", type_=Integer())
ADD = insert_into(things, layout=(*Thing.__struct_fields__, "store"))
FIND = fetch(Thing, select(*_columns).where(*_one))
LOCK = fetch(Thing, select(*_columns).where(*_one).with_for_update())
LIST = fetch(Thing, select(*_columns).where(_mine).order_by(things.c.id))
BY_LABEL = fetch(Thing, select(*_columns).where(_mine, things.c.label == bindparam("label")).order_by(things.c.id))
IN_ORDER = fetch(Thing, select(*_columns).where(_mine).order_by(things.c.label, things.c.id))
SOME = fetch(Thing, select(*_columns).where(_mine, any_of(things.c.label, "labels")).order_by(things.c.id))
PAIRS = fetch(
    Thing, select(*_columns).where(_mine, any_pair(things.c.id, things.c.label, "pairs")).order_by(things.c.id)
)
KINDS = fetch(Thing, select(*_columns).where(_mine, one_of(things.c.label, "red", "blue")).order_by(things.c.id))
FREE = fetch(Thing, claim(select(*_columns).where(_mine).order_by(things.c.id).limit(bindparam("limit_"))))
TOTAL = fetch(
    Sum,
    select(func.count().label("count"), func.coalesce(func.sum(things.c.amount), 0).label("amount")).where(_mine),
)
PUT = upsert(things, update=("label", "number", "words", "body", "amount", "version"))
ADD_ONCE = upsert(things)
INCREASE = upsert(things, increase=("amount",))
PUT_NEWER = upsert(things, update=("amount", "label"), newer="version")
SET_LABEL = write(update(things).where(*_one).values(label=bindparam("to")))
TAKE = write(update(things).where(*_one, things.c.amount >= _part).values(amount=things.c.amount - _part))
EVERYWHERE = fetch(Thing, select(*_columns).order_by(things.c.id, things.c.store), across_stores=True)
SET_EVERYWHERE = write(update(things).values(number=bindparam("to")), across_stores=True)


def service() -> Service:
    return Service(name="samples", package=__name__, tables=metadata)
