"""The checkout: addresses, then the order as it would be, then the order.

Between the pages everything travels in the forms: what was typed in its own fields, prices in a signed quote. Sending
a form of the first steps again changes nothing; the last one has a key.
"""

import msgspec

from mercato.contracts.carts import Cart, GetCart
from mercato.contracts.orders import (
    CartAlreadyOrdered,
    CartChangedSince,
    GetOrder,
    ListOrders,
    Order,
    SoldOut,
)
from mercato.contracts.pricing import (
    EmptyCart,
    NotForSale,
    PriceRose,
    QuoteCart,
    Quoted,
    QuoteExpired,
    QuoteNotYours,
    QuoteTampered,
    WantedLine,
)
from mercato.contracts.users import GetUser
from mercato.frontends.storefront import texts
from mercato.frontends.storefront.addresses import (
    DELIVERY,
    FIELDS,
    Addresses,
    address_values,
    fill_addresses,
    read_addresses,
)
from mercato.frontends.storefront.cart_pages import NO_ORDER, settled_cart, shown_lines
from mercato.frontends.storefront.forms import Form, new_key, sent_form, sent_key
from mercato.frontends.storefront.visit import Sent, Visit
from mercato.runtime.http.exchange import Reply
from mercato.values.commerce import MAX_LINES
from mercato.values.ids import UserId, VariantId
from mercato.values.messages import Conflict, Invalid, KeyReused, Refusal

WAIT = 5  # seconds for which a shopper waits for the answer of the stock before seeing a page that waits
ACCEPTED = 202
CONFLICT = 409
INVALID = 422

_SEEN = msgspec.json.Decoder(dict[VariantId, int])


class _Problem(msgspec.Struct):
    """What a page needs to know of a stored refusal."""

    code: str = ""
    order_id: str = ""


async def checkout(visit: Visit) -> Reply:
    """The form for addresses, filled with those of the last order."""
    form = Form()
    delivery, billing = None, None
    last = await visit.ask(ListOrders(limit=1))
    if last.items:
        order = await visit.ask(GetOrder(last.items[0].id))
        delivery, billing = order.destination, order.billing
    elif visit.signed_in:
        account = await visit.ask(GetUser(UserId(visit.caller.buyer)))
        form.values[DELIVERY + "name"] = account.name
    fill_addresses(form, delivery, billing)
    return await _address_page(visit, form)


async def change_addresses(visit: Visit) -> Reply:
    """Back from the preview: the same form with the same values."""
    return await _address_page(visit, sent_form(visit))


async def preview(visit: Visit) -> Reply:
    form = sent_form(visit)
    addresses = read_addresses(form, _codes(visit))
    if addresses is None:
        return await _address_page(visit, form, INVALID)
    return await _preview(visit, form, addresses, _seen_prices(form))


async def place(visit: Visit) -> Reply:
    """Order what the quote says, once for the form's key, and wait a little for the stock: as the API does it, in the
    same line where many want the same goods."""
    form = sent_form(visit)
    addresses = read_addresses(form, _codes(visit))
    if addresses is None:
        return await _address_page(visit, form, INVALID)
    body = {"quote": form.text("quote"), "billing": addresses.billing}
    try:
        placed = await visit.compose("PlaceOrder", Sent(body, key=sent_key(form), wait=WAIT))
    except (QuoteExpired, CartChangedSince, KeyReused, Invalid) as refusal:
        return await _preview_again(visit, form, addresses, refusal)
    return await _after_placing(visit, form, addresses, placed)


async def _after_placing(visit: Visit, form: Form, addresses: Addresses, placed: Reply) -> Reply:
    if placed.status == ACCEPTED:
        order_id = dict(placed.headers)[b"location"].decode().rpartition("/")[2]
        return visit.go(f"/orders/{order_id}/waiting")
    if placed.status < 400:  # noqa: PLR2004 - the first status of refusals
        return visit.go(f"/orders/{msgspec.json.decode(placed.body, type=Order).id}/payment")
    problem = msgspec.json.decode(placed.body, type=_Problem)
    if problem.code == SoldOut.code:
        return visit.go("/cart", order=problem.order_id or NO_ORDER)
    if problem.code == CartAlreadyOrdered.code:
        return visit.go(f"/orders/{problem.order_id}")
    refusal = Refusal.by_code.get(problem.code, Conflict)
    if issubclass(refusal, (QuoteExpired, QuoteTampered, QuoteNotYours)):
        return await _preview_again(visit, form, addresses, refusal())
    raise refusal


async def _preview_again(visit: Visit, form: Form, addresses: Addresses, refusal: Refusal) -> Reply:
    """The order as it would be now, with the reason why the shopper has to look again."""
    reasons = {QuoteExpired: texts.QUOTE_EXPIRED, CartChangedSince: texts.CART_CHANGED_SINCE}
    form.problem = reasons.get(type(refusal), texts.QUOTE_INVALID)
    found = await visit.ask(GetCart())
    return await _preview(visit, form, addresses, _prices_of(found), CONFLICT)


async def _preview(
    visit: Visit, form: Form, addresses: Addresses, seen: dict[VariantId, int], status: int = 200
) -> Reply:
    """The order as it would be. A price that is higher than any that was seen leads back to the form, with it."""
    found = await visit.ask(GetCart())
    if not found.lines or found.locked_by:
        return visit.go("/cart", notice="cart_locked" if found.locked_by else "")
    try:
        quoted = await _quote(visit, found, addresses, seen)
    except PriceRose:
        form.problem = texts.PRICES_ROSE
        return await _address_page(visit, form, CONFLICT)
    except NotForSale:
        return visit.go("/cart", notice="not_for_sale")
    except EmptyCart:
        return visit.go("/cart")
    return await visit.show(
        "preview.html",
        status,
        form=form,
        quote=quoted.quote,
        signed=quoted.signed,
        images={line.variant_id: line.image for line in found.lines},
        delivery=addresses.delivery,
        billing=addresses.billing or addresses.delivery,
        carried=address_values(form),
        key=new_key(visit),
    )


async def _quote(visit: Visit, found: Cart, addresses: Addresses, seen: dict[VariantId, int]) -> Quoted:
    lines = tuple(
        WantedLine(
            line.variant_id,
            line.product_id,
            line.seller,
            line.title,
            line.options,
            line.sku,
            line.quantity,
            max(line.unit_price, seen.get(line.variant_id, 0)),
        )
        for line in found.lines
    )
    query = QuoteCart(found.buyer, found.id, found.version, found.currency, lines, addresses.delivery)
    return await visit.ask(query)


async def _address_page(visit: Visit, form: Form, status: int = 200) -> Reply:
    found = await settled_cart(visit)
    if not found.lines or found.locked_by:
        return visit.go("/cart", notice="cart_locked" if found.locked_by else "")
    return await visit.show(
        "checkout.html",
        status,
        form=form,
        cart=found,
        lines=shown_lines(found),
        countries=visit.site.formats.countries(),
        fields=FIELDS,
        seen=msgspec.json.encode(_prices_of(found)).decode(),
    )


def _codes(visit: Visit) -> set[str]:
    return {code for code, _ in visit.site.formats.countries()}


def _prices_of(found: Cart) -> dict[VariantId, int]:
    return {line.variant_id: line.current_price for line in found.lines if line.current_price is not None}


def _seen_prices(form: Form) -> dict[VariantId, int]:
    """The prices that the form's page has shown. They only say what the shopper agrees to, never what is charged."""
    try:
        seen = _SEEN.decode(form.text("seen"))
    except msgspec.DecodeError:
        return {}
    return seen if len(seen) <= MAX_LINES else {}
