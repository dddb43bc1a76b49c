"""Messages that only the workers of payments send, and the bodies of their intents."""

import msgspec

from mercato.services.payments.domain import GatewayOutcome
from mercato.values.ids import OrderId, PaymentId, RefundId
from mercato.values.messages import Command, NotFound, Query, System
from mercato.values.money import Money


class Charge(msgspec.Struct, frozen=True):
    """Charge this payment. Its id is the key at the gateway: never another one, however often it is tried."""

    payment_id: PaymentId
    order_id: OrderId
    amount: Money
    source: str


class FollowUp(msgspec.Struct, frozen=True):
    """Ask the gateway how this charge ended, until it is known or `until` has passed.

    `step_known`: the shopper has been told of the further step already.
    """

    charge: Charge
    until: int
    step_known: bool = False


class GiveBack(msgspec.Struct, frozen=True):
    refund_id: RefundId
    payment_id: PaymentId
    charge: str
    amount: Money


class IsWanted(Query[bool], frozen=True):
    """Whether its order still waits for this payment."""

    allow = System
    payment_id: PaymentId
    order_id: OrderId


class RecordOutcome(Command[None], frozen=True):
    """What the gateway said of a payment's charge."""

    allow = System
    payment_id: PaymentId
    outcome: GatewayOutcome


class RecordRefund(Command[None], frozen=True):
    """A refund has gone through, or the gateway has refused it for good."""

    allow = System
    refund_id: RefundId
    done: bool


class DecideStep(Query[None], frozen=True):
    """At the test gateway: the shopper confirms the further step of a payment, or refuses it."""

    allow = System
    refusals = (NotFound,)
    payment_id: PaymentId
    approve: bool
