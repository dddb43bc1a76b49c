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
from mercato.runtime.http.cached import ReplyCache
from mercato.runtime.service import Ask, Handle, Listen, Service
from mercato.runtime.setup import Setup
from mercato.services.catalog import listeners, queries, storage
from mercato.services.catalog.api import routes
from mercato.services.catalog.commands import categories, imports, products
from mercato.services.catalog.messages import GetImport, ImportProducts, RecordImport


def service(_setup: Setup) -> Service:
    """Catalog, as this process runs it."""
    cache = ReplyCache()
    return Service(
        name="catalog",
        package="mercato.services.catalog",
        tables=storage.metadata,
        handlers=(
            Handle(CreateProduct, products.create_product),
            Handle(ReplaceProduct, products.replace_product),
            Handle(ChangeProduct, products.change_product),
            Handle(SaveCategory, categories.save_category),
            Handle(ImportProducts, imports.import_products),
            Handle(RecordImport, imports.record_import),
        ),
        asks=(
            Ask(GetProduct, queries.get_product),
            Ask(ListProducts, queries.list_products, point=False),
            Ask(ListCategories, queries.list_categories),
            Ask(GetImport, queries.get_import, snapshot=False),
        ),
        listeners=(
            Listen(PriceChanged, listeners.when_price_changed_copy_it),
            Listen(StockReserved, listeners.when_stock_is_reserved_copy_what_is_left),
            Listen(StockReleased, listeners.when_stock_is_released_copy_what_is_left),
            Listen(StockChanged, listeners.when_stock_changed_copy_it),
        ),
        routes=routes(cache),
        forget=cache.forget,
    )
