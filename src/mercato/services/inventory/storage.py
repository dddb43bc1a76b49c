"""Tables and statements of inventory."""

import msgspec
from sqlalchemy import CheckConstraint, Index, MetaData, Table, bindparam, select

from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import any_of, fetch, insert_into, upsert
from mercato.services.inventory.domain import Level, Reservation

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


class AvailableRow(msgspec.Struct, frozen=True):
    variant_id: str
    available: int


class LevelRow(msgspec.Struct, frozen=True):
    variant_id: str
    location_id: str
    available: int
    version: int


class LocationRow(msgspec.Struct, frozen=True):
    id: str
    name: str


STOCK = Kept(
    stock,
    Level,
    changing=("available", "reserved", "sold", "received", "returned", "written_off", "version"),
    guard="version",
)
RESERVATIONS = Kept(reservations, Reservation, changing=("state", "expires_at"), guard="state")
LIST_AVAILABLE = fetch(
    AvailableRow,
    select(stock.c.variant_id, stock.c.available).where(
        stock.c.store == bindparam("store"), any_of(stock.c.variant_id, "variant_ids")
    ),
)
ADD_MOVEMENT = insert_into(movements)
LIST_LEVELS = fetch(
    LevelRow,
    select(stock.c.variant_id, stock.c.location_id, stock.c.available, stock.c.version).where(
        stock.c.store == bindparam("store"), any_of(stock.c.variant_id, "variant_ids")
    ),
)
FIRST_LOCATION = fetch(
    LocationRow,
    select(locations.c.id, locations.c.name)
    .where(locations.c.store == bindparam("store"))
    .order_by(locations.c.place)
    .limit(1),
)
ADD_LOCATION = upsert(locations, update=("name", "place"))
