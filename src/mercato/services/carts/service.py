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
from mercato.runtime.service import Ask, Handle, Listen, Service, named
from mercato.runtime.setup import Setup
from mercato.services.carts import commands, listeners, queries, storage
from mercato.services.carts.api import ROUTES

OWN_CART = (queries.own_cart, queries.lines_of_own_cart)
ORDERED_CART = named("cart_id", storage.CARTS)


def service(_setup: Setup) -> Service:
    """Carts, as this process runs it."""
    return Service(
        name="carts",
        package="mercato.services.carts",
        tables=storage.metadata,
        documents=(storage.CARTS,),
        handlers=(
            Handle(AddToCart, commands.add_to_cart, reads=commands.offer_of, keys=OWN_CART),
            Handle(SetQuantity, commands.set_quantity, keys=OWN_CART),
            Handle(RemoveFromCart, commands.remove_from_cart, keys=OWN_CART),
            Handle(EmptyTheCart, commands.empty_the_cart, keys=OWN_CART[:1]),
            Handle(MergeCart, commands.merge_cart, keys=(commands.both_carts,)),
        ),
        asks=(
            Ask(GetCart, queries.get_cart, snapshot=False, keys=OWN_CART),
            Ask(GetFilledCart, queries.get_filled_cart, snapshot=False, keys=OWN_CART[:1]),
        ),
        listeners=(
            Listen(ProductChanged, listeners.when_product_changed_copy_its_variants),
            Listen(PriceChanged, listeners.when_price_changed_copy_it),
            Listen(OrderPlaced, listeners.when_order_is_placed_lock_its_cart, keys=(ORDERED_CART,)),
            Listen(OrderConfirmed, listeners.when_order_is_confirmed_close_its_cart, keys=(ORDERED_CART,)),
            Listen(OrderCancelled, listeners.when_order_is_cancelled_reopen_its_cart, keys=(ORDERED_CART,)),
        ),
        routes=ROUTES,
    )
