"""The manifest of catalog."""

from functools import partial

from mercato.contracts.catalog import (
    AwaitMedia,
    ChangeMedia,
    ChangeProduct,
    CompleteMedia,
    CreateProduct,
    DescribeAgain,
    GetMedia,
    GetProduct,
    ListCategories,
    ListMedia,
    ListProducts,
    RemoveMedia,
    ReplaceProduct,
    SaveCategory,
)
from mercato.contracts.inventory import StockChanged, StockReleased, StockReserved
from mercato.contracts.pricing import PriceChanged
from mercato.runtime.http.cached import ReplyCache
from mercato.runtime.media.routes import media_routes
from mercato.runtime.service import Ask, Handle, Job, Listen, Service
from mercato.runtime.setup import Setup
from mercato.services.catalog import jobs, listeners, queries, storage
from mercato.services.catalog.adapters.pictures import PictureMaker, PictureProgram
from mercato.services.catalog.api import routes
from mercato.services.catalog.commands import categories, imports, media, products, telling
from mercato.services.catalog.messages import (
    ForgetMedia,
    GetImport,
    ImportProducts,
    ListUnclaimed,
    PlanPicture,
    RecordDiscard,
    RecordImport,
    RecordPicture,
    RefuseMedia,
)
from mercato.services.catalog.work import PictureWork
from mercato.values.clock import HOUR


def service(setup: Setup, maker: PictureMaker | None = None) -> Service:
    """Catalog, as this process runs it: with the maker of pictures that is handed in, else with the program."""
    cache, files = ReplyCache(), setup.open_media()
    url_of = files.url_of
    return Service(
        name="catalog",
        package="mercato.services.catalog",
        tables=storage.metadata,
        handlers=(
            Handle(CreateProduct, partial(products.create_product, url_of)),
            Handle(ReplaceProduct, partial(products.replace_product, url_of)),
            Handle(ChangeProduct, partial(products.change_product, url_of)),
            Handle(SaveCategory, categories.save_category),
            Handle(DescribeAgain, telling.describe_again),
            Handle(ImportProducts, imports.import_products),
            Handle(RecordImport, imports.record_import),
            Handle(AwaitMedia, partial(media.await_media, url_of)),
            Handle(CompleteMedia, partial(media.complete_media, url_of)),
            Handle(ChangeMedia, partial(media.change_media, url_of)),
            Handle(RemoveMedia, media.remove_media),
            Handle(ForgetMedia, media.forget_media),
            Handle(PlanPicture, media.plan_picture),
            Handle(RecordPicture, media.record_picture),
            Handle(RefuseMedia, media.refuse_media),
            Handle(RecordDiscard, media.record_discard),
        ),
        asks=(
            Ask(GetProduct, partial(queries.get_product, url_of)),
            Ask(ListProducts, partial(queries.list_products, url_of), point=False),
            Ask(ListCategories, queries.list_categories),
            Ask(GetImport, queries.get_import, snapshot=False),
            Ask(GetMedia, partial(queries.get_media, url_of)),
            Ask(ListMedia, partial(queries.list_media, url_of)),
            Ask(ListUnclaimed, queries.list_unclaimed, snapshot=False),
        ),
        listeners=(
            Listen(PriceChanged, listeners.when_price_changed_copy_it),
            Listen(StockReserved, listeners.when_stock_is_reserved_copy_what_is_left),
            Listen(StockReleased, listeners.when_stock_is_released_copy_what_is_left),
            Listen(StockChanged, listeners.when_stock_changed_copy_it),
        ),
        work=PictureWork(files, maker or PictureProgram(), setup.parts.clock).rows,
        jobs=(Job("forget unclaimed media", HOUR, jobs.forget_unclaimed_media),),
        routes=(*routes(cache, files), *media_routes(files, setup.settings)),
        forget=cache.forget,
    )
