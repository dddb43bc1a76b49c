"""What verify reads: whole tables of all stores, in one snapshot for each database."""

from http import HTTPStatus

import msgspec
from sqlalchemy import Integer, Table, and_, case, cast, func, select

from mercato.runtime.database import tables
from mercato.runtime.database.statements import Statement, fetch
from mercato.services.carts.storage import CARTS, variants
from mercato.services.carts.storage import prices as cart_prices
from mercato.services.catalog.storage import availability, products
from mercato.services.catalog.storage import prices as catalog_prices
from mercato.services.inventory.storage import movements, reservations, stock
from mercato.services.orders.storage import bodies, ordered_carts, orders, transitions
from mercato.services.payments.storage import dues, payments, refunds
from mercato.services.pricing.storage import prices


class LevelSums(msgspec.Struct, frozen=True):
    store: str
    variant_id: str
    location_id: str
    available: int
    reserved: int
    sold: int
    received: int
    returned: int
    written_off: int
    version: int


class MovementSums(msgspec.Struct, frozen=True):
    store: str
    variant_id: str
    location_id: str
    kind: str
    quantity: int


class OrderMoves(msgspec.Struct, frozen=True):
    store: str
    order_id: str
    variant_id: str
    location_id: str
    kind: str
    times: int
    quantity: int


class Reserved(msgspec.Struct, frozen=True):
    store: str
    order_id: str
    variant_id: str
    location_id: str
    quantity: int
    state: str
    expires_at: int


class Available(msgspec.Struct, frozen=True):
    store: str
    variant_id: str
    location_id: str
    available: int


class OrderFigures(msgspec.Struct, frozen=True):
    store: str
    id: str
    stage: str
    version: int
    cart_id: str
    cart_version: int
    total: int
    captured: int
    refunded: int
    placed_at: int
    hold_expires_at: int
    body: str


class Transition(msgspec.Struct, frozen=True):
    store: str
    order_id: str
    version: int
    stage: str
    event: str


class OrderedCart(msgspec.Struct, frozen=True):
    store: str
    cart_id: str
    cart_version: int
    order_id: str


class DueFigures(msgspec.Struct, frozen=True):
    store: str
    order_id: str
    amount: int
    state: str
    expires_at: int


class PaymentFigures(msgspec.Struct, frozen=True):
    store: str
    id: str
    order_id: str
    amount: int
    state: str
    refunded: int


class RefundFigures(msgspec.Struct, frozen=True):
    store: str
    payment_id: str
    order_id: str
    amount: int
    state: str


class LogFigures(msgspec.Struct, frozen=True):
    first: int
    last: int
    count: int


class LoggedEvent(msgspec.Struct, frozen=True):
    store: str
    aggregate: str
    aggregate_version: int
    type: str
    times: int


class Price(msgspec.Struct, frozen=True):
    store: str
    variant_id: str
    currency: str
    amount: int


class SoldProduct(msgspec.Struct, frozen=True):
    store: str
    id: str
    title: str
    status: str


class CopiedVariant(msgspec.Struct, frozen=True):
    store: str
    variant_id: str
    product_id: str
    title: str
    on_sale: int


class StoredCart(msgspec.Struct, frozen=True):
    store: str
    id: str
    body: str


class StoredAnswer(msgspec.Struct, frozen=True):
    store: str
    subject: str


LEVELS = fetch(LevelSums, select(*[stock.c[name] for name in LevelSums.__struct_fields__]), across_stores=True)
MOVEMENTS = fetch(
    MovementSums,
    select(
        movements.c.store,
        movements.c.variant_id,
        movements.c.location_id,
        movements.c.kind,
        cast(func.sum(movements.c.quantity), Integer).label("quantity"),
    ).group_by(movements.c.store, movements.c.variant_id, movements.c.location_id, movements.c.kind),
    across_stores=True,
)
_moves = (movements.c.store, movements.c.order_id, movements.c.variant_id, movements.c.location_id, movements.c.kind)
ORDER_MOVES = fetch(
    OrderMoves,
    select(*_moves, func.count().label("times"), cast(func.sum(movements.c.quantity), Integer).label("quantity"))
    .where(movements.c.order_id != "")
    .group_by(*_moves),
    across_stores=True,
)
RESERVATIONS = fetch(
    Reserved,
    select(
        reservations.c.store,
        reservations.c.order_id,
        reservations.c.variant_id,
        reservations.c.location_id,
        reservations.c.quantity,
        reservations.c.state,
        reservations.c.expires_at,
    ),
    across_stores=True,
)
AVAILABLE = fetch(
    Available,
    select(availability.c.store, availability.c.variant_id, availability.c.location_id, availability.c.available),
    across_stores=True,
)
ORDERS = fetch(
    OrderFigures,
    select(
        orders.c.store,
        orders.c.id,
        orders.c.stage,
        orders.c.version,
        orders.c.cart_id,
        orders.c.cart_version,
        orders.c.total,
        orders.c.captured,
        orders.c.refunded,
        orders.c.placed_at,
        orders.c.hold_expires_at,
        bodies.c.body,
    ).select_from(orders.join(bodies, and_(bodies.c.order_id == orders.c.id, bodies.c.store == orders.c.store))),
    across_stores=True,
)
TRANSITIONS = fetch(
    Transition,
    select(
        transitions.c.store,
        transitions.c.order_id,
        transitions.c.version,
        transitions.c.stage,
        transitions.c.event,
    ).order_by(transitions.c.order_id, transitions.c.version),
    across_stores=True,
)
ORDERED_CARTS = fetch(
    OrderedCart,
    select(ordered_carts.c.store, ordered_carts.c.cart_id, ordered_carts.c.cart_version, ordered_carts.c.order_id),
    across_stores=True,
)
DUES = fetch(
    DueFigures,
    select(dues.c.store, dues.c.order_id, dues.c.amount, dues.c.state, dues.c.expires_at),
    across_stores=True,
)
PAYMENTS = fetch(
    PaymentFigures,
    select(
        payments.c.store,
        payments.c.id,
        payments.c.order_id,
        payments.c.amount,
        payments.c.state,
        payments.c.refunded,
    ),
    across_stores=True,
)
REFUNDS = fetch(
    RefundFigures,
    select(refunds.c.store, refunds.c.payment_id, refunds.c.order_id, refunds.c.amount, refunds.c.state),
    across_stores=True,
)


def _prices_of(table: Table) -> Statement[Price]:
    """The prices that pricing owns, or a copy of them."""
    columns = (table.c.store, table.c.variant_id, table.c.currency, table.c.amount)
    return fetch(Price, select(*columns), across_stores=True)


PRICES = _prices_of(prices)
CART_PRICES = _prices_of(cart_prices)
CATALOG_PRICES = _prices_of(catalog_prices)
PRODUCTS = fetch(
    SoldProduct,
    select(products.c.store, products.c.id, products.c.title, products.c.status),
    across_stores=True,
)
COPIED_VARIANTS = fetch(
    CopiedVariant,
    select(variants.c.store, variants.c.variant_id, variants.c.product_id, variants.c.title, variants.c.on_sale),
    across_stores=True,
)
_documents = tables.documents
STORED_CARTS = fetch(
    StoredCart,
    select(_documents.c.store, _documents.c.id, _documents.c.body).where(_documents.c.collection == CARTS.name),
    across_stores=True,
)
_outbox, _keys = tables.outbox, tables.idempotency
LOG = fetch(
    LogFigures,
    select(
        func.coalesce(func.min(_outbox.c.number), 0).label("first"),
        func.coalesce(func.max(_outbox.c.number), 0).label("last"),
        func.count().label("count"),
    ),
    across_stores=True,
)
_event = (_outbox.c.store, _outbox.c.aggregate, _outbox.c.aggregate_version, _outbox.c.type)
LOGGED = fetch(LoggedEvent, select(*_event, func.count().label("times")).group_by(*_event), across_stores=True)
ANSWERS = fetch(
    StoredAnswer,
    select(_keys.c.store, _keys.c.subject).where(
        _keys.c.subject.is_not(None), case((_keys.c.status < HTTPStatus.MULTIPLE_CHOICES, 1), else_=0) == 1
    ),
    across_stores=True,
)
