"""Routes of orders. Placing an order composes: the cart's version, what is left of its goods, the answer stored for a
repetition, the command."""

from typing import Any

import msgspec

from mercato.contracts.carts import GetCart, GetFilledCart
from mercato.contracts.inventory import FindShortages
from mercato.contracts.orders import (
    CancelOrder,
    CartChangedSince,
    GetOrder,
    ListOrders,
    Order,
    PaymentMethod,
    PlaceOrder,
)
from mercato.contracts.pricing import Quote, QuoteCart, QuoteExpired, SignedQuote, WantedLine
from mercato.runtime.access.sealed import Unsound
from mercato.runtime.answers import IdempotencyKey
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.runtime.http.routes import Options, asks, does, finished, key_of, read_body
from mercato.services.orders.commands import QUOTES
from mercato.services.orders.messages import RefuseSoldOut
from mercato.values.commerce import Address, quantities
from mercato.values.ids import OrderId
from mercato.values.messages import Buyer, Caller, KeyInFlight, Refusal


class PlaceOrderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`quote` is what `POST /v1/cart/quote` signed; `billing` is the destination when it is not given."""

    quote: SignedQuote
    payment_method: PaymentMethod = "test"
    billing: Address | None = None


class Placing(msgspec.Struct, frozen=True):
    """A request for an order that has been read; `quote` is None where it is not the caller's. `crowded`: others want
    the same goods at this moment."""

    body: PlaceOrderBody
    key: IdempotencyKey
    quote: Quote | None
    crowded: bool = False


_BODY = msgspec.json.Decoder(PlaceOrderBody)


async def place_order(edge: Edge, request: Request, caller: Caller) -> Reply:
    """Orders for the same goods are placed a few at a time. A quote that is not the caller's goes straight on: orders
    itself refuses it."""
    body: PlaceOrderBody = read_body(request, _BODY)
    key = key_of(request, caller, 201, required=True)
    assert key is not None, "key_of has refused a request without its key"
    quote = _quote_of(edge, body, caller)
    if quote is None:
        return await _place(edge, request, caller, Placing(body, key, None))
    goods = {f"{caller.store} {line.variant_id}" for line in quote.lines}
    crowded = edge.bulkheads.is_crowded(goods)
    async with edge.bulkheads.room(goods):
        return await _place(edge, request, caller, Placing(body, key, quote, crowded))


def _quote_of(edge: Edge, body: PlaceOrderBody, caller: Caller) -> Quote | None:
    """The caller's quote; None for somebody else's, or for a text that nobody here signed."""
    try:
        quote = QUOTES.unseal(edge.parts.keyring, body.quote)
    except Unsound:
        return None
    return quote if quote.buyer == caller.buyer and quote.store == caller.store else None


async def _place(edge: Edge, request: Request, caller: Caller, placing: Placing) -> Reply:
    body, key = placing.body, placing.key
    seconds = request.wait_seconds()
    refusal = await _cart_refusal(edge, placing.quote, caller) if placing.quote else None
    answer = await edge.calls.stored(PlaceOrder, caller.store, key, seconds) if refusal else None
    if answer is None:
        if refusal is not None:
            raise refusal
        order_id = OrderId(edge.ids.new("ord"))
        command = await _turned_away(edge, placing, caller) or PlaceOrder(
            order_id, body.quote, body.payment_method, body.billing
        )
        answer = await edge.calls.do_once(command, caller, key, seconds)
        if answer.body is None and answer.subject != order_id and not seconds:
            raise KeyInFlight
    reply = finished(answer)
    if reply.status in (201, 202):
        reply.headers = (*reply.headers, (b"location", f"/v1/orders/{answer.subject}".encode()))
    return reply


async def _cart_refusal(edge: Edge, quote: Quote, caller: Caller) -> Refusal | None:
    """Why this quote cannot be ordered as it is: it has expired, or its cart was changed since; with a new quote.

    Nothing is done and nothing is stored: the key may be used again. A repetition is answered from its key instead,
    also when its cart has gone on.
    """
    cart = await edge.calls.ask(GetFilledCart(), caller)
    if cart.version == quote.cart_version and quote.expires_at > edge.clock.now():
        return None
    if cart.locked_by and cart.version == quote.cart_version + 1:
        return None  # the lock was the next change: its version has an order, and orders itself says which
    kind = CartChangedSince if cart.version != quote.cart_version else QuoteExpired
    return kind(**await _requoted(edge, quote, caller))


async def _turned_away(edge: Edge, placing: Placing, caller: Caller) -> RefuseSoldOut | None:
    """What is left may change before the order holds it, so inventory decides. But in a crowd, who comes when nothing
    is left is refused for a small part of what an order costs that is placed and cancelled."""
    if placing.quote is None or not placing.crowded:
        return None
    shortages = await edge.calls.ask(FindShortages(quantities(placing.quote.lines)), caller)
    return RefuseSoldOut(shortages) if shortages else None


async def _requoted(edge: Edge, quote: Quote, caller: Caller) -> dict[str, Any]:
    cart = await edge.calls.ask(GetCart(), caller)
    lines = tuple(
        WantedLine(
            line.variant_id,
            line.product_id,
            line.seller,
            line.title,
            line.options,
            line.sku,
            line.quantity,
            line.current_price or line.unit_price,
        )
        for line in cart.lines
    )
    query = QuoteCart(cart.buyer, cart.id, cart.version, cart.currency, lines, quote.destination)
    try:
        return {"quoted": await edge.calls.ask(query, caller)}
    except Refusal:
        return {}  # the cart is empty or cannot be priced any more: there is no new quote to offer


ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/orders",
        place_order,
        "PlaceOrder",
        allow=Buyer,
        body=PlaceOrderBody,
        reply=Order,
        status=201,
        refusals=(*PlaceOrder.refusals, CartChangedSince),
        hot=True,
        limit="write",
        takes_key=True,
        description="Order what a quote says. Needs an Idempotency-Key; `Prefer: wait=N` waits for stock.",
    ),
    asks("GET", "/v1/orders", ListOrders),
    asks("GET", "/v1/orders/{order_id}", GetOrder, Options(hot=True)),
    does("POST", "/v1/orders/{order_id}/cancellation", CancelOrder),
)
