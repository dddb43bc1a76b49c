"""What may be asked of catalog, and the joining of products with their figures."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from mercato.contracts.catalog import (
    Category,
    GetMedia,
    GetProduct,
    ListCategories,
    ListMedia,
    ListProducts,
    Media,
    Product,
    ProductCard,
)
from mercato.runtime.database.statements import as_list
from mercato.runtime.reader import Reader
from mercato.services.catalog import storage
from mercato.services.catalog.domain import (
    Figures,
    ProductBody,
    StoredProduct,
    UrlOf,
    card_of,
    document_of,
    picture_of,
)
from mercato.services.catalog.messages import GetImport, ImportRun, ListUnclaimed, Unclaimed
from mercato.services.catalog.storage import ProductRow
from mercato.values.clock import DAY, HOUR
from mercato.values.ids import CategoryId, MediaId, ProductId
from mercato.values.messages import Caller, NotFound
from mercato.values.page import Page, from_cursor, to_cursor

NEVER_CAME = HOUR  # after the end of an upload, until it is forgotten
TOLD_FOR = 30 * DAY  # that a refused file and its reason are kept
AT_ONCE = 500  # that one run of the sweep takes

BEHIND_ALL_IDS = "~"  # ids begin with a letter

_BODY = msgspec.json.Decoder(ProductBody)


def get_product(url_of: UrlOf, reader: Reader, query: GetProduct, caller: Caller) -> Product:
    if query.product_id:
        row = reader.one(storage.FIND_PRODUCT, id=query.product_id)
    else:
        row = reader.one(storage.FIND_PRODUCT_BY_HANDLE, handle=query.handle)
    if row is None or not (row.status == "active" or caller.is_staff):
        raise NotFound("there is no such product")
    return published(url_of, reader, stored(row))


def published(url_of: UrlOf, reader: Reader, product: StoredProduct) -> Product:
    """The product's document, with its prices and what is available."""
    rows = reader.all(storage.LIST_PRICES, product_id=product.id)
    prices = {row.variant_id: (row.amount, row.compare_at) for row in rows if row.currency == product.currency}
    return document_of(product, Figures(prices, _available(reader, [product])), _in_store(url_of, reader))


def list_products(url_of: UrlOf, reader: Reader, query: ListProducts, _caller: Caller) -> Page[ProductCard]:
    category_id = _category_id(reader, query.category)
    listed, following = _listed(reader, query, category_id)
    rows = reader.all(storage.LIST_THESE_PRODUCTS, ids=as_list(row.product_id for row in listed))
    products = {row.id: stored(row) for row in rows}
    shown = [products[row.product_id] for row in listed if row.product_id in products]
    figures = _figures(reader, shown)
    found = _in_store(url_of, reader)
    return Page(tuple(card_of(product, figures, found) for product in shown), following)


def list_categories(reader: Reader, _query: ListCategories, _caller: Caller) -> tuple[Category, ...]:
    return in_tree_order([category_of(row) for row in reader.all(storage.LIST_CATEGORIES)])


def get_import(reader: Reader, query: GetImport, _caller: Caller) -> ImportRun:
    row = reader.one(storage.FIND_IMPORT, file=query.file)
    return ImportRun(row.ordinal, bool(row.finished)) if row else ImportRun(0, False)


def get_media(url_of: UrlOf, reader: Reader, query: GetMedia, _caller: Caller) -> Media:
    row = reader.one(storage.FIND_MEDIA, id=query.media_id)
    if row is None:
        raise NotFound("there is no such picture")
    product = reader.one(storage.FIND_PRODUCT, id=row.product_id)
    return media_of(url_of, reader, row, stored(product) if product else None)


def list_media(url_of: UrlOf, reader: Reader, query: ListMedia, _caller: Caller) -> tuple[Media, ...]:
    found = reader.one(storage.FIND_PRODUCT, id=query.product_id)
    if found is None:
        raise NotFound("there is no such product")
    product = stored(found)
    places = {picture.media_id: place for place, picture in enumerate(product.body.media)}
    rows = sorted(
        reader.all(storage.LIST_MEDIA, product_id=product.id),
        key=lambda row: (places.get(MediaId(row.id), len(places)), row.id),
    )
    return tuple(media_of(url_of, reader, row, product) for row in rows)


def media_of(url_of: UrlOf, reader: Reader, row: storage.MediaRow, product: StoredProduct | None) -> Media:
    """A row as staff see it, with what its product shows of it."""
    pictures = product.body.media if product else ()
    picture = next((picture for picture in pictures if picture.media_id == row.id), None)
    return Media(
        MediaId(row.id),
        ProductId(row.product_id),
        row.state,  # type: ignore[arg-type]
        row.file_name,
        row.content_type,
        row.size,
        row.alt,
        row.variant_id,
        row.option_value,
        row.reason,
        row.expires_at,
        row.version,
        picture_of(picture, _in_store(url_of, reader)) if picture else None,
    )


def list_unclaimed(reader: Reader, _query: ListUnclaimed, _caller: Caller) -> tuple[Unclaimed, ...]:
    rows = reader.all(
        storage.LIST_UNCLAIMED, awaited=reader.now - NEVER_CAME, refused=reader.now - TOLD_FOR, limit_=AT_ONCE
    )
    return tuple(Unclaimed(row.store, MediaId(row.id)) for row in rows)


def _in_store(url_of: UrlOf, reader: Reader) -> UrlOf:
    """Where names of this store's files are found."""
    store = reader.store
    return lambda name: url_of(f"{store}/{name}")


def stored(row: ProductRow) -> StoredProduct:
    return StoredProduct(
        ProductId(row.id),
        row.handle,
        row.title,
        row.status,  # type: ignore[arg-type]
        row.currency,
        row.created_at,
        row.updated_at,
        row.version,
        _BODY.decode(row.body),
    )


def category_of(row: storage.CategoryRow) -> Category:
    parent_id = CategoryId(row.parent_id) if row.parent_id else None
    return Category(CategoryId(row.id), parent_id, row.handle, row.name, row.path, row.position, row.version)


def in_tree_order(categories: Sequence[Category]) -> tuple[Category, ...]:
    """Parents before their children, siblings by position and name."""
    children: dict[CategoryId | None, list[Category]] = {}
    for category in categories:
        children.setdefault(category.parent_id, []).append(category)
    ordered: list[Category] = []
    waiting = sorted(children.get(None, ()), key=_place, reverse=True)
    while waiting:
        category = waiting.pop()
        ordered.append(category)
        waiting.extend(sorted(children.get(category.id, ()), key=_place, reverse=True))
    return tuple(ordered)


def _place(category: Category) -> tuple[int, str]:
    return category.position, category.name


def _category_id(reader: Reader, given: str) -> str:
    """The id of a category given by id or handle; "" is the whole store."""
    if not given:
        return ""
    row = reader.one(storage.FIND_CATEGORY_BY_HANDLE, handle=given) or reader.one(storage.FIND_CATEGORY, id=given)
    if row is None:
        raise NotFound("there is no such category")
    return row.id


def _listed(reader: Reader, query: ListProducts, category_id: str) -> tuple[list[storage.ListedRow], str | None]:
    """The rows of one page and the cursor of the next."""
    wanted: dict[str, Any] = {"category_id": category_id, "limit_": query.limit + 1}
    match query.sort:
        case "newest":
            (after_id,) = from_cursor(query.cursor, tuple[str]) if query.cursor else (BEHIND_ALL_IDS,)
            rows = reader.all(storage.NEWEST, after_id=after_id, **wanted)
        case "title":
            title, after_id = from_cursor(query.cursor, tuple[str, str]) if query.cursor else ("", "")
            rows = reader.all(storage.BY_TITLE, after=title, after_id=after_id, **wanted)
        case _:
            up = query.sort == "price_up"
            start = (-1, "") if up else (2**62 + 1, "")
            amount, after_id = from_cursor(query.cursor, tuple[int, str]) if query.cursor else start  # type: ignore[assignment]
            statement = storage.PRICE_UP if up else storage.PRICE_DOWN
            rows = reader.all(statement, after=amount, after_id=after_id, **wanted)
    shown = rows[: query.limit]
    if len(rows) <= query.limit:
        return shown, None
    last = shown[-1]
    position: dict[str, tuple[str | int, ...]] = {
        "newest": (last.product_id,),
        "title": (last.title, last.product_id),
    }
    return shown, to_cursor(*position.get(query.sort, (last.price, last.product_id)))


def _figures(reader: Reader, products: Sequence[StoredProduct]) -> Figures:
    rows = reader.all(storage.LIST_PRICES_OF_THESE, product_ids=as_list(product.id for product in products))
    currencies = {variant.id: product.currency for product in products for variant in product.body.variants}
    prices = {
        row.variant_id: (row.amount, row.compare_at)
        for row in rows
        if currencies.get(row.variant_id) == row.currency  # type: ignore[call-overload]
    }
    return Figures(prices, _available(reader, products))


def _available(reader: Reader, products: Iterable[StoredProduct]) -> dict[str, int]:
    wanted = as_list(variant.id for product in products for variant in product.body.variants)
    available: dict[str, int] = {}
    for row in reader.all(storage.LIST_AVAILABILITY, variant_ids=wanted, limit=100_000):
        available[row.variant_id] = available.get(row.variant_id, 0) + row.available
    return available
