"""What may be changed in orders: placing, cancelling, expiring."""

import msgspec

from mercato.contracts.orders import (
    CancelOrder,
    CancelReason,
    CannotCancel,
    CartAlreadyOrdered,
    Order,
    OrderCancelled,
    OrderPlaced,
    PlaceOrder,
    SoldOut,
)
from mercato.contracts.pricing import Quote, QuoteExpired, QuoteNotYours, QuoteTampered
from mercato.runtime.access.sealed import Unsealer, Unsound
from mercato.runtime.transaction import Transaction, encode
from mercato.services.orders import storage
from mercato.services.orders.domain import HOLD, OrderBody, OrderState, next_stage, order_of
from mercato.services.orders.messages import ExpireOrder, RefuseSoldOut
from mercato.services.orders.queries import find_body
from mercato.values.ids import OrderId
from mercato.values.messages import Caller, Event, NotFound
from mercato.values.money import Money

QUOTES = Unsealer("quote", Quote)


def place_order(tx: Transaction, command: PlaceOrder, caller: Caller) -> Order:
    """Order what the quote says. It is verified here and nowhere else, from its own text."""
    quote = _verified(tx, command, caller)
    ordered = tx.one(storage.FIND_ORDERED_CART, cart_id=quote.cart_id, cart_version=quote.cart_version)
    if ordered is not None:
        raise CartAlreadyOrdered(order_id=ordered.order_id)
    body = _body_of(command, quote)
    state = _new_order(tx, command, quote)
    event = OrderPlaced(
        state.id,
        quote.buyer,
        quote.cart_id,
        quote.cart_version,
        quote.currency,
        quote.lines,
        Money(quote.total, quote.currency),
        state.hold_expires_at,
    )
    tx.add_first(storage.ORDERS, state)
    tx.add_first(storage.BODIES, storage.OrderBodyRow(state.id, encode(body).decode()))
    tx.defer(storage.ADD_ORDERED_CART, cart_id=quote.cart_id, cart_version=quote.cart_version, order_id=state.id)
    tx.add_first(storage.ANSWERS, storage.AnswerRow(state.id, "stock", "waiting"))
    _record(tx, state, event)
    return order_of(state, body)


def refuse_sold_out(_tx: Transaction, command: RefuseSoldOut, _caller: Caller) -> Order:
    raise SoldOut(shortages=command.shortages)


def cancel_order(tx: Transaction, command: CancelOrder, caller: Caller) -> Order:
    state = tx.row(storage.ORDERS, command.order_id)
    if state is None or not (caller.is_staff or state.buyer == caller.buyer):
        raise NotFound
    if state.stage not in ("placed", "payment_due", "paid"):
        raise CannotCancel
    return full_order(tx, cancel(tx, state, "by_staff" if caller.is_staff else "by_shopper"))


def expire_order(tx: Transaction, command: ExpireOrder, _caller: Caller) -> bool:
    state = tx.row(storage.ORDERS, command.order_id)
    if state is None or state.expires_at is None or state.expires_at > tx.now:
        return False
    cancel(tx, state, "expired")
    return True


def cancel(tx: Transaction, state: OrderState, reason: CancelReason, shortages: str = "") -> OrderState:
    """End an order: its holds are released and its cart reopens when others hear of it."""
    body = find_body(tx, state.id)
    event = OrderCancelled(state.id, state.buyer, state.cart_id, reason, body.lines)
    after = advance(tx, state, event, expires_at=None, cancel_reason=reason, shortages=shortages)
    if state.stage == "placed" and not shortages:
        tx.answer(state.id, 201, encode(order_of(after, body)))  # nobody else will tell who ordered it
    return after


def advance(tx: Transaction, state: OrderState, *events: Event, **changes: object) -> OrderState:
    """Take an order through the stages that these events lead to, a version each, and tell others (I15)."""
    after = msgspec.structs.replace(state, **changes)
    for event in events:
        stage = next_stage(after.stage, type(event).__name__)
        after = msgspec.structs.replace(after, stage=stage, version=after.version + 1)
        _record(tx, after, event)
    tx.change(storage.ORDERS, state, after)
    return after


def full_order(tx: Transaction, state: OrderState) -> Order:
    return order_of(state, find_body(tx, state.id))


def _record(tx: Transaction, state: OrderState, event: Event) -> None:
    tx.defer(
        storage.ADD_TRANSITION,
        order_id=state.id,
        version=state.version,
        stage=state.stage,
        event=type(event).__name__,
        at=tx.now,
    )
    tx.emit(event, state.id, state.version)


def _verified(tx: Transaction, command: PlaceOrder, caller: Caller) -> Quote:
    try:
        quote = QUOTES.unseal(tx.keyring, command.quote)
    except Unsound:
        raise QuoteTampered from None
    if quote.store != caller.store or quote.buyer != caller.buyer:
        raise QuoteNotYours
    if quote.expires_at <= tx.now:
        raise QuoteExpired
    return quote


def _body_of(command: PlaceOrder, quote: Quote) -> OrderBody:
    return OrderBody(
        lines=quote.lines,
        shipping=quote.shipping,
        shipping_tax=quote.shipping_tax,
        tax=quote.tax,
        tax_included=quote.tax_included,
        destination=quote.destination,
        billing=command.billing or quote.destination,
    )


def _new_order(tx: Transaction, command: PlaceOrder, quote: Quote) -> OrderState:
    return OrderState(
        id=OrderId(command.order_id),
        buyer=quote.buyer,
        stage="placed",
        version=1,
        cart_id=quote.cart_id,
        cart_version=quote.cart_version,
        currency=quote.currency,
        total=quote.total,
        captured=0,
        refunded=0,
        payment_method=command.payment_method,
        placed_at=tx.now,
        hold_expires_at=tx.now + HOLD,
        expires_at=tx.now + HOLD,
        cancel_reason="",
        shortages="",
    )
