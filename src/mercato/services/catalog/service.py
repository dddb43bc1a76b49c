"""The manifest of catalog."""

from mercato.contracts.catalog import (
    ChangeProduct,
    CreateProduct,
    GetProduct,
    ListCategories,
    ListProducts,
    ReplaceProduct,
    SaveCategory,
)
from mercato.contracts.inventory import StockChanged, StockReleased, StockReserved
from mercato.contracts.pricing import PriceChanged
from mercato.runtime.service import Ask, Handle, Listen, Service
from mercato.runtime.settings import Setup
from mercato.services.catalog import commands, listeners, queries, storage
from mercato.services.catalog.api import ROUTES


def service(_setup: Setup) -> Service:
    """Catalog, as this process runs it."""
    return Service(
        name="catalog",
        package="mercato.services.catalog",
        tables=storage.metadata,
        handlers=(
            Handle(CreateProduct, commands.create_product),
            Handle(ReplaceProduct, commands.replace_product),
            Handle(ChangeProduct, commands.change_product),
            Handle(SaveCategory, commands.save_category),
        ),
        asks=(
            Ask(GetProduct, queries.get_product),
            Ask(ListProducts, queries.list_products, point=False),
            Ask(ListCategories, queries.list_categories),
        ),
        listeners=(
            Listen(PriceChanged, listeners.when_price_changed_copy_it),
            Listen(StockReserved, listeners.when_stock_is_reserved_copy_what_is_left),
            Listen(StockReleased, listeners.when_stock_is_released_copy_what_is_left),
            Listen(StockChanged, listeners.when_stock_changed_copy_it),
        ),
        routes=ROUTES,
    )
