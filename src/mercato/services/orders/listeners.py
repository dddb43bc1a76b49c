"""What orders does about others' events: the answers to its own story."""

import msgspec

from mercato.contracts.inventory import StockRefused, StockReserved
from mercato.contracts.orders import (
    HoldExtended,
    OrderConfirmed,
    OrderPaid,
    PaymentDue,
    RefundDue,
    SoldOut,
)
from mercato.contracts.payments import PaymentCaptured, PaymentPending, PaymentRefunded
from mercato.runtime.answers import problem
from mercato.runtime.transaction import Transaction, encode
from mercato.services.orders import storage
from mercato.services.orders.commands import advance, cancel, full_order
from mercato.services.orders.domain import EXTENDED_HOLD, OrderState
from mercato.values.ids import OrderId
from mercato.values.messages import Caller
from mercato.values.money import Money


def when_stock_is_reserved_ask_for_payment(tx: Transaction, event: StockReserved, _caller: Caller) -> None:
    state = _find(tx, event.order_id)
    if state.stage != "placed" or not _answered(tx, state, "stock", "yes"):
        return
    if any(answer.state != "yes" for answer in tx.rows(storage.ANSWERS, state.id)):
        return
    amount = Money(state.total, state.currency)
    due = PaymentDue(state.id, state.buyer, amount, state.payment_method, state.hold_expires_at)
    tx.answer(state.id, 201, encode(full_order(tx, advance(tx, state, due))))


def when_stock_is_refused_cancel_order(tx: Transaction, event: StockRefused, _caller: Caller) -> None:
    state = _find(tx, event.order_id)
    if state.stage != "placed":
        return
    _answered(tx, state, "stock", "no")
    cancel(tx, state, "sold_out", encode(event.shortages).decode())
    refusal = SoldOut(shortages=event.shortages, order_id=state.id)
    tx.answer(state.id, refusal.status, problem(refusal, tx.correlation))


def when_payment_is_pending_extend_hold(tx: Transaction, event: PaymentPending, _caller: Caller) -> None:
    """Once: a hold ends 30 minutes after the order at the latest (F11)."""
    state = _find(tx, event.order_id)
    until = state.placed_at + EXTENDED_HOLD
    if state.stage == "payment_due" and state.hold_expires_at < until:
        advance(tx, state, HoldExtended(state.id, until), hold_expires_at=until, expires_at=until)


def when_payment_is_captured_confirm_order(tx: Transaction, event: PaymentCaptured, _caller: Caller) -> None:
    """A capture for an order that is off or paid already goes back: the hold may be somebody else's by now."""
    state = _find(tx, event.order_id)
    if state.stage != "payment_due":
        _refund(tx, state, event)
        return
    captured = state.captured + event.amount.amount
    if captured < state.total:
        tx.change(storage.ORDERS, state, msgspec.structs.replace(state, captured=captured))
        return
    confirmed = OrderConfirmed(state.id, state.buyer, state.cart_id)
    paid = OrderPaid(state.id, state.buyer, Money(state.total, state.currency))
    advance(tx, state, confirmed, paid, captured=captured, expires_at=None)


def when_order_is_paid_back_record_it(tx: Transaction, event: PaymentRefunded, _caller: Caller) -> None:
    state = _find(tx, event.order_id)
    tx.change(storage.ORDERS, state, msgspec.structs.replace(state, refunded=state.refunded + event.amount.amount))


def _find(tx: Transaction, order_id: OrderId) -> OrderState:
    state = tx.row(storage.ORDERS, order_id)
    if state is None:
        raise LookupError(f"there is no order {order_id}")
    return state


def _answered(tx: Transaction, state: OrderState, kind: str, answer: str) -> bool:
    """Note the first answer of this kind; whether it is the first."""
    for row in tx.rows(storage.ANSWERS, state.id):
        if row.kind == kind and row.state == "waiting":
            tx.change(storage.ANSWERS, row, msgspec.structs.replace(row, state=answer))
            return True
    return False


def _refund(tx: Transaction, state: OrderState, event: PaymentCaptured) -> None:
    due = RefundDue(state.id, event.payment_id, event.amount)
    advance(tx, state, due, captured=state.captured + event.amount.amount)
