"""What may be changed in payments."""

import msgspec

from mercato.contracts.payments import (
    CompleteAction,
    DueUnknown,
    NothingDue,
    PaymentAnswer,
    PaymentCaptured,
    PaymentDeclined,
    PaymentFailed,
    PaymentInProgress,
    PaymentPending,
    PaymentRefunded,
    PayOrder,
    RecordNotice,
)
from mercato.runtime.answers import problem
from mercato.runtime.reader import Reader
from mercato.runtime.service import Names
from mercato.runtime.transaction import Transaction, encode
from mercato.services.payments import storage
from mercato.services.payments.domain import (
    TRANSITIONS,
    GatewayOutcome,
    PaymentRow,
    answer_of,
)
from mercato.services.payments.messages import Charge, FollowUp, GiveBack, RecordOutcome, RecordRefund
from mercato.values.clock import DAY, HOUR
from mercato.values.ids import OrderId, PaymentId, RefundId
from mercato.values.messages import Caller, NotFound
from mercato.values.money import Money

GATEWAY = "test"
FIRST_LOOK = 2_000  # milliseconds until the first question about a charge whose outcome is open
FOLLOW_FOR = 3 * DAY
STEP_LIFE = HOUR  # for which a shopper may take the further step


def pay_order(tx: Transaction, command: PayOrder, caller: Caller) -> PaymentAnswer:
    """Begin a charge. The intent is committed before the gateway hears of it (F4)."""
    due = tx.row(storage.DUES, command.order_id)
    if due is None or not (caller.is_staff or due.buyer == caller.buyer):
        # Where all services share a process, payments hears of an order before its shopper does.
        raise NotFound("nothing is due for this order, or it is not yours") if tx.memory is not None else DueUnknown
    if due.state == "paying":
        raise PaymentInProgress(payment_id=due.payment_id)
    if due.state != "open" or due.expires_at <= tx.now:
        raise NothingDue
    payment_id = command.payment_id
    tx.change(storage.DUES, due, msgspec.structs.replace(due, state="paying", payment_id=payment_id))
    row = PaymentRow(
        id=payment_id,
        order_id=OrderId(due.order_id),
        buyer=due.buyer,
        amount=due.amount,
        currency=due.currency,
        gateway=GATEWAY,
        source=command.source,
        state="calling",
        charge="",
        action_url="",
        failure="",
        refunded=0,
        created_at=tx.now,
        version=1,
    )
    tx.add_first(storage.PAYMENTS, row)
    tx.start("charge", payment_id, _charge_of(row))
    return answer_of(row, "pending")


def complete_action(tx: Transaction, command: CompleteAction, caller: Caller) -> PaymentAnswer:
    row = tx.row(storage.PAYMENTS, command.payment_id)
    if row is None or not (caller.is_staff or row.buyer == caller.buyer):
        raise NotFound
    if row.state in ("action_needed", "unknown"):
        _follow_up(tx, row)
    return answer_of(row, "paid" if row.state == "captured" else "pending")


def record_outcome(tx: Transaction, command: RecordOutcome, _caller: Caller) -> None:
    row = tx.row(storage.PAYMENTS, command.payment_id)
    if row is None:
        raise NotFound
    settle(tx, row, command.outcome)


def record_notice(tx: Transaction, command: RecordNotice, _caller: Caller) -> None:
    """A gateway's notice: before, after or instead of its answer, once or many times, the effect is one (F10)."""
    row = tx.row(storage.PAYMENTS, command.payment_id)
    if row is None or row.gateway != command.gateway:
        raise NotFound("no payment of this store has this charge")
    outcome = GatewayOutcome(command.outcome, command.charge, command.amount, "", command.failure)
    settle(tx, row, outcome)


def due_of_payment(reader: Reader, command: RecordOutcome | RecordNotice, _caller: Caller) -> Names:
    row = reader.row(storage.PAYMENTS, command.payment_id)
    return ((storage.DUES, (row.order_id,)),) if row is not None else ()


def settle(tx: Transaction, row: PaymentRow, outcome: GatewayOutcome) -> None:
    """Take a gateway's word for a charge. What cannot follow the payment's state has been heard before."""
    if outcome.result not in TRANSITIONS[row.state]:
        return
    if outcome.result == "captured" and outcome.amount != Money(row.amount, row.currency):
        # Not the amount that was asked for (S30): the payment stays open, for a person to look at.
        outcome = GatewayOutcome("unknown", outcome.charge, None, "", "the gateway captured another amount")
        if row.state == "unknown":
            return
    after = msgspec.structs.replace(
        row,
        state=outcome.result,
        charge=outcome.charge or row.charge,
        action_url=outcome.action_url,
        failure=outcome.failure,
        version=row.version + 1,
    )
    tx.change(storage.PAYMENTS, row, after)
    if after.state == "captured":
        _take_due(tx, after)
        tx.emit(PaymentCaptured(after.id, after.order_id, Money(after.amount, after.currency)), after.id, after.version)
    elif after.state == "failed":
        _fail(tx, after)
    else:
        _keep_open(tx, after)


def record_refund(tx: Transaction, command: RecordRefund, _caller: Caller) -> None:
    row = tx.one(storage.FIND_REFUND, id=command.refund_id)
    if row is None:
        raise NotFound
    state = "refunded" if command.done else "failed"
    if tx.run(storage.SET_REFUND, id=row.id, new_state=state) and command.done:
        event = PaymentRefunded(
            PaymentId(row.payment_id), RefundId(row.id), OrderId(row.order_id), Money(row.amount, row.currency)
        )
        payment = tx.row(storage.PAYMENTS, row.payment_id)
        assert payment is not None, "a refund is of a payment"
        after = msgspec.structs.replace(payment, version=payment.version + 1)
        tx.change(storage.PAYMENTS, payment, after)
        tx.emit(event, after.id, after.version)  # of the payment: so it is heard after its capture


def give_back(tx: Transaction, row: PaymentRow, part: int) -> None:
    """Refund so much of a captured payment, never more than is left of it (I7). Nothing left: nothing happens."""
    if part <= 0 or row.state != "captured" or row.refunded + part > row.amount:
        return
    after = msgspec.structs.replace(row, refunded=row.refunded + part, version=row.version + 1)
    tx.change(storage.PAYMENTS, row, after)
    refund_id = RefundId(tx.new_id("ref"))
    tx.defer(
        storage.ADD_REFUND,
        id=refund_id,
        payment_id=row.id,
        order_id=row.order_id,
        buyer=row.buyer,
        amount=part,
        currency=row.currency,
        state="calling",
        created_at=tx.now,
    )
    tx.start("refund", refund_id, GiveBack(refund_id, row.id, row.charge, Money(part, row.currency)))


def _take_due(tx: Transaction, row: PaymentRow) -> None:
    """A charge that had failed was captured after all: nobody may pay again before its order knows."""
    due = tx.row(storage.DUES, row.order_id)
    if due is not None and due.state == "open":
        tx.change(storage.DUES, due, msgspec.structs.replace(due, state="paying", payment_id=row.id))


def _fail(tx: Transaction, row: PaymentRow) -> None:
    """The shopper may try again: the due is open once more, if it still waits for this payment."""
    due = tx.row(storage.DUES, row.order_id)
    if due is not None and due.payment_id == row.id and due.state == "paying":
        tx.change(storage.DUES, due, msgspec.structs.replace(due, state="open", payment_id=""))
    tx.emit(PaymentFailed(row.id, row.order_id, row.failure), row.id, row.version)
    refusal = PaymentDeclined(row.failure, payment_id=row.id, order_id=row.order_id)
    tx.answer(row.id, refusal.status, problem(refusal, tx.correlation))


def _charge_of(row: PaymentRow) -> Charge:
    return Charge(row.id, row.order_id, Money(row.amount, row.currency), row.source)


def _follow_up(tx: Transaction, row: PaymentRow, after: int = 0) -> None:
    step_known = row.state == "action_needed"
    until = tx.now + (STEP_LIFE if step_known else FOLLOW_FOR)
    tx.start("follow_up", row.id, FollowUp(_charge_of(row), until, step_known), after)


def _keep_open(tx: Transaction, row: PaymentRow) -> None:
    """The outcome is open: the hold is extended, and the gateway is asked by our key until it is known."""
    tx.emit(PaymentPending(row.id, row.order_id), row.id, row.version)
    _follow_up(tx, row, after=FIRST_LOOK)
    if row.state == "action_needed":
        tx.answer(row.id, 201, encode(answer_of(row, "pending")))
