"""What payments does about the events of orders."""

import msgspec

from mercato.contracts.orders import HoldExtended, OrderCancelled, OrderPaid, PaymentDue, RefundDue
from mercato.contracts.payments import NothingDue
from mercato.runtime.answers import problem
from mercato.runtime.reader import Reader
from mercato.runtime.service import Names
from mercato.runtime.transaction import Transaction, encode
from mercato.services.payments import storage
from mercato.services.payments.commands import give_back
from mercato.services.payments.domain import answer_of
from mercato.values.messages import Caller


def when_payment_is_due_expect_it(tx: Transaction, event: PaymentDue, _caller: Caller) -> None:
    amount = event.amount
    due = storage.DueRow(event.order_id, event.buyer, amount.amount, amount.currency, "open", "", event.expires_at)
    tx.add_first(storage.DUES, due)
    tx.changed(event.order_id)


def when_hold_is_extended_extend_what_is_due(tx: Transaction, event: HoldExtended, _caller: Caller) -> None:
    due = tx.row(storage.DUES, event.order_id)
    if due is not None:
        tx.change(storage.DUES, due, msgspec.structs.replace(due, expires_at=event.expires_at))


def when_order_is_paid_answer_its_shopper(tx: Transaction, event: OrderPaid, _caller: Caller) -> None:
    due = tx.row(storage.DUES, event.order_id)
    if due is None:
        return
    tx.change(storage.DUES, due, msgspec.structs.replace(due, state="paid"))
    row = tx.row(storage.PAYMENTS, due.payment_id)
    if row is not None:
        tx.answer(row.id, 201, encode(answer_of(row, "paid")))


def payment_of_due(reader: Reader, event: OrderPaid, _caller: Caller) -> Names:
    due = reader.row(storage.DUES, event.order_id)
    return ((storage.PAYMENTS, (due.payment_id,)),) if due is not None and due.payment_id else ()


def when_order_is_cancelled_refund_it(tx: Transaction, event: OrderCancelled, _caller: Caller) -> None:
    """Nothing is due any more. What was captured goes back; what is captured later, RefundDue sends back."""
    due = tx.row(storage.DUES, event.order_id)
    if due is None:
        return
    tx.change(storage.DUES, due, msgspec.structs.replace(due, state="closed"))
    for row in tx.all(storage.LIST_PAYMENTS, order_id=event.order_id):
        if row.state == "captured":
            give_back(tx, row, row.amount - row.refunded)


def when_refund_is_due_give_it_back(tx: Transaction, event: RefundDue, _caller: Caller) -> None:
    row = tx.row(storage.PAYMENTS, event.payment_id)
    if row is None:
        return
    give_back(tx, row, min(event.amount.amount, row.amount - row.refunded))
    refusal = NothingDue("the order was cancelled before the payment came; the money goes back")
    tx.answer(row.id, refusal.status, problem(refusal, tx.correlation))
