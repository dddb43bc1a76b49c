"""The life of an order: stages and the moves between them, each with its event. Pure."""

import msgspec

from mercato.contracts.orders import Order, PaymentMethod, Stage, Status
from mercato.values.clock import MINUTE
from mercato.values.commerce import Address, OrderedLine, Shortage
from mercato.values.ids import BuyerId, CartId, OrderId

HOLD = 15 * MINUTE  # for which an unpaid order keeps its goods
EXTENDED_HOLD = 30 * MINUTE  # from the same moment, once a payment is open

# From each stage, the events that may come next and the stage that they lead to.
TRANSITIONS: dict[str, dict[str, str]] = {
    "": {"OrderPlaced": "placed"},
    "placed": {"PaymentDue": "payment_due", "OrderCancelled": "cancelled"},
    "payment_due": {"OrderConfirmed": "confirmed", "HoldExtended": "payment_due", "OrderCancelled": "cancelled"},
    "confirmed": {"OrderPaid": "paid"},
    "paid": {"OrderCancelled": "cancelled", "RefundDue": "paid"},
    "cancelled": {"RefundDue": "cancelled"},
}

STATUS: dict[str, Status] = {
    "placed": "pending",
    "payment_due": "pending",
    "confirmed": "pending",
    "paid": "paid",
    "cancelled": "cancelled",
}


class IllegalTransition(Exception):
    """An event that cannot follow the stage that the order is in: a fault of ours, never a shopper's."""


def next_stage(stage: str, event: str) -> str:
    """Where `event` leads from `stage`. Raises IllegalTransition for a move that is not in the table (I15)."""
    try:
        return TRANSITIONS[stage][event]
    except KeyError:
        raise IllegalTransition(f"{event} cannot follow the stage {stage or 'nothing'}") from None


class OrderBody(msgspec.Struct, frozen=True):
    """What of an order never changes."""

    lines: tuple[OrderedLine, ...]
    shipping: int
    shipping_tax: int
    tax: int
    tax_included: bool
    destination: Address
    billing: Address


class OrderState(msgspec.Struct, frozen=True):
    """An order as it is stored. `expires_at` None: nothing to give back any more."""

    id: OrderId
    buyer: BuyerId
    stage: Stage
    version: int
    cart_id: CartId
    cart_version: int
    currency: str
    total: int
    captured: int
    refunded: int
    payment_method: PaymentMethod
    placed_at: int
    hold_expires_at: int
    expires_at: int | None
    cancel_reason: str
    shortages: str


_BODY = msgspec.json.Decoder(OrderBody)
_SHORTAGES = msgspec.json.Decoder(tuple[Shortage, ...])


def read_body(text: str) -> OrderBody:
    return _BODY.decode(text)


def order_of(state: OrderState, body: OrderBody) -> Order:
    """The order as its shopper sees it."""
    return Order(
        id=state.id,
        buyer=state.buyer,
        status=STATUS[state.stage],
        stage=state.stage,
        version=state.version,
        currency=state.currency,
        lines=body.lines,
        shipping=body.shipping,
        shipping_tax=body.shipping_tax,
        tax=body.tax,
        tax_included=body.tax_included,
        total=state.total,
        captured=state.captured,
        refunded=state.refunded,
        destination=body.destination,
        billing=body.billing,
        payment_method=state.payment_method,
        placed_at=state.placed_at,
        hold_expires_at=state.hold_expires_at,
        cancel_reason=state.cancel_reason,
        shortages=_SHORTAGES.decode(state.shortages) if state.shortages else (),
    )
