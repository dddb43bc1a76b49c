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
from mercato.runtime.transaction import Transaction
from mercato.services.carts import domain, storage
from mercato.services.carts.domain import CartDocument, Offer, cart_id_of
from mercato.services.carts.queries import cart_of
from mercato.values.ids import BuyerId
from mercato.values.messages import Caller


def add_to_cart(tx: Transaction, command: AddToCart, caller: Caller) -> Cart:
    document = open_cart(tx, caller.buyer)
    offers = tx.all(storage.LIST_OFFERS, variant_id=command.variant_id)
    currency = document.body.currency
    offer = next((offer for offer in offers if offer.currency == currency), None) or next(iter(offers), None)
    if offer is None:
        raise UnknownVariant
    return _save(tx, document, domain.add(document.body, offer, command.quantity), offer)


def set_quantity(tx: Transaction, command: SetQuantity, caller: Caller) -> Cart:
    return _change(tx, caller, lambda cart: domain.set_quantity(cart, command.variant_id, command.quantity))


def remove_from_cart(tx: Transaction, command: RemoveFromCart, caller: Caller) -> Cart:
    return _change(tx, caller, lambda cart: domain.remove(cart, command.variant_id))


def empty_the_cart(tx: Transaction, _command: EmptyTheCart, caller: Caller) -> Cart:
    return _change(tx, caller, domain.empty)


def merge_cart(tx: Transaction, command: MergeCart, _caller: Caller) -> Cart:
    """A guest's cart that waits for its payment stays as it is: its order closes or reopens it. What an order has taken
    out of it stays noted there, to be put back if that order is cancelled."""
    guest, user = open_cart(tx, command.guest), open_cart(tx, command.user)
    if guest.body.locked_by:
        return cart_of(tx, user)
    merged = domain.merge(user.body, guest.body)
    if guest.body.lines:
        tx.save(storage.CARTS, Document(guest.id, guest.version, domain.empty(guest.body)))
    return _save(tx, user, merged)


def open_cart(tx: Transaction, buyer: str) -> Document[CartDocument]:
    """The buyer's cart; a new one, not stored yet, for who has none."""
    cart_id = cart_id_of(buyer)
    return tx.load(storage.CARTS, cart_id) or Document(cart_id, 0, CartDocument(buyer=BuyerId(buyer)))


def _change(tx: Transaction, caller: Caller, change: Callable[[CartDocument], CartDocument]) -> Cart:
    document = open_cart(tx, caller.buyer)
    return _save(tx, document, change(document.body))


def _save(
    tx: Transaction, document: Document[CartDocument], cart: CartDocument, just_added: Offer | None = None
) -> Cart:
    if cart == document.body:
        return cart_of(tx, document)
    saved = tx.save(storage.CARTS, Document(document.id, document.version, cart))
    tx.emit(CartChanged(cart_id_of(cart.buyer), len(cart.lines)), saved.id, saved.version)
    return cart_of(tx, saved, just_added)
