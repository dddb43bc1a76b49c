"""A guest logs in: the guest's lines join the cart of the account, and what orders took out is not forgotten."""

from pathlib import Path

import pytest

from mercato.contracts.carts import AddToCart, GetCart, MergeCart, RemoveFromCart
from mercato.contracts.catalog import CreateProduct, GetProduct, Product, ProductDraft, VariantDraft
from mercato.contracts.orders import OrderCancelled, OrderPlaced
from mercato.runtime.service import Handle
from mercato.runtime.transaction import Transaction
from mercato.services.carts import listeners
from mercato.services.carts.domain import cart_id_of
from mercato.values.commerce import OrderedLine
from mercato.values.ids import BuyerId, OrderId, ProductId
from mercato.values.messages import Anyone, Caller, Command
from mercato.values.money import Money
from tests.services.conftest import Running, open_store, running, settled, staff, system, user

STORE = "sto_one"
GUEST, USER = BuyerId("gst_one"), BuyerId("usr_two")
ORDER = OrderId("ord_one")


class Placed(Command[None], frozen=True):
    """As orders tells it."""

    allow = Anyone
    event: OrderPlaced


class Cancelled(Command[None], frozen=True):
    allow = Anyone
    event: OrderCancelled


def placed(tx: Transaction, command: Placed, caller: Caller) -> None:
    listeners.when_order_is_placed_lock_its_cart(tx, command.event, caller)


def cancelled(tx: Transaction, command: Cancelled, caller: Caller) -> None:
    listeners.when_order_is_cancelled_reopen_its_cart(tx, command.event, caller)


async def _product(node: Running) -> Product:
    draft = ProductDraft("shirt", "Shirt", "EUR", (VariantDraft(price=1_000, stock_change=9),), status="active")
    product = await node.calls.do(CreateProduct(ProductId("prod_one"), draft), staff(STORE))
    await settled(node)
    return await node.calls.ask(GetProduct(product.id), staff(STORE))


async def _contents(node: Running, buyer: str) -> list[tuple[str, int]]:
    cart = await node.calls.ask(GetCart(), user(STORE, buyer))
    return [(line.variant_id, line.quantity) for line in cart.lines]


@pytest.mark.parametrize("adds_more", [True, False])
async def test_what_an_order_took_out_of_a_guest_cart_comes_back_after_the_carts_were_merged(
    tmp_path: Path, adds_more: bool
) -> None:
    async with running(tmp_path, ["carts", "stores"]) as node:
        await open_store(node.calls, "one")
        product = await _product(node)
        variant = product.variants[0].id
        executor = node.executors["carts"]
        executor.add_handle(Handle(Placed, placed))
        executor.add_handle(Handle(Cancelled, cancelled))
        cart = await node.calls.do(AddToCart(variant, 2), user(STORE, GUEST))
        lines = (OrderedLine(variant, product.id, "", "Shirt", "S", "", 2, 1_000, 0, 0, 2_000),)
        later = AddToCart(variant, 3) if adds_more else RemoveFromCart(variant)
        await node.calls.do(AddToCart(variant, 1), user(STORE, GUEST))  # gets in before the lock of the order
        cart_id = cart_id_of(GUEST)
        event = OrderPlaced(ORDER, GUEST, cart_id, cart.version, "EUR", lines, Money(2_000, "EUR"), 0)
        await executor.submit(Placed(event), system(STORE))
        await node.calls.do(later, user(STORE, GUEST))
        left = [(variant, 4)] if adds_more else []
        assert await _contents(node, GUEST) == left
        await node.calls.do(MergeCart(GUEST, USER), system(STORE))
        assert (await _contents(node, GUEST), await _contents(node, USER)) == ([], left)
        off = OrderCancelled(ORDER, GUEST, cart_id, "by_shopper", lines)
        await executor.submit(Cancelled(off), system(STORE))
        assert (await _contents(node, GUEST), await _contents(node, USER)) == ([(variant, 2)], left)
