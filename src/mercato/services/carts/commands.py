"""What may be changed in carts: one command, one cart document."""

from collections.abc import Callable

from mercato.contracts.carts import (
    AddToCart,
    Cart,
    CartChanged,
    EmptyTheCart,
    MergeCart,
    RemoveFromCart,
    SetQuantity,
    UnknownVariant,
)
from mercato.runtime.documents.collection import Document
from mercato.runtime.reader import Reader
from mercato.runtime.service import Names
from mercato.runtime.transaction import Transaction
from mercato.services.carts import domain, storage
from mercato.services.carts.domain import CartDocument, Offer, cart_id_of
from mercato.services.carts.queries import cart_of
from mercato.values.ids import BuyerId, CartId, ProductId, VariantId
from mercato.values.messages import Caller


def add_to_cart(tx: Transaction, command: AddToCart, caller: Caller) -> Cart:
    document = open_cart(tx, caller.buyer)
    offer = _offer(tx, command.variant_id, document.body.currency)
    if offer is None:
        raise UnknownVariant
    return _save(tx, document, domain.add(document.body, offer, command.quantity))


def offer_of(command: AddToCart) -> Names:
    """The rows that it takes to offer a variant."""
    return ((storage.VARIANTS, (command.variant_id,)), (storage.PRICES, (command.variant_id,)))


def set_quantity(tx: Transaction, command: SetQuantity, caller: Caller) -> Cart:
    return _change(tx, caller, lambda cart: domain.set_quantity(cart, command.variant_id, command.quantity))


def remove_from_cart(tx: Transaction, command: RemoveFromCart, caller: Caller) -> Cart:
    return _change(tx, caller, lambda cart: domain.remove(cart, command.variant_id))


def empty_the_cart(tx: Transaction, _command: EmptyTheCart, caller: Caller) -> Cart:
    return _change(tx, caller, domain.empty)


def merge_cart(tx: Transaction, command: MergeCart, _caller: Caller) -> Cart:
    """A guest's cart that waits for its payment stays as it is: its order closes or reopens it. What an order has taken
    out of it stays noted there, to be put back if that order is cancelled.

    The user's cart is saved first: where no transaction has both, the guest's is emptied when its lines are there.
    """
    guest, user = open_cart(tx, command.guest), open_cart(tx, command.user)
    if guest.body.locked_by:
        return cart_of(tx, user)
    merged = domain.merge(user.body, guest.body, CartId(guest.id))
    cart = _save(tx, user, merged)
    if guest.body.lines:
        tx.save(storage.CARTS, Document(guest.id, guest.version, domain.hand_over(guest.body)))
    return cart


def both_carts(_reader: Reader, command: MergeCart, _caller: Caller) -> Names:
    return ((storage.CARTS, (cart_id_of(command.guest), cart_id_of(command.user))),)


def open_cart(tx: Transaction, buyer: str) -> Document[CartDocument]:
    """The buyer's cart; a new one, not stored yet, for who has none."""
    cart_id = cart_id_of(buyer)
    return tx.load(storage.CARTS, cart_id) or Document(cart_id, 0, CartDocument(buyer=BuyerId(buyer)))


def _offer(tx: Transaction, variant_id: VariantId, currency: str) -> Offer | None:
    """The variant in the cart's currency, or in the first that it has a price in; None: it is not sold."""
    variant, prices = tx.row(storage.VARIANTS, variant_id), tx.rows(storage.PRICES, variant_id)
    if variant is None or not variant.on_sale or not prices:
        return None
    price = next((price for price in prices if price.currency == currency), prices[0])
    return Offer(
        variant_id,
        ProductId(variant.product_id),
        variant.seller,
        variant.title,
        variant.options,
        variant.sku,
        variant.handle,
        variant.image,
        price.currency,
        price.amount,
    )


def _change(tx: Transaction, caller: Caller, change: Callable[[CartDocument], CartDocument]) -> Cart:
    document = open_cart(tx, caller.buyer)
    return _save(tx, document, change(document.body))


def _save(tx: Transaction, document: Document[CartDocument], cart: CartDocument) -> Cart:
    if cart == document.body:
        return cart_of(tx, document)
    saved = tx.save(storage.CARTS, Document(document.id, document.version, cart))
    tx.emit(CartChanged(cart_id_of(cart.buyer), len(cart.lines)), saved.id, saved.version)
    return cart_of(tx, saved)
