"""The rules of a cart: pure functions over its document."""

import msgspec

from mercato.contracts.carts import CartFull, CartLocked, OtherCurrency, UnknownVariant
from mercato.values.commerce import MAX_LINES, MAX_QUANTITY, OrderedLine
from mercato.values.ids import BuyerId, CartId, OrderId, ProductId, VariantId


class Offer(msgspec.Struct, frozen=True):
    """A variant as it is sold now, in one currency."""

    variant_id: VariantId
    product_id: ProductId
    seller: str
    title: str
    options: str
    sku: str
    handle: str
    image: str
    currency: str
    amount: int


class Line(msgspec.Struct, frozen=True):
    """A line as it was added; `unit_price` is what the shopper saw then."""

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


class Taken(msgspec.Struct, frozen=True):
    """Lines that an order took out of a cart, which were in this currency."""

    currency: str
    lines: tuple[Line, ...]


class Merged(msgspec.Struct, frozen=True):
    """What came from a guest's cart, after that one was handed over so many times before."""

    cart_id: CartId
    handed_over: int
    quantities: dict[VariantId, int]


class CartDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored cart. `locked_by` is the order that was made from it; `taken` what orders took out of it after a
    change that got in before their lock, to be put back if they are cancelled. `merged` came from a guest's cart last;
    `handed_over` is how often this one's lines went to a user's cart."""

    buyer: BuyerId
    currency: str = ""
    lines: tuple[Line, ...] = ()
    locked_by: str = ""
    taken: dict[OrderId, Taken] = {}
    merged: Merged | None = None
    handed_over: int = 0


def cart_id_of(buyer: str) -> CartId:
    """A buyer has one cart; its id follows from the buyer's."""
    return CartId("cart_" + buyer.partition("_")[2])


def add(cart: CartDocument, offer: Offer, quantity: int) -> CartDocument:
    """The cart with so many more of this variant, at the price that is shown now."""
    _require_open(cart)
    if cart.lines and cart.currency != offer.currency:
        raise OtherCurrency(currency=cart.currency)
    known = next((line for line in cart.lines if line.variant_id == offer.variant_id), None)
    wanted = quantity + (known.quantity if known else 0)
    if wanted > MAX_QUANTITY or (known is None and len(cart.lines) >= MAX_LINES):
        raise CartFull
    line = Line(
        offer.variant_id,
        offer.product_id,
        offer.seller,
        offer.title,
        offer.options,
        offer.sku,
        offer.handle,
        offer.image,
        wanted,
        offer.amount,
    )
    lines = tuple(line if old is known else old for old in cart.lines) if known else (*cart.lines, line)
    return msgspec.structs.replace(cart, currency=offer.currency, lines=lines)


def set_quantity(cart: CartDocument, variant_id: VariantId, quantity: int) -> CartDocument:
    """The cart with this line's quantity changed; 0 takes the line out."""
    _require_open(cart)
    if all(line.variant_id != variant_id for line in cart.lines):
        raise UnknownVariant("the cart has no such line")
    return _with_quantities(cart, {variant_id: quantity})


def remove(cart: CartDocument, variant_id: VariantId) -> CartDocument:
    _require_open(cart)
    return _with_quantities(cart, {variant_id: 0})


def empty(cart: CartDocument) -> CartDocument:
    _require_open(cart)
    return msgspec.structs.replace(cart, lines=(), currency="")


def hand_over(guest: CartDocument) -> CartDocument:
    """Its lines are in a user's cart now."""
    return msgspec.structs.replace(empty(guest), handed_over=guest.handed_over + 1)


def merge(cart: CartDocument, guest: CartDocument, guest_id: CartId) -> CartDocument:
    """The user's cart with the guest's lines. What does not fit (other currency, too many) is left out.

    What came from the same cart before it was handed over is not added again: who merged it may have ended before that.
    """
    _require_open(cart)
    if not guest.lines or (cart.lines and guest.currency != cart.currency):
        return cart
    came = _came(cart, guest, guest_id)
    lines = {line.variant_id: line for line in cart.lines}
    for line in guest.lines:
        known, more = lines.get(line.variant_id), line.quantity - came.get(line.variant_id, 0)
        if more > 0 and (known is not None or len(lines) < MAX_LINES):
            quantity = min(MAX_QUANTITY, more + (known.quantity if known else 0))
            lines[line.variant_id] = msgspec.structs.replace(line, quantity=quantity)
    come = {line.variant_id: max(line.quantity, came.get(line.variant_id, 0)) for line in guest.lines}
    return msgspec.structs.replace(
        cart,
        lines=tuple(lines.values()),
        currency=cart.currency if cart.lines else guest.currency,
        merged=Merged(guest_id, guest.handed_over, {**came, **come}),
    )


def _came(cart: CartDocument, guest: CartDocument, guest_id: CartId) -> dict[VariantId, int]:
    """Of the guest's lines that are there now, what is in the user's cart already."""
    last = cart.merged
    if last is None or (last.cart_id, last.handed_over) != (guest_id, guest.handed_over):
        return {}
    return last.quantities


def lock(cart: CartDocument, order_id: OrderId) -> CartDocument:
    """An order was made of exactly this cart: nobody changes it until the order is paid or cancelled."""
    return msgspec.structs.replace(cart, locked_by=order_id)


def take_out(cart: CartDocument, order_id: OrderId, ordered: tuple[OrderedLine, ...]) -> CartDocument:
    """An order was made of an earlier version: its quantities leave the cart, which stays open."""
    quantities = {line.variant_id: line.quantity for line in ordered}
    taken = tuple(
        msgspec.structs.replace(line, quantity=min(line.quantity, quantities[line.variant_id]))
        for line in cart.lines
        if line.variant_id in quantities
    )
    left = {line.variant_id: max(0, line.quantity - quantities.get(line.variant_id, 0)) for line in cart.lines}
    return msgspec.structs.replace(
        _with_quantities(cart, left), taken={**cart.taken, order_id: Taken(cart.currency, taken)}
    )


def close(cart: CartDocument, order_id: OrderId) -> CartDocument:
    """The order is paid: what it took is gone for good."""
    if cart.locked_by == order_id:
        return msgspec.structs.replace(cart, lines=(), currency="", locked_by="")
    return msgspec.structs.replace(cart, taken=_without(cart.taken, order_id))


def reopen(cart: CartDocument, order_id: OrderId) -> CartDocument:
    """The order is off: the cart is as it was before it. It keeps its currency, if it has got another one since."""
    if cart.locked_by == order_id:
        return msgspec.structs.replace(cart, locked_by="")
    taken = cart.taken.get(order_id)
    cart = msgspec.structs.replace(cart, taken=_without(cart.taken, order_id))
    if taken is None or not taken.lines or (cart.lines and cart.currency != taken.currency):
        return cart
    lines = {line.variant_id: line for line in cart.lines}
    for line in taken.lines:
        known = lines.get(line.variant_id)
        quantity = min(MAX_QUANTITY, line.quantity + (known.quantity if known else 0))
        lines[line.variant_id] = msgspec.structs.replace(known or line, quantity=quantity)
    return msgspec.structs.replace(cart, currency=taken.currency, lines=tuple(lines.values()))


def _with_quantities(cart: CartDocument, quantities: dict[VariantId, int]) -> CartDocument:
    lines = tuple(
        line if quantity == line.quantity else msgspec.structs.replace(line, quantity=quantity)
        for line in cart.lines
        if (quantity := quantities.get(line.variant_id, line.quantity)) > 0
    )
    return msgspec.structs.replace(cart, lines=lines, currency=cart.currency if lines else "")


def _without(taken: dict[OrderId, Taken], order_id: OrderId) -> dict[OrderId, Taken]:
    return {key: lines for key, lines in taken.items() if key != order_id}


def _require_open(cart: CartDocument) -> None:
    if cart.locked_by:
        raise CartLocked(order_id=cart.locked_by)
