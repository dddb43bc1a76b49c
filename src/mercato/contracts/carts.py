"""carts: one cart a buyer, kept as a document, with the prices that the shopper saw when adding."""

from typing import Annotated

import msgspec
from msgspec import Meta

from mercato.values.commerce import MAX_LINES, MAX_QUANTITY, Quantity
from mercato.values.ids import BuyerId, CartId, ProductId, VariantId
from mercato.values.messages import Buyer, Command, Event, NotFound, Query, Refusal, System


class CartLine(msgspec.Struct, frozen=True):
    """A line of the cart; amounts in minor units of the cart's currency.

    `unit_price` is the price when it was added; `current_price` the price now, None when it is no longer sold.
    """

    variant_id: VariantId
    product_id: ProductId
    seller: str
    title: str
    options: str
    sku: str
    handle: str
    image: str
    quantity: int
    unit_price: int
    current_price: int | None


class Cart(msgspec.Struct, frozen=True):
    """A buyer's cart. `locked_by` is the order that waits for its payment: until then the cart cannot be changed.

    `subtotal` is what the lines cost at current prices. An empty cart has currency "".
    """

    id: CartId
    buyer: BuyerId
    version: int
    currency: str
    lines: tuple[CartLine, ...]
    subtotal: int
    changed_prices: tuple[VariantId, ...]
    locked_by: str


class FilledLine(msgspec.Struct, frozen=True):
    """A line as it was added, without today's price."""

    variant_id: VariantId
    product_id: ProductId
    seller: str
    title: str
    options: str
    sku: str
    quantity: int
    unit_price: int


class FilledCart(msgspec.Struct, frozen=True):
    """A cart as its shopper filled it: what a quote and an order begin from."""

    id: CartId
    buyer: BuyerId
    version: int
    currency: str
    lines: tuple[FilledLine, ...]
    locked_by: str


class CartChanged(Event, frozen=True):
    cart_id: CartId
    lines: int


class UnknownVariant(Refusal):
    status, code = 404, "unknown_variant"
    advice = "This variant is not sold here (any more): choose another one."


class OtherCurrency(Refusal):
    status, code = 409, "other_currency"
    advice = "A cart has one currency, fixed by its first line: order or empty it first."


class CartLocked(Refusal):
    status, code = 409, "cart_locked"
    advice = "An order of this cart waits for its payment: pay or cancel it first."


class CartFull(Refusal):
    status, code = 422, "cart_full"
    advice = f"A cart holds at most {MAX_LINES} lines of {MAX_QUANTITY} pieces each."


class AddToCart(Command[Cart], frozen=True):
    allow = Buyer
    refusals = (UnknownVariant, OtherCurrency, CartLocked, CartFull)
    variant_id: VariantId
    quantity: Quantity = 1


class SetQuantity(Command[Cart], frozen=True):
    """Give a line of the cart another quantity; 0 removes it."""

    allow = Buyer
    refusals = (UnknownVariant, CartLocked)
    variant_id: VariantId
    quantity: Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]


class RemoveFromCart(Command[Cart], frozen=True):
    """Take a line out, whatever its quantity. Nothing happens when it is not there."""

    allow = Buyer
    refusals = (CartLocked,)
    variant_id: VariantId


class EmptyTheCart(Command[Cart], frozen=True):
    allow = Buyer
    refusals = (CartLocked,)


class MergeCart(Command[Cart], frozen=True):
    """At log-in: the guest's lines join those of the user's cart, and the guest's cart is empty afterwards."""

    allow = System
    refusals = (CartLocked,)
    guest: BuyerId
    user: BuyerId


class GetFilledCart(Query[FilledCart], frozen=True):
    """The caller's own cart without today's prices: cheaper, for who asks pricing anyway."""

    allow = Buyer


class GetCart(Query[Cart], frozen=True):
    """The caller's own cart; an empty one if nothing was added yet."""

    allow = Buyer
    refusals = (NotFound,)
