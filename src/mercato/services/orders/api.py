"""Routes of orders. Placing an order composes: the cart's version, the answer stored for a repetition, the command."""

from typing import Any

import msgspec

from mercato.contracts.carts import GetCart, GetFilledCart
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
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.runtime.http.routes import Options, asks, does, finished, key_of, read_body
from mercato.services.orders.commands import QUOTES
from mercato.values.commerce import Address
from mercato.values.ids import OrderId
from mercato.values.messages import Buyer, Caller, KeyInFlight, Refusal


class PlaceOrderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`quote` is what `POST /v1/cart/quote` signed; `billing` is the destination when it is not given."""

    quote: SignedQuote
    payment_method: PaymentMethod = "test"
    billing: Address | None = None


_BODY = msgspec.json.Decoder(PlaceOrderBody)


async def place_order(edge: Edge, request: Request, caller: Caller) -> Reply:
    body: PlaceOrderBody = read_body(request, _BODY)
    key = key_of(request, caller, 201, required=True)
    assert key is not None, "key_of has refused a request without its key"
    seconds = request.wait_seconds()
    refusal = await _cart_refusal(edge, body, caller)
    answer = edge.calls.stored(PlaceOrder, caller.store, key) if refusal else None
    if answer is None:
        if refusal is not None:
            raise refusal
        order_id = OrderId(edge.ids.new("ord"))
        outcome = edge.calls.expect(caller.store, order_id, seconds) if seconds else None
        command = PlaceOrder(order_id, body.quote, body.payment_method, body.billing)
        answer = await edge.calls.do_once(command, caller, key)
        if answer.body is None and answer.subject == order_id and outcome is not None:
            answer, seconds = await outcome or answer, 0.0
        elif answer.body is None and answer.subject != order_id and not seconds:
            raise KeyInFlight
    reply = await finished(edge, PlaceOrder, caller, answer, seconds)
    if reply.status in (201, 202):
        reply.headers = (*reply.headers, (b"location", f"/v1/orders/{answer.subject}".encode()))
    return reply


async def _cart_refusal(edge: Edge, body: PlaceOrderBody, caller: Caller) -> Refusal | None:
    """Why this quote cannot be ordered as it is: it has expired, or its cart was changed since; with a new quote.

    A repetition is answered from its key instead, also when its cart has gone on. A text that nobody here signed goes
    on: orders itself refuses it.
    """
    try:
        quote = QUOTES.unseal(edge.parts.keyring, body.quote)
    except Unsound:
        return None
    if quote.buyer != caller.buyer or quote.store != caller.store:
        return None
    cart = await edge.calls.ask(GetFilledCart(), caller)
    if cart.version == quote.cart_version and quote.expires_at > edge.clock.now():
        return None
    if cart.locked_by and cart.version == quote.cart_version + 1:
        return None  # the lock was the next change: its version has an order, and orders itself says which
    kind = CartChangedSince if cart.version != quote.cart_version else QuoteExpired
    return kind(**await _requoted(edge, quote, caller))


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
