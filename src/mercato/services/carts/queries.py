"""What may be asked of carts."""

from mercato.contracts.carts import Cart, CartLine, GetCart
from mercato.runtime.database.statements import as_list
from mercato.runtime.database.transaction import Reader
from mercato.runtime.documents.collection import Document
from mercato.services.carts import storage
from mercato.services.carts.domain import CartDocument, Line, cart_id_of
from mercato.values.ids import BuyerId, CartId
from mercato.values.messages import Caller


def get_cart(reader: Reader, _query: GetCart, caller: Caller) -> Cart:
    cart_id = cart_id_of(caller.buyer)
    document = reader.load(storage.CARTS, cart_id)
    return cart_of(reader, document or Document(cart_id, 0, CartDocument(buyer=BuyerId(caller.buyer))))


def cart_of(reader: Reader, document: Document[CartDocument]) -> Cart:
    """The cart with today's prices beside those at which its lines were added."""
    cart = document.body
    now = _current_prices(reader, cart)
    lines = tuple(_line(line, now.get(line.variant_id)) for line in cart.lines)
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


def _current_prices(reader: Reader, cart: CartDocument) -> dict[str, int]:
    if not cart.lines:
        return {}
    wanted = as_list(line.variant_id for line in cart.lines)
    rows = reader.all(storage.CURRENT_PRICES, currency=cart.currency, variant_ids=wanted)
    return {row.variant_id: row.amount for row in rows}


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
