"""pricing: every price, the tax and the shipping rate of a store, and signed quotes."""

from typing import Annotated

import msgspec
from msgspec import Meta

from mercato.values.commerce import MAX_LINES, Address, OrderedLine, PricedVariant, Quantity
from mercato.values.ids import BuyerId, CartId, ProductId, StoreId, VariantId
from mercato.values.messages import Buyer, Command, Event, Query, Refusal, Staff, System
from mercato.values.money import Amount, Currency

QUOTE_LIFE = 15 * 60_000  # milliseconds for which a quoted price is honoured

SignedQuote = Annotated[str, Meta(max_length=200_000, description="version.key_id.payload.mac")]


class Quote(msgspec.Struct, frozen=True):
    """What a cart costs, delivered to `destination`, until `expires_at`.

    total = sum of line totals + shipping, and shipping_tax where prices do not include tax. `tax` is all the tax in
    or on top of the total, that of shipping included.
    """

    store: StoreId
    buyer: BuyerId
    cart_id: CartId
    cart_version: int
    currency: Currency
    lines: tuple[OrderedLine, ...]
    shipping: int
    shipping_tax: int
    tax: int
    tax_included: bool
    total: int
    destination: Address
    expires_at: int


class Quoted(msgspec.Struct, frozen=True):
    """A quote to read and the same one signed, to be sent back with the order."""

    quote: Quote
    signed: str


class WantedLine(msgspec.Struct, frozen=True):
    """A line to be quoted. `accepted_price` is the highest unit price that the shopper has seen."""

    variant_id: VariantId
    product_id: ProductId
    seller: str
    title: str
    options: str
    sku: str
    quantity: Quantity
    accepted_price: int


class Rates(msgspec.Struct, frozen=True):
    """`tax_millionths`: 190_000 is 19 %. `shipping` is a flat price an order, in minor units of `currency`."""

    currency: Currency
    tax_millionths: Annotated[int, Meta(ge=0, le=1_000_000)]
    tax_included: bool
    shipping: Amount


class PriceChanged(Event, frozen=True):
    """The price of a variant is now `amount`; None: it is no longer for sale in this currency."""

    variant_id: VariantId
    product_id: ProductId
    currency: str
    amount: int | None
    compare_at: int | None


class RatesChanged(Event, frozen=True):
    rates: Rates


class EmptyCart(Refusal):
    status, code = 409, "cart_empty"
    advice = "Add something to the cart first."


class NotForSale(Refusal):
    status, code = 409, "not_for_sale"
    advice = "Take the named variants out of the cart: they have no price in its currency any more."


class PriceRose(Refusal):
    status, code = 409, "price_rose"
    advice = "Show the new prices, and repeat with them in `accepted_prices` if the shopper agrees."


class QuoteTampered(Refusal):
    status, code = 422, "quote_invalid"
    advice = "Send the quote exactly as POST /v1/cart/quote answered it."


class QuoteExpired(Refusal):
    status, code = 409, "quote_expired"
    advice = "Confirm the new quote, then order with it."


class QuoteNotYours(Refusal):
    status, code = 409, "quote_not_yours"
    advice = "A quote is for one buyer of one store: ask for one of your own."


class SetPrices(Command[None], frozen=True):
    """Give prices to variants of one product, in one currency. Variants not named keep theirs."""

    allow = Staff
    product_id: ProductId
    currency: Currency
    prices: Annotated[tuple[PricedVariant, ...], Meta(min_length=1, max_length=2_000)]


class SetRates(Command[Rates], frozen=True):
    allow = Staff
    rates: Rates


class TellPricesAgain(Command[None], frozen=True):
    """Tell again the prices of these variants, for who comes later than what was told of them."""

    allow = System
    variant_ids: tuple[VariantId, ...]


class QuoteCart(Query[Quoted], frozen=True):
    """Price these lines for this destination, and sign the answer for `buyer`."""

    allow = Buyer
    refusals = (EmptyCart, NotForSale, PriceRose)
    buyer: BuyerId
    cart_id: CartId
    cart_version: int
    currency: Currency
    lines: Annotated[tuple[WantedLine, ...], Meta(max_length=MAX_LINES)]
    destination: Address


class GetPrices(Query[tuple[PricedVariant, ...]], frozen=True):
    allow = Staff
    currency: Currency
    variant_ids: Annotated[tuple[VariantId, ...], Meta(max_length=500)]
