"""payments: what is due for an order, the attempts to pay it, captures and refunds."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mercato.values.ids import OrderId, PaymentId, RefundId
from mercato.values.messages import Buyer, BuyerOrStaff, Command, Event, NotFound, Query, Refusal, System
from mercato.values.money import Money
from mercato.values.page import Page

State = Literal["calling", "action_needed", "unknown", "captured", "failed"]
RefundState = Literal["calling", "refunded", "failed"]
Source = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]


class Payment(msgspec.Struct, frozen=True):
    """One attempt to pay an order. `action_url` is where the shopper must go when `state` is action_needed."""

    id: PaymentId
    order_id: OrderId
    amount: Money
    gateway: str
    state: State
    action_url: str
    failure: str
    refunded: int
    created_at: int
    version: int


class PaidOrder(msgspec.Struct, frozen=True):
    """What a payment has done to its order."""

    id: OrderId
    status: str


class PaymentAnswer(msgspec.Struct, frozen=True):
    """The answer to an attempt to pay: the payment, and its order as the payment leaves it."""

    payment: Payment
    order: PaidOrder


class Refund(msgspec.Struct, frozen=True):
    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    amount: Money
    state: RefundState
    created_at: int


class PaymentCaptured(Event, frozen=True):
    payment_id: PaymentId
    order_id: OrderId
    amount: Money


class PaymentFailed(Event, frozen=True):
    """The shopper may try again until the hold ends."""

    payment_id: PaymentId
    order_id: OrderId
    reason: str


class PaymentPending(Event, frozen=True):
    """The outcome takes longer than usual (a further step, or a gateway that does not answer)."""

    payment_id: PaymentId
    order_id: OrderId


class PaymentRefunded(Event, frozen=True):
    payment_id: PaymentId
    refund_id: RefundId
    order_id: OrderId
    amount: Money


class DueUnknown(Refusal):
    """Nothing is known of such an order here, or not yet: what orders tells may be on its way."""

    status, code = 404, "due_unknown"
    advice = "Nothing is due for this order, or it is not yours."
    passing = True


class AwaitDue(Query[bool], frozen=True):
    """Wait until it is known here what is due for an order; whether it is."""

    allow = Buyer
    order_id: OrderId
    seconds: float


class NothingDue(Refusal):
    status, code = 409, "nothing_due"
    advice = "The order is paid, cancelled or expired: look at its status."


class PaymentInProgress(Refusal):
    status, code = 409, "payment_in_progress"
    advice = "Another payment of this order is under way: wait for its outcome."


class PaymentDeclined(Refusal):
    status, code = 402, "payment_declined"
    advice = "Try again with another means of payment; the goods are held until the hold ends."


class GatewayUnavailable(Refusal):
    status, code = 503, "gateway_unavailable"
    advice = "The payment provider is out of order. Nothing was charged; pay after Retry-After, while the hold lasts."


class BadSignature(Refusal):
    status, code = 401, "bad_signature"
    advice = "The webhook is not signed with this store's secret, or too old."


class PayOrder(Command[PaymentAnswer], frozen=True):
    """Try to pay an order. `source` names what the gateway's page gave the shopper (never a card number)."""

    allow = Buyer
    refusals = (NotFound, NothingDue, PaymentInProgress, PaymentDeclined, GatewayUnavailable)
    payment_id: PaymentId
    order_id: OrderId
    source: Source


class CompleteAction(Command[PaymentAnswer], frozen=True):
    """The shopper came back from the further step: ask the gateway how it ended."""

    allow = Buyer
    refusals = (NotFound,)
    payment_id: PaymentId


class RecordNotice(Command[None], frozen=True):
    """A gateway told us something, its signature verified at the edge: take the outcome of the charge it names."""

    allow = System
    refusals = (NotFound,)
    gateway: str
    payment_id: PaymentId
    charge: str
    outcome: Literal["captured", "failed"]
    amount: Money
    failure: str = ""


class GetPayment(Query[Payment], frozen=True):
    allow = BuyerOrStaff
    refusals = (NotFound,)
    payment_id: PaymentId


class ListPayments(Query[tuple[Payment, ...]], frozen=True):
    """The payments of one order, oldest first."""

    allow = BuyerOrStaff
    order_id: OrderId


class ListRefunds(Query[Page[Refund]], frozen=True):
    """The caller's refunds, newest first; all of the store for staff."""

    allow = BuyerOrStaff
    cursor: str = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
