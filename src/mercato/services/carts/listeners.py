"""What carts does about others' events."""

from collections.abc import Callable

from mercato.contracts.catalog import ProductChanged
from mercato.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced
from mercato.contracts.pricing import PriceChanged
from mercato.runtime.documents.collection import Document
from mercato.runtime.transaction import Transaction
from mercato.services.carts import domain, storage
from mercato.services.carts.domain import CartDocument
from mercato.values.messages import Caller


def when_product_changed_copy_its_variants(tx: Transaction, event: ProductChanged, _caller: Caller) -> None:
    for variant in event.variants:
        row = storage.VariantRow(
            variant_id=variant.variant_id,
            product_id=event.product_id,
            seller=event.seller,
            title=event.title,
            options=variant.options,
            sku=variant.sku,
            handle=event.handle,
            image=event.image,
            on_sale=int(event.status == "active"),
        )
        tx.put(storage.VARIANTS, row)
    for variant_id in event.removed:
        tx.remove(storage.VARIANTS, variant_id)


def when_price_changed_copy_it(tx: Transaction, event: PriceChanged, _caller: Caller) -> None:
    if event.amount is None:
        tx.remove(storage.PRICES, event.variant_id, event.currency)
    else:
        tx.put(storage.PRICES, storage.PriceRow(event.variant_id, event.currency, event.amount))


def when_order_is_placed_lock_its_cart(tx: Transaction, event: OrderPlaced, _caller: Caller) -> None:
    """A change that got in between leaves the cart open, without what was ordered."""
    document = tx.load(storage.CARTS, event.cart_id)
    if document is None:
        return
    if document.version == event.cart_version:
        locked = domain.lock(document.body, event.order_id)
    else:
        locked = domain.take_out(document.body, event.order_id, event.lines)
    tx.save(storage.CARTS, Document(document.id, document.version, locked))


def when_order_is_confirmed_close_its_cart(tx: Transaction, event: OrderConfirmed, _caller: Caller) -> None:
    _change(tx, event.cart_id, lambda cart: domain.close(cart, event.order_id))


def when_order_is_cancelled_reopen_its_cart(tx: Transaction, event: OrderCancelled, _caller: Caller) -> None:
    _change(tx, event.cart_id, lambda cart: domain.reopen(cart, event.order_id))


def _change(tx: Transaction, cart_id: str, change: Callable[[CartDocument], CartDocument]) -> None:
    document = tx.load(storage.CARTS, cart_id)
    if document is not None and (changed := change(document.body)) != document.body:
        tx.save(storage.CARTS, Document(document.id, document.version, changed))
