"""What may be asked of orders."""

from mercato.contracts.orders import AwaitOutcome, GetOrder, ListOrders, Order, OrderSummary
from mercato.runtime.database.transaction import Reader
from mercato.services.orders import storage
from mercato.services.orders.domain import STATUS, body_of, order_of
from mercato.services.orders.messages import ExpiredOrder, ListExpired
from mercato.values.ids import OrderId, StoreId
from mercato.values.messages import Caller, NotFound
from mercato.values.page import Page, from_cursor, to_cursor


def get_order(reader: Reader, query: GetOrder | AwaitOutcome, caller: Caller) -> Order:
    state = reader.one(storage.FIND_ORDER, id=query.order_id)
    if state is None or not (caller.is_staff or state.buyer == caller.buyer):
        raise NotFound
    return order_of(state)


def is_outcome(order: Order, query: AwaitOutcome) -> bool:
    """Whether there is news for the shopper: a later version at which the shopper must act or is done."""
    return order.version > query.after_version and order.stage in ("payment_due", "paid", "cancelled")


def list_orders(reader: Reader, query: ListOrders, caller: Caller) -> Page[OrderSummary]:
    before = from_cursor(query.cursor, tuple[str])[0] if query.cursor else ""
    rows = reader.all(storage.LIST_ORDERS, buyer=caller.buyer, before=before, limit_=query.limit + 1)
    shown = rows[: query.limit]
    summaries = tuple(
        OrderSummary(
            row.id,
            STATUS[row.stage],
            row.currency,
            row.total,
            sum(line.quantity for line in body_of(row).lines),
            row.placed_at,
        )
        for row in shown
    )
    return Page(summaries, to_cursor(shown[-1].id) if len(rows) > query.limit else None)


def list_expired(reader: Reader, _query: ListExpired, _caller: Caller) -> tuple[ExpiredOrder, ...]:
    rows = reader.all(storage.LIST_EXPIRED, now=reader.now)
    return tuple(ExpiredOrder(StoreId(row.store), OrderId(row.id)) for row in rows)
