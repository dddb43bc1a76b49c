"""The manifest of carts."""

from mercato.contracts.carts import (
    AddToCart,
    EmptyTheCart,
    GetCart,
    GetFilledCart,
    MergeCart,
    RemoveFromCart,
    SetQuantity,
)
from mercato.contracts.catalog import ProductChanged
from mercato.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced
from mercato.contracts.pricing import PriceChanged
from mercato.runtime.service import Ask, Handle, Listen, Service
from mercato.runtime.setup import Setup
from mercato.services.carts import commands, listeners, queries, storage
from mercato.services.carts.api import ROUTES


def service(_setup: Setup) -> Service:
    """Carts, as this process runs it."""
    return Service(
        name="carts",
        package="mercato.services.carts",
        tables=storage.metadata,
        documents=(storage.CARTS,),
        handlers=(
            Handle(AddToCart, commands.add_to_cart, reads=commands.offer_of, loads=commands.cart_of_caller),
            Handle(SetQuantity, commands.set_quantity, loads=commands.cart_of_caller),
            Handle(RemoveFromCart, commands.remove_from_cart, loads=commands.cart_of_caller),
            Handle(EmptyTheCart, commands.empty_the_cart, loads=commands.cart_of_caller),
            Handle(MergeCart, commands.merge_cart, loads=commands.both_carts),
        ),
        asks=(
            Ask(GetCart, queries.get_cart, snapshot=False),
            Ask(GetFilledCart, queries.get_filled_cart, snapshot=False),
        ),
        listeners=(
            Listen(ProductChanged, listeners.when_product_changed_copy_its_variants),
            Listen(PriceChanged, listeners.when_price_changed_copy_it),
            Listen(OrderPlaced, listeners.when_order_is_placed_lock_its_cart, loads=listeners.cart_of_order),
            Listen(OrderConfirmed, listeners.when_order_is_confirmed_close_its_cart, loads=listeners.cart_of_order),
            Listen(OrderCancelled, listeners.when_order_is_cancelled_reopen_its_cart, loads=listeners.cart_of_order),
        ),
        routes=ROUTES,
    )
