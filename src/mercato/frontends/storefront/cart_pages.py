"""The cart: what is in it, and everything that changes it."""

import asyncio
from collections.abc import Iterable
from urllib.parse import quote, urlencode

import msgspec

from mercato.contracts.carts import (
    AddToCart,
    Cart,
    CartFull,
    CartLine,
    CartLocked,
    EmptyTheCart,
    GetCart,
    OtherCurrency,
    RemoveFromCart,
    SetQuantity,
    UnknownVariant,
)
from mercato.contracts.catalog import GetProduct, Variant
from mercato.contracts.inventory import FindShortages
from mercato.contracts.orders import GetOrder
from mercato.frontends.storefront.choosing import can_be_sold, choose
from mercato.frontends.storefront.cookies import GUEST_LIFE
from mercato.frontends.storefront.forms import Form, sent_form
from mercato.frontends.storefront.visit import Visit
from mercato.runtime.access.who import Tenant
from mercato.runtime.http.exchange import Reply
from mercato.values.commerce import MAX_QUANTITY, Shortage
from mercato.values.ids import OrderId, VariantId
from mercato.values.messages import Malformed, NotFound

NO_ORDER = "none"  # in the place of the order that has failed: it was refused before it was made
LOOKS, LOOK = 40, 0.05  # how often and every how many seconds a cart is looked at that opens again


class ShownLine(msgspec.Struct, frozen=True):
    """A line of the cart as its page shows it. `short` is the number left when an order has just failed for it."""

    line: CartLine
    total: int | None
    price_changed: bool
    short: int | None


async def cart(visit: Visit) -> Reply:
    if not visit.may_buy:
        return await visit.show("cart.html", cart=None, lines=(), failed=False, most=MAX_QUANTITY)
    found = await settled_cart(visit)
    short = await _shortages(visit, found)
    lines = shown_lines(found, short)
    return await visit.show("cart.html", cart=found, lines=lines, failed=bool(short), most=MAX_QUANTITY)


async def add(visit: Visit) -> Reply:
    """Add the chosen variant. Who may not buy yet logs in first, and comes back to the choice."""
    form = sent_form(visit)
    found = await visit.ask(GetProduct(handle=visit.request.params["handle"]))
    chosen = choose(found, form.values)
    path = f"/products/{quote(found.handle, safe='')}"
    back = f"{path}?{urlencode({**chosen.values, 'quantity': form.text('quantity')})}"
    variant = chosen.variant
    if variant is None:
        return visit.go(back, notice="choose")
    quantity = _quantity(form)
    if not can_be_sold(variant):
        return visit.go(back, notice="sold_out")
    if quantity < 1 or quantity > variant.available:
        return visit.go(back, notice="not_enough")
    if not await _become_buyer(visit):
        return visit.go("/login", next=back, notice="log_in_to_buy")
    return await _add(visit, variant, quantity, back)


async def change(visit: Visit) -> Reply:
    """Set, raise or lower the quantity of a line, or take it out: the button that was pressed says which."""
    form = sent_form(visit)
    variant_id = VariantId(form.text("variant_id"))
    action = form.text("do")
    try:
        if action == "remove":
            await visit.do(RemoveFromCart(variant_id))
        else:
            await visit.do(SetQuantity(variant_id, await _wanted(visit, form, variant_id, action)))
    except CartLocked:
        return visit.go("/cart", notice="cart_locked")
    except (UnknownVariant, CartFull) as refusal:
        return visit.go("/cart", notice="cart_full" if isinstance(refusal, CartFull) else "cart_changed")
    return visit.go("/cart", notice="cart_changed")


async def empty(visit: Visit) -> Reply:
    try:
        await visit.do(EmptyTheCart())
    except CartLocked:
        return visit.go("/cart", notice="cart_locked")
    return visit.go("/cart", notice="cart_emptied")


async def settled_cart(visit: Visit) -> Cart:
    """The cart. Its lock ends a moment after its order has: the news is on its way from orders to carts."""
    found = await visit.ask(GetCart())
    if not found.locked_by:
        return found
    order = await visit.ask(GetOrder(OrderId(found.locked_by)))
    for _ in range(LOOKS):
        if order.status == "pending" or found.locked_by != order.id:
            break
        await asyncio.sleep(LOOK)
        found = await visit.ask(GetCart())
    return found


def shown_lines(found: Cart, shortages: Iterable[Shortage] = ()) -> list[ShownLine]:
    """The lines with what they cost today, and what of them an order could not get."""
    left = {shortage.variant_id: shortage.available for shortage in shortages}
    return [
        ShownLine(
            line,
            None if line.current_price is None else line.current_price * line.quantity,
            line.current_price is not None and line.current_price != line.unit_price,
            short if (short := left.get(line.variant_id)) is not None and short < line.quantity else None,
        )
        for line in found.lines
    ]


async def _add(visit: Visit, variant: Variant, quantity: int, back: str) -> Reply:
    try:
        await visit.do(AddToCart(variant.id, quantity))
    except UnknownVariant:
        return visit.go(back, notice="sold_out")
    except CartLocked:
        return visit.go("/cart", notice="cart_locked")
    except CartFull:
        return visit.go("/cart", notice="cart_full")
    except OtherCurrency:
        return visit.go("/cart", notice="other_currency")
    return visit.go("/cart", notice="added")


async def _become_buyer(visit: Visit) -> bool:
    """Whether the visitor may fill a cart; where the store lets anyone, a new visitor becomes a guest by it."""
    if visit.may_buy:
        return True
    shell = await visit.shell()
    if shell.store.cart_access != "anyone":
        return False
    token = visit.site.handed.guest_token(visit.caller.store)
    holder = await visit.edge.directory.find_holder(token)
    if holder is None:
        return False
    visit.caller = holder.caller(Tenant(shell.store.id, True, shell.store.currency), visit.request.id)
    visit.cookie = visit.session.kept(token, GUEST_LIFE)
    return visit.may_buy


async def _wanted(visit: Visit, form: Form, variant_id: VariantId, action: str) -> int:
    if action == "set":
        return _quantity(form)
    step = {"more": 1, "less": -1}.get(action)
    if step is None:
        raise Malformed("the form does not say what to do")
    found = await visit.ask(GetCart())
    now = next((line.quantity for line in found.lines if line.variant_id == variant_id), 0)
    return min(MAX_QUANTITY, max(0, now + step))


def _quantity(form: Form) -> int:
    """A typed quantity, at most what a line can hold. Raises Malformed for what is no whole number (S16)."""
    text = form.text("quantity").strip()
    if not text.isascii() or not text.isdecimal() or len(text) > len("1000000000"):
        raise Malformed("a quantity is a whole number")
    return min(MAX_QUANTITY, int(text))


async def _shortages(visit: Visit, found: Cart) -> tuple[Shortage, ...]:
    """What was missing for the order that has just failed for want of stock, when the address names it, or says that
    there was not even an order."""
    order_id = visit.request.query_values().get("order", "")
    if not order_id:
        return ()
    if order_id == NO_ORDER:
        return await visit.ask(FindShortages({line.variant_id: line.quantity for line in found.lines}))
    try:
        order = await visit.ask(GetOrder(OrderId(order_id)))
    except NotFound:
        return ()
    return order.shortages if order.cancel_reason == "sold_out" else ()
