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
        handlers=(
            Handle(AddToCart, commands.add_to_cart, reads=commands.offer_of),
            Handle(SetQuantity, commands.set_quantity),
            Handle(RemoveFromCart, commands.remove_from_cart),
            Handle(EmptyTheCart, commands.empty_the_cart),
            Handle(MergeCart, commands.merge_cart),
        ),
        asks=(
            Ask(GetCart, queries.get_cart, snapshot=False),
            Ask(GetFilledCart, queries.get_filled_cart, snapshot=False),
        ),
        listeners=(
            Listen(ProductChanged, listeners.when_product_changed_copy_its_variants),
            Listen(PriceChanged, listeners.when_price_changed_copy_it),
            Listen(OrderPlaced, listeners.when_order_is_placed_lock_its_cart),
            Listen(OrderConfirmed, listeners.when_order_is_confirmed_close_its_cart),
            Listen(OrderCancelled, listeners.when_order_is_cancelled_reopen_its_cart),
        ),
        routes=ROUTES,
    )
