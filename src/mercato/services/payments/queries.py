"""What may be asked of payments."""

from mercato.contracts.payments import AwaitDue, GetPayment, ListPayments, ListRefunds, Payment, Refund
from mercato.runtime.reader import Reader
from mercato.services.payments import storage
from mercato.services.payments.domain import payment_of
from mercato.services.payments.messages import IsWanted
from mercato.values.ids import OrderId, PaymentId, RefundId
from mercato.values.messages import Caller, NotFound
from mercato.values.money import Money
from mercato.values.page import Page, from_cursor, to_cursor


def get_payment(reader: Reader, query: GetPayment, caller: Caller) -> Payment:
    row = reader.row(storage.PAYMENTS, query.payment_id)
    if row is None or not (caller.is_staff or row.buyer == caller.buyer):
        raise NotFound
    return payment_of(row)


def is_wanted(reader: Reader, query: IsWanted, _caller: Caller) -> bool:
    due = reader.row(storage.DUES, query.order_id)
    return due is not None and (due.state, due.payment_id) == ("paying", query.payment_id)


def is_due_known(reader: Reader, query: AwaitDue, _caller: Caller) -> bool:
    return reader.row(storage.DUES, query.order_id) is not None


def list_payments(reader: Reader, query: ListPayments, caller: Caller) -> tuple[Payment, ...]:
    rows = reader.all(storage.LIST_PAYMENTS, order_id=query.order_id)
    return tuple(payment_of(row) for row in rows if caller.is_staff or row.buyer == caller.buyer)


def list_refunds(reader: Reader, query: ListRefunds, caller: Caller) -> Page[Refund]:
    before = from_cursor(query.cursor, tuple[str])[0] if query.cursor else ""
    buyer = "" if caller.is_staff else caller.buyer
    rows = reader.all(storage.LIST_REFUNDS, buyer=buyer, before=before, limit_=query.limit + 1)
    shown = rows[: query.limit]
    refunds = tuple(
        Refund(
            RefundId(row.id),
            PaymentId(row.payment_id),
            OrderId(row.order_id),
            Money(row.amount, row.currency),
            row.state,
            row.created_at,
        )
        for row in shown
    )
    return Page(refunds, to_cursor(shown[-1].id) if len(rows) > query.limit else None)
