"""I22: what a service has copied from another is what the other says. I14: carts against their orders."""

from collections.abc import Iterator

import msgspec

from mercato.apps.verify import statements
from mercato.apps.verify.snapshot import Difference, Snapshot
from mercato.services.carts.domain import CartDocument
from mercato.services.orders.domain import read_body
from mercato.values.commerce import quantities

OVER = ("paid", "cancelled")


class _Titled(msgspec.Struct):
    title: str


_TITLED = msgspec.json.Decoder(_Titled)
_CART = msgspec.json.Decoder(CartDocument)


def across(look: Snapshot) -> Iterator[Difference]:
    yield from _prices(look)
    yield from _variants(look)
    yield from _carts(look)
    yield from _entries(look)


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


def _entries(look: Snapshot) -> Iterator[Difference]:
    """What is searched. Of a shop that is older than its search, products may be missing until they are told again."""
    products = {(row.store, row.id): row for row in look.all("catalog", statements.PRODUCTS)}
    entries = {(row.store, row.id): row for row in look.all("search", statements.SEARCHED)}
    is_told = any(row.number for row in look.all("search", statements.TOLD_AGAIN))
    for key in products.keys() | entries.keys():
        product, entry = products.get(key), entries.get(key)
        owned = (product.title, product.status) if product else None
        copied = (_TITLED.decode(entry.body).title, entry.status) if entry else None
        if owned != copied and (entry is not None or is_told):
            yield Difference("I22", " ".join(key), f"search has {copied}, catalog {owned}")


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
