"""Tables and statements of orders."""

import msgspec
from sqlalchemy import Column, Index, MetaData, Table, bindparam, or_, select

from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import any_of, fetch, insert_into
from mercato.services.orders.domain import OrderState

metadata = MetaData()

orders = Table(
    "orders",
    metadata,
    identity(),
    store(),
    required("buyer", key()),
    required("stage", key(16)),
    required("version", Integer),
    required("cart_id", key()),
    required("cart_version", Integer),
    required("currency", key(3)),
    required("total", Integer),
    required("captured", Integer),
    required("refunded", Integer),
    required("payment_method", key(40)),
    required("placed_at", Integer),
    required("hold_expires_at", Integer),
    Column("expires_at", Integer),
    required("cancel_reason", key(40)),
    required("shortages", Text),
    sqlite_with_rowid=False,
)
Index("orders_by_buyer", orders.c.buyer, orders.c.store, orders.c.id)
Index("orders_by_expiry", orders.c.expires_at)

# What of an order never changes, apart from what often does.
bodies = Table(
    "bodies",
    metadata,
    identity("order_id"),
    store(),
    required("body", Text),
)

ordered_carts = Table(
    "ordered_carts",
    metadata,
    identity("cart_id"),
    Column("cart_version", Integer, primary_key=True, autoincrement=False),
    store(),
    required("order_id", key()),
    sqlite_with_rowid=False,
)

answers = Table(
    "answers",
    metadata,
    identity("order_id"),
    Column("kind", key(16), primary_key=True),
    store(),
    required("state", key(16)),
    sqlite_with_rowid=False,
)

transitions = Table(
    "transitions",
    metadata,
    identity("order_id"),
    Column("version", Integer, primary_key=True, autoincrement=False),
    store(),
    required("stage", key(16)),
    required("event", key(40)),
    required("at", Integer),
    sqlite_with_rowid=False,
)


class OrderedCart(msgspec.Struct, frozen=True):
    order_id: str


class OrderBodyRow(msgspec.Struct, frozen=True):
    order_id: str
    body: str


class AnswerRow(msgspec.Struct, frozen=True):
    """What one service has said to an order: "waiting", "yes" or "no"."""

    order_id: str
    kind: str
    state: str


class Expired(msgspec.Struct, frozen=True):
    store: str
    id: str


ORDERS = Kept(
    orders,
    OrderState,
    changing=(
        "stage",
        "version",
        "captured",
        "refunded",
        "hold_expires_at",
        "expires_at",
        "cancel_reason",
        "shortages",
    ),
    guard="version",
)
BODIES = Kept(bodies, OrderBodyRow)
ANSWERS = Kept(answers, AnswerRow, changing=("state",), guard="state")
LIST_BODIES = fetch(
    OrderBodyRow,
    select(bodies.c.order_id, bodies.c.body).where(
        bodies.c.store == bindparam("store"), any_of(bodies.c.order_id, "ids")
    ),
)
LIST_ORDERS = fetch(
    OrderState,
    select(*[c for c in orders.c if c.name != "store"])
    .where(
        orders.c.store == bindparam("store"),
        orders.c.buyer == bindparam("buyer"),
        or_(bindparam("before") == "", orders.c.id < bindparam("before")),
    )
    .order_by(orders.c.id.desc())
    .limit(bindparam("limit_")),
)
LIST_EXPIRED = fetch(
    Expired,
    select(orders.c.store, orders.c.id)
    .where(orders.c.expires_at <= bindparam("now"))
    .order_by(orders.c.expires_at)
    .limit(500),
    across_stores=True,
)
ADD_ORDERED_CART = insert_into(ordered_carts)
FIND_ORDERED_CART = fetch(
    OrderedCart,
    select(ordered_carts.c.order_id).where(
        ordered_carts.c.store == bindparam("store"),
        ordered_carts.c.cart_id == bindparam("cart_id"),
        ordered_carts.c.cart_version == bindparam("cart_version"),
    ),
)
ADD_TRANSITION = insert_into(transitions)
