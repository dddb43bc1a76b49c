"""Tables and statements of inventory."""

import msgspec
from sqlalchemy import BindParameter, CheckConstraint, Index, MetaData, Table, bindparam, select, update

from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.statements import any_of, fetch, insert_into, upsert, write

metadata = MetaData()

locations = Table(
    "locations",
    metadata,
    identity(),
    store(),
    required("name", Text),
    required("place", Integer),
    sqlite_with_rowid=False,
)

Index("locations_by_place", locations.c.store, locations.c.place)

stock = Table(
    "stock",
    metadata,
    identity("variant_id"),
    identity("location_id"),
    store(),
    required("available", Integer),
    required("reserved", Integer),
    required("sold", Integer),
    required("received", Integer),
    required("returned", Integer),
    required("written_off", Integer),
    required("version", Integer),
    CheckConstraint("available >= 0 AND reserved >= 0 AND sold >= 0", name="stock_not_negative"),
    sqlite_with_rowid=False,
)

reservations = Table(
    "reservations",
    metadata,
    identity("order_id"),
    identity("variant_id"),
    identity("location_id"),
    store(),
    required("quantity", Integer),
    required("state", key(16)),
    required("expires_at", Integer),
    sqlite_with_rowid=False,
)

movements = Table(
    "movements",
    metadata,
    identity(),
    store(),
    required("variant_id", key()),
    required("location_id", key()),
    required("kind", key(16)),
    required("quantity", Integer),
    required("order_id", key()),
    required("reason", Text),
    required("at", Integer),
    sqlite_with_rowid=False,
)


class LevelRow(msgspec.Struct, frozen=True):
    location_id: str
    available: int
    reserved: int
    sold: int
    received: int
    returned: int
    written_off: int
    version: int


class AvailableRow(msgspec.Struct, frozen=True):
    variant_id: str
    available: int


class ReservationRow(msgspec.Struct, frozen=True):
    variant_id: str
    location_id: str
    quantity: int
    state: str


class LocationRow(msgspec.Struct, frozen=True):
    id: str
    name: str


_level_columns = [stock.c[name] for name in LevelRow.__struct_fields__]
_level = (
    stock.c.store == bindparam("store"),
    stock.c.variant_id == bindparam("variant_id"),
    stock.c.location_id == bindparam("location_id"),
)

LEVELS = fetch(
    LevelRow,
    select(*_level_columns)
    .where(stock.c.store == bindparam("store"), stock.c.variant_id == bindparam("variant_id"))
    .order_by(stock.c.location_id),
)
FIND_LEVEL = fetch(LevelRow, select(*_level_columns).where(*_level))
LIST_AVAILABLE = fetch(
    AvailableRow,
    select(stock.c.variant_id, stock.c.available).where(
        stock.c.store == bindparam("store"), any_of(stock.c.variant_id, "variant_ids")
    ),
)
_next = stock.c.version + 1
_pieces: BindParameter[int] = bindparam("pieces")
ADD_LEVEL = insert_into(stock)
RESERVE = write(
    update(stock)
    .where(*_level, stock.c.available >= _pieces)
    .values(available=stock.c.available - _pieces, reserved=stock.c.reserved + _pieces, version=_next)
)
RELEASE = write(
    update(stock)
    .where(*_level, stock.c.reserved >= _pieces)
    .values(available=stock.c.available + _pieces, reserved=stock.c.reserved - _pieces, version=_next)
)
SELL = write(
    update(stock)
    .where(*_level, stock.c.reserved >= _pieces)
    .values(sold=stock.c.sold + _pieces, reserved=stock.c.reserved - _pieces, version=_next)
)
TAKE_BACK = write(
    update(stock)
    .where(*_level)
    .values(available=stock.c.available + _pieces, returned=stock.c.returned + _pieces, version=_next)
)
RECEIVE = write(
    update(stock)
    .where(*_level)
    .values(available=stock.c.available + _pieces, received=stock.c.received + _pieces, version=_next)
)
WRITE_OFF = write(
    update(stock)
    .where(*_level, stock.c.available >= _pieces)
    .values(available=stock.c.available - _pieces, written_off=stock.c.written_off + _pieces, version=_next)
)
ADD_RESERVATION = insert_into(reservations)
LIST_RESERVATIONS = fetch(
    ReservationRow,
    select(reservations.c.variant_id, reservations.c.location_id, reservations.c.quantity, reservations.c.state).where(
        reservations.c.store == bindparam("store"), reservations.c.order_id == bindparam("order_id")
    ),
)
_reservation = (
    reservations.c.store == bindparam("store"),
    reservations.c.order_id == bindparam("order_id"),
    reservations.c.variant_id == bindparam("variant_id"),
    reservations.c.location_id == bindparam("location_id"),
)
SET_RESERVATION = write(update(reservations).where(*_reservation).values(state=bindparam("new_state")))
EXTEND_RESERVATION = write(
    update(reservations)
    .where(reservations.c.store == bindparam("store"), reservations.c.order_id == bindparam("order_id"))
    .values(expires_at=bindparam("until"))
)
ADD_MOVEMENT = insert_into(movements)
FIRST_LOCATION = fetch(
    LocationRow,
    select(locations.c.id, locations.c.name)
    .where(locations.c.store == bindparam("store"))
    .order_by(locations.c.place)
    .limit(1),
)
ADD_LOCATION = upsert(locations, update=("name", "place"))
