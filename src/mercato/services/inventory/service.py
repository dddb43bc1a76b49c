"""The manifest of inventory."""

from mercato.contracts.catalog import FiguresGiven
from mercato.contracts.inventory import AdjustStock, FindShortages, GetStock, TellStockAgain
from mercato.contracts.orders import HoldExtended, OrderCancelled, OrderConfirmed, OrderPlaced
from mercato.runtime.service import Ask, Handle, Listen, Service, named
from mercato.runtime.setup import Setup
from mercato.services.inventory import commands, listeners, queries, storage
from mercato.services.inventory.api import ROUTES

RESERVATIONS = named("order_id", storage.RESERVATIONS)


def service(_setup: Setup) -> Service:
    """Inventory, as this process runs it."""
    return Service(
        name="inventory",
        package="mercato.services.inventory",
        tables=storage.metadata,
        handlers=(
            Handle(AdjustStock, commands.adjust_stock, keys=(named("variant_id", storage.STOCK),)),
            Handle(TellStockAgain, commands.tell_stock_again),
        ),
        asks=(Ask(GetStock, queries.get_stock), Ask(FindShortages, queries.find_shortages, snapshot=False)),
        listeners=(
            Listen(FiguresGiven, listeners.when_figures_are_given_change_stock, reads=listeners.stock_of_figures),
            Listen(OrderPlaced, listeners.when_order_is_placed_reserve_its_stock, reads=listeners.stock_of_lines),
            Listen(HoldExtended, listeners.when_hold_is_extended_extend_reservations, keys=(RESERVATIONS,)),
            Listen(
                OrderConfirmed,
                listeners.when_order_is_confirmed_sell_what_is_reserved,
                keys=(RESERVATIONS, listeners.reserved_stock),
            ),
            Listen(
                OrderCancelled,
                listeners.when_order_is_cancelled_give_stock_back,
                keys=(RESERVATIONS, listeners.reserved_stock),
            ),
        ),
        routes=ROUTES,
    )
