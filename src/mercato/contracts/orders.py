"""orders: orders and the checkout story that makes them. Data flows in as a signed quote, news flows out as events."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mercato.contracts.pricing import QuoteExpired, QuoteNotYours, QuoteTampered, SignedQuote
from mercato.values.commerce import Address, OrderedLine, Shortage
from mercato.values.ids import BuyerId, CartId, OrderId, PaymentId
from mercato.values.messages import Buyer, BuyerOrStaff, Command, Event, NotFound, Query, Refusal
from mercato.values.money import Money
from mercato.values.page import Page

PaymentMethod = Literal["test"]
Status = Literal["pending", "paid", "cancelled"]
Stage = Literal["placed", "payment_due", "paid", "cancelled"]
CancelReason = Literal["sold_out", "expired", "by_shopper", "by_staff"]


class Order(msgspec.Struct, frozen=True):
    """An order as its shopper sees it. Amounts in minor units of `currency`; times in ms since the epoch, UTC.

    `status` is the one word for shoppers; `stage` tells how far the checkout is; `refunded` what has gone back.
    `hold_expires_at` is when an unpaid order gives its goods back. `version` rises with each transition.
    """

    id: OrderId
    buyer: BuyerId
    status: Status
    stage: Stage
    version: int
    currency: str
    lines: tuple[OrderedLine, ...]
    shipping: int
    shipping_tax: int
    tax: int
    tax_included: bool
    total: int
    captured: int
    refunded: int
    destination: Address
    billing: Address
    payment_method: PaymentMethod
    placed_at: int
    hold_expires_at: int
    cancel_reason: str
    shortages: tuple[Shortage, ...] = ()


class OrderSummary(msgspec.Struct, frozen=True):
    id: OrderId
    status: Status
    currency: str
    total: int
    pieces: int
    placed_at: int


class OrderPlaced(Event, frozen=True):
    """An order waits for the answers of those whose goods it needs."""

    order_id: OrderId
    buyer: BuyerId
    cart_id: CartId
    cart_version: int
    currency: str
    lines: tuple[OrderedLine, ...]
    total: Money
    hold_expires_at: int


class PaymentDue(Event, frozen=True):
    """Everything is reserved: the order may be paid until `expires_at`."""

    order_id: OrderId
    buyer: BuyerId
    amount: Money
    method: PaymentMethod
    expires_at: int


class HoldExtended(Event, frozen=True):
    """A payment is open: the hold lasts until `expires_at` now, once."""

    order_id: OrderId
    expires_at: int


class OrderConfirmed(Event, frozen=True):
    """The payment method's condition is met: what was reserved is sold, and the cart is done."""

    order_id: OrderId
    buyer: BuyerId
    cart_id: CartId


class OrderPaid(Event, frozen=True):
    """Captured payments cover the total."""

    order_id: OrderId
    buyer: BuyerId
    total: Money


class OrderCancelled(Event, frozen=True):
    """The order is off. Holds are released, sold goods return, its cart reopens."""

    order_id: OrderId
    buyer: BuyerId
    cart_id: CartId
    reason: CancelReason
    lines: tuple[OrderedLine, ...]


class RefundDue(Event, frozen=True):
    """This payment of a cancelled order must go back."""

    order_id: OrderId
    payment_id: PaymentId
    amount: Money


class SoldOut(Refusal):
    status, code = 409, "sold_out"
    advice = "Lower the quantities named in `shortages` or take the lines out, then ask for a new quote."


class CartAlreadyOrdered(Refusal):
    status, code = 409, "cart_already_ordered"
    advice = "This version of the cart has an order already: see `order_id`."


class CartChangedSince(Refusal):
    status, code = 409, "cart_changed"
    advice = "The cart was changed after the quote: confirm the new quote, then order with it."


class CannotCancel(Refusal):
    status, code = 409, "cannot_cancel"
    advice = "The order is cancelled already or too far on its way."


class PlaceOrder(Command[Order], frozen=True):
    """Order what a quote says, at its price. `order_id` is made by the edge, never taken from a body."""

    allow = Buyer
    refusals = (QuoteTampered, QuoteExpired, QuoteNotYours, CartAlreadyOrdered, SoldOut)
    order_id: OrderId
    quote: SignedQuote
    payment_method: PaymentMethod = "test"
    billing: Address | None = None


class CancelOrder(Command[Order], frozen=True):
    """Cancel an own order (any of the store for staff). What was paid goes back."""

    allow = BuyerOrStaff
    refusals = (NotFound, CannotCancel)
    order_id: OrderId


class GetOrder(Query[Order], frozen=True):
    """An own order, or any of the store for staff."""

    allow = BuyerOrStaff
    refusals = (NotFound,)
    order_id: OrderId


class ListOrders(Query[Page[OrderSummary]], frozen=True):
    """The caller's orders, newest first."""

    allow = Buyer
    cursor: str = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class AwaitOutcome(Query[Order], frozen=True):
    """Wait for the next thing the shopper must know: a version above `after_version` that is payment due, paid or
    cancelled. Answers with the order as it is then, or as it is after `seconds`."""

    allow = Buyer
    refusals = (NotFound,)
    order_id: OrderId
    after_version: int = 0
    seconds: Annotated[float, Meta(ge=0, le=30)] = 10.0
