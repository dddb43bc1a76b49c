"""What may be asked of carts."""

from mercato.contracts.carts import Cart, CartLine, FilledCart, FilledLine, GetCart, GetFilledCart
from mercato.runtime.documents.collection import Document
from mercato.runtime.reader import Reader
from mercato.runtime.service import Names
from mercato.services.carts import storage
from mercato.services.carts.domain import CartDocument, Line, cart_id_of
from mercato.values.ids import BuyerId, CartId, VariantId
from mercato.values.messages import Caller


def get_cart(reader: Reader, _query: GetCart, caller: Caller) -> Cart:
    cart_id = cart_id_of(caller.buyer)
    document = reader.load(storage.CARTS, cart_id)
    return cart_of(reader, document or Document(cart_id, 0, CartDocument(buyer=BuyerId(caller.buyer))))


def get_filled_cart(reader: Reader, _query: GetFilledCart, caller: Caller) -> FilledCart:
    cart_id = cart_id_of(caller.buyer)
    document = reader.load(storage.CARTS, cart_id)
    if document is None:
        return FilledCart(cart_id, BuyerId(caller.buyer), 0, "", (), "")
    cart = document.body
    return FilledCart(
        cart_id, cart.buyer, document.version, cart.currency, tuple(map(_filled, cart.lines)), cart.locked_by
    )


def own_cart(_reader: Reader, _message: object, caller: Caller) -> Names:
    return ((storage.CARTS, (cart_id_of(caller.buyer),)),)


def lines_of_own_cart(reader: Reader, _message: object, caller: Caller) -> Names:
    """What it takes to say what a cart costs now."""
    document = reader.load(storage.CARTS, cart_id_of(caller.buyer))
    ids = [line.variant_id for line in document.body.lines] if document is not None else []
    return ((storage.VARIANTS, ids), (storage.PRICES, ids))


def cart_of(reader: Reader, document: Document[CartDocument]) -> Cart:
    """The cart with today's prices beside those at which its lines were added."""
    cart = document.body
    lines = tuple(_line(line, _current_price(reader, line.variant_id, cart.currency)) for line in cart.lines)
    return Cart(
        id=CartId(document.id),
        buyer=cart.buyer,
        version=document.version,
        currency=cart.currency,
        lines=lines,
        subtotal=sum(line.quantity * (line.current_price or 0) for line in lines),
        changed_prices=tuple(line.variant_id for line in lines if line.current_price != line.unit_price),
        locked_by=cart.locked_by,
    )


def _current_price(reader: Reader, variant_id: VariantId, currency: str) -> int | None:
    """What the variant costs now; None where it is not sold in this currency."""
    variant = reader.row(storage.VARIANTS, variant_id)
    if variant is None or not variant.on_sale:
        return None
    prices = reader.rows(storage.PRICES, variant_id)
    return next((price.amount for price in prices if price.currency == currency), None)


def _filled(line: Line) -> FilledLine:
    return FilledLine(
        line.variant_id,
        line.product_id,
        line.seller,
        line.title,
        line.options,
        line.sku,
        line.quantity,
        line.unit_price,
    )


def _line(line: Line, current_price: int | None) -> CartLine:
    return CartLine(
        line.variant_id,
        line.product_id,
        line.seller,
        line.title,
        line.options,
        line.sku,
        line.handle,
        line.image,
        line.quantity,
        line.unit_price,
        current_price,
    )
