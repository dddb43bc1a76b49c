"""Routes of carts. Quoting composes: the cart from carts, its price from pricing."""

import msgspec

from mercato.contracts.carts import AddToCart, EmptyTheCart, GetCart, GetFilledCart, RemoveFromCart, SetQuantity
from mercato.contracts.pricing import QuoteCart, Quoted, WantedLine
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.runtime.http.routes import Options, asks, does, read_body
from mercato.values.commerce import Address
from mercato.values.ids import VariantId
from mercato.values.messages import Buyer, Caller


class QuoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the cart goes. `accepted_prices` are prices above those at adding that the shopper has seen and takes."""

    destination: Address
    accepted_prices: dict[VariantId, int] = {}


_DECODER = msgspec.json.Decoder(QuoteBody)


async def quote_cart(edge: Edge, request: Request, caller: Caller) -> Reply:
    body: QuoteBody = read_body(request, _DECODER)
    cart = await edge.calls.ask(GetFilledCart(), caller)
    lines = tuple(
        WantedLine(
            line.variant_id,
            line.product_id,
            line.seller,
            line.title,
            line.options,
            line.sku,
            line.quantity,
            max(line.unit_price, body.accepted_prices.get(line.variant_id, 0)),
        )
        for line in cart.lines
    )
    query = QuoteCart(cart.buyer, cart.id, cart.version, cart.currency, lines, body.destination)
    return Reply.of(await edge.calls.ask(query, caller))


_HOT = Options(hot=True)

ROUTES: tuple[Route, ...] = (
    does("POST", "/v1/cart/add", AddToCart, _HOT),
    does("POST", "/v1/cart/set", SetQuantity),
    does("POST", "/v1/cart/remove", RemoveFromCart),
    asks("GET", "/v1/cart", GetCart, _HOT),
    does("DELETE", "/v1/cart", EmptyTheCart),
    Route(
        "POST",
        "/v1/cart/quote",
        quote_cart,
        "QuoteCart",
        allow=Buyer,
        body=QuoteBody,
        reply=Quoted,
        refusals=QuoteCart.refusals,
        hot=True,
        limit="write",
        description="Price the cart for a destination; the signed answer is what an order is placed with.",
    ),
)
