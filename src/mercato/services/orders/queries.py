"""What may be asked of orders."""

from mercato.contracts.orders import AwaitOutcome, GetOrder, ListOrders, Order, OrderSummary
from mercato.runtime.database.statements import as_list
from mercato.runtime.reader import Reader
from mercato.services.orders import storage
from mercato.services.orders.domain import STATUS, OrderBody, order_of, read_body
from mercato.services.orders.messages import ExpiredOrder, ListExpired
from mercato.values.ids import OrderId, StoreId
from mercato.values.messages import Caller, NotFound
from mercato.values.page import Page, from_cursor, to_cursor


def get_order(reader: Reader, query: GetOrder | AwaitOutcome, caller: Caller) -> Order:
    state = reader.row(storage.ORDERS, query.order_id)
    if state is None or not (caller.is_staff or state.buyer == caller.buyer):
        raise NotFound
    return order_of(state, find_body(reader, state.id))


def find_body(reader: Reader, order_id: str) -> OrderBody:
    row = reader.row(storage.BODIES, order_id)
    if row is None:
        raise LookupError(f"order {order_id} has no body")
    return read_body(row.body)


def is_outcome(order: Order, query: AwaitOutcome) -> bool:
    """Whether there is news for the shopper: a later version at which the shopper must act or is done."""
    return order.version > query.after_version and order.stage in ("payment_due", "paid", "cancelled")


def list_orders(reader: Reader, query: ListOrders, caller: Caller) -> Page[OrderSummary]:
    before = from_cursor(query.cursor, tuple[str])[0] if query.cursor else ""
    rows = reader.all(storage.LIST_ORDERS, buyer=caller.buyer, before=before, limit_=query.limit + 1)
    shown = rows[: query.limit]
    found = reader.all(storage.LIST_BODIES, ids=as_list(row.id for row in shown))
    bodies = {row.order_id: read_body(row.body) for row in found}
    summaries = tuple(
        OrderSummary(
            row.id,
            STATUS[row.stage],
            row.currency,
            row.total,
            sum(line.quantity for line in bodies[row.id].lines),
            row.placed_at,
        )
        for row in shown
    )
    return Page(summaries, to_cursor(shown[-1].id) if len(rows) > query.limit else None)


def list_expired(reader: Reader, _query: ListExpired, _caller: Caller) -> tuple[ExpiredOrder, ...]:
    rows = reader.all(storage.LIST_EXPIRED, now=reader.now)
    return tuple(ExpiredOrder(StoreId(row.store), OrderId(row.id)) for row in rows)
