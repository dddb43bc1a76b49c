"""The states of a payment and what follows from a gateway's answer: pure."""

from typing import Literal

import msgspec

from mercato.contracts.payments import PaidOrder, Payment, PaymentAnswer, State
from mercato.values.ids import OrderId, PaymentId
from mercato.values.money import Money

Result = Literal["captured", "failed", "action_needed", "unknown"]

# From each state, those that a gateway's answer may lead to. A charge once captured or failed stays so (I7).
TRANSITIONS: dict[str, tuple[Result, ...]] = {
    "calling": ("captured", "failed", "action_needed", "unknown"),
    "unknown": ("captured", "failed", "action_needed"),
    "action_needed": ("captured", "failed", "unknown"),
    "captured": (),
    "failed": ("captured",),  # the gateway is right: a charge that we took for failed was captured after all
}


class GatewayOutcome(msgspec.Struct, frozen=True):
    """What a gateway says of one charge. `charge` is its name for it; `amount` what it captured."""

    result: Result
    charge: str = ""
    amount: Money | None = None
    action_url: str = ""
    failure: str = ""


class PaymentRow(msgspec.Struct, frozen=True):
    """A payment as it is stored."""

    id: PaymentId
    order_id: OrderId
    buyer: str
    amount: int
    currency: str
    gateway: str
    source: str
    state: State
    charge: str
    action_url: str
    failure: str
    refunded: int
    created_at: int
    version: int


def payment_of(row: PaymentRow) -> Payment:
    return Payment(
        row.id,
        row.order_id,
        Money(row.amount, row.currency),
        row.gateway,
        row.state,
        row.action_url,
        row.failure,
        row.refunded,
        row.created_at,
        row.version,
    )


def answer_of(row: PaymentRow, order_status: str) -> PaymentAnswer:
    return PaymentAnswer(payment_of(row), PaidOrder(row.order_id, order_status))
