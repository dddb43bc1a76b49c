"""I22: what a service has copied from another is what the other says. I14: carts against their orders."""

from collections.abc import Iterator

import msgspec

from mercato.apps.verify import statements
from mercato.apps.verify.snapshot import Difference, Snapshot
from mercato.services.carts.domain import CartDocument
from mercato.services.orders.domain import read_body
from mercato.values.commerce import quantities

OVER = ("paid", "cancelled")

_CART = msgspec.json.Decoder(CartDocument)


def across(look: Snapshot) -> Iterator[Difference]:
    yield from _prices(look)
    yield from _variants(look)
    yield from _carts(look)


def _prices(look: Snapshot) -> Iterator[Difference]:
    owned = {(row.store, row.variant_id, row.currency): row.amount for row in look.all("pricing", statements.PRICES)}
    for service, statement in (("carts", statements.CART_PRICES), ("catalog", statements.CATALOG_PRICES)):
        copied = {(row.store, row.variant_id, row.currency): row.amount for row in look.all(service, statement)}
        for key in owned.keys() | copied.keys():
            if owned.get(key) != copied.get(key):
                text = f"{service} has the price {copied.get(key)}, pricing {owned.get(key)}"
                yield Difference("I22", " ".join(key), text)


def _variants(look: Snapshot) -> Iterator[Difference]:
    products = {(row.store, row.id): row for row in look.all("catalog", statements.PRODUCTS)}
    for row in look.all("carts", statements.COPIED_VARIANTS):
        product = products.get((row.store, row.product_id))
        if product is None or (row.title, row.on_sale) != (product.title, int(product.status == "active")):
            said = f"{product.title}, {product.status}" if product else "nothing"
            text = f"carts has {row.title}, {'' if row.on_sale else 'not '}on sale; catalog has {said}"
            yield Difference("I22", f"{row.store} {row.variant_id}", text)


def _carts(look: Snapshot) -> Iterator[Difference]:
    """A cart that is locked has nothing that its order has not; what was taken out of one belongs to an open order.

    It may have less: an earlier order of the same cart whose news came late took its lines out.
    """
    orders = {(row.store, row.id): row for row in look.all("orders", statements.ORDERS)}
    for row in look.carts():
        cart, subject = _CART.decode(row.body), f"{row.store} {row.id}"
        for order_id in (*cart.taken, *([cart.locked_by] if cart.locked_by else ())):
            order = orders.get((row.store, order_id))
            if order is None or order.stage in OVER:
                text = f"{order_id} has it or a part of it, and is {order.stage if order else 'no order'}"
                yield Difference("I14", subject, text)
            elif order_id == cart.locked_by:
                ordered = quantities(read_body(order.body).lines)
                if any(line.quantity > ordered.get(line.variant_id, 0) for line in cart.lines):
                    yield Difference("I14", subject, f"{order_id} locks it, and is of other lines")
