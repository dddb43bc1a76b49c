"""Tables and statements of catalog.

A product is one row: its body is what merchants give. Prices and availability are copies from events, kept in rows of
their own, because they change with every order: the published document joins the three when it is read.
`listing` has a row for each category that shows a product, those above its own included, and one for the whole store.
"""

import msgspec
from sqlalchemy import Column, Index, MetaData, Select, Table, and_, bindparam, delete, func, or_, select, text, update

from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.statements import Statement, any_of, fetch, insert_into, upsert, write
from mercato.services.catalog.domain import MAX_PRICE

metadata = MetaData()

products = Table(
    "products",
    metadata,
    identity(),
    store(),
    required("handle", key(255)),
    required("title", Text),
    required("status", key(16)),
    required("currency", key(3)),
    required("created_at", Integer),
    required("updated_at", Integer),
    required("version", Integer),
    required("body", Text),
)
Index("products_by_handle", products.c.handle, products.c.store, unique=True)

prices = Table(
    "prices",
    metadata,
    identity("product_id"),
    identity("variant_id"),
    Column("currency", key(3), primary_key=True),
    store(),
    required("amount", Integer),
    Column("compare_at", Integer),
    sqlite_with_rowid=False,
)

availability = Table(
    "availability",
    metadata,
    identity("variant_id"),
    identity("location_id"),
    store(),
    required("available", Integer),
    Column("version", Integer, nullable=False, server_default=text("0")),  # of the stock level
    sqlite_with_rowid=False,
)

categories = Table(
    "categories",
    metadata,
    identity(),
    store(),
    Column("parent_id", key()),
    required("handle", key(255)),
    required("name", Text),
    required("path", key(600)),
    required("position", Integer),
    required("version", Integer),
    sqlite_with_rowid=False,
)
Index("categories_by_handle", categories.c.handle, categories.c.store, unique=True)

Index("categories_by_store", categories.c.store, categories.c.position)
Index("categories_by_path", categories.c.path, categories.c.store)

listing = Table(
    "listing",
    metadata,
    Column("category_id", key(), primary_key=True),
    identity("product_id"),
    store(),
    required("title", key(120)),
    required("price", Integer),
    sqlite_with_rowid=False,
)
Index("listing_by_title", listing.c.category_id, listing.c.store, listing.c.title, listing.c.product_id)
Index("listing_by_price", listing.c.category_id, listing.c.store, listing.c.price, listing.c.product_id)
Index("listing_by_product", listing.c.product_id, listing.c.store)


# What the last import said of a product, by its handle in the file.
imported = Table(
    "imported",
    metadata,
    Column("handle", key(255), primary_key=True),
    store(),
    required("product_id", key()),
    required("fingerprint", key(64)),
    required("quantities", Text),
    sqlite_with_rowid=False,
)

imports = Table(
    "imports",
    metadata,
    Column("file", key(64), primary_key=True),
    store(),
    required("ordinal", Integer),
    required("finished", Integer),
    required("updated_at", Integer),
    sqlite_with_rowid=False,
)


# Files of products from their upload on. `names` are those of all files that may be kept for one, as a JSON list.
media = Table(
    "media",
    metadata,
    identity(),
    store(),
    required("product_id", key()),
    required("state", key(16)),
    required("file_name", Text),
    required("content_type", key(40)),
    required("size", Integer),
    required("alt", Text),
    required("variant_id", key()),
    required("option_value", key(255)),
    required("reason", Text),
    required("names", Text),
    required("expires_at", Integer),
    required("updated_at", Integer),
    required("version", Integer),
    sqlite_with_rowid=False,
)
Index("media_by_product", media.c.product_id, media.c.store)
Index("media_by_state", media.c.state, media.c.updated_at)


class MediaRow(msgspec.Struct, frozen=True):
    id: str
    product_id: str
    state: str
    file_name: str
    content_type: str
    size: int
    alt: str
    variant_id: str
    option_value: str
    reason: str
    names: str
    expires_at: int
    updated_at: int
    version: int


class UnclaimedRow(msgspec.Struct, frozen=True):
    store: str
    id: str


class ProductRow(msgspec.Struct, frozen=True):
    id: str
    handle: str
    title: str
    status: str
    currency: str
    created_at: int
    updated_at: int
    version: int
    body: str


class PriceRow(msgspec.Struct, frozen=True):
    variant_id: str
    currency: str
    amount: int
    compare_at: int | None


class AvailabilityRow(msgspec.Struct, frozen=True):
    variant_id: str
    location_id: str
    available: int


class CategoryRow(msgspec.Struct, frozen=True):
    id: str
    parent_id: str | None
    handle: str
    name: str
    path: str
    position: int
    version: int


class ListedRow(msgspec.Struct, frozen=True):
    product_id: str
    title: str
    price: int


class ImportedRow(msgspec.Struct, frozen=True):
    handle: str
    product_id: str
    fingerprint: str
    quantities: str


class ImportRow(msgspec.Struct, frozen=True):
    ordinal: int
    finished: int


_product_columns = [column for column in products.c if column.name != "store"]
_category_columns = [column for column in categories.c if column.name != "store"]

ADD_PRODUCT = insert_into(products)
FIND_PRODUCT = fetch(
    ProductRow,
    select(*_product_columns).where(products.c.store == bindparam("store"), products.c.id == bindparam("id")),
)
FIND_PRODUCT_BY_HANDLE = fetch(
    ProductRow,
    select(*_product_columns).where(products.c.store == bindparam("store"), products.c.handle == bindparam("handle")),
)
LIST_THESE_PRODUCTS = fetch(
    ProductRow,
    select(*_product_columns).where(products.c.store == bindparam("store"), any_of(products.c.id, "ids")),
)
LIST_PRODUCTS_BY_HANDLES = fetch(
    ProductRow,
    select(*_product_columns).where(products.c.store == bindparam("store"), any_of(products.c.handle, "handles")),
)
LIST_PRODUCTS_AFTER = fetch(
    ProductRow,
    select(*_product_columns)
    .where(
        products.c.store == bindparam("store"),
        products.c.id > bindparam("after"),
        products.c.created_at < bindparam("made_before"),
    )
    .order_by(products.c.id)
    .limit(bindparam("limit_")),
)
CHANGE_PRODUCT = write(
    update(products)
    .where(
        products.c.store == bindparam("store"),
        products.c.id == bindparam("of_id"),
        products.c.version == bindparam("known_version"),
    )
    .values(
        handle=bindparam("handle"),
        title=bindparam("title"),
        status=bindparam("status"),
        currency=bindparam("currency"),
        updated_at=bindparam("updated_at"),
        version=products.c.version + 1,
        body=bindparam("body"),
    )
)

SAVE_PRICE = upsert(prices, update=("amount", "compare_at"))
REMOVE_PRICE = write(
    delete(prices).where(
        prices.c.store == bindparam("store"),
        prices.c.product_id == bindparam("product_id"),
        prices.c.variant_id == bindparam("variant_id"),
        prices.c.currency == bindparam("currency"),
    )
)
_price_columns = (prices.c.variant_id, prices.c.currency, prices.c.amount, prices.c.compare_at)
LIST_PRICES = fetch(
    PriceRow,
    select(*_price_columns).where(prices.c.store == bindparam("store"), prices.c.product_id == bindparam("product_id")),
)
LIST_PRICES_OF_THESE = fetch(
    PriceRow,
    select(*_price_columns).where(prices.c.store == bindparam("store"), any_of(prices.c.product_id, "product_ids")),
)

# An event that was parked comes after later ones of other orders: its figure is old news then.
SAVE_AVAILABILITY = upsert(availability, update=("available",), newer="version")
LIST_AVAILABILITY = fetch(
    AvailabilityRow,
    select(availability.c.variant_id, availability.c.location_id, availability.c.available).where(
        availability.c.store == bindparam("store"), any_of(availability.c.variant_id, "variant_ids")
    ),
)

SAVE_CATEGORY = upsert(categories, update=("parent_id", "handle", "name", "path", "position", "version"))
FIND_CATEGORY = fetch(
    CategoryRow,
    select(*_category_columns).where(categories.c.store == bindparam("store"), categories.c.id == bindparam("id")),
)
FIND_CATEGORY_BY_HANDLE = fetch(
    CategoryRow,
    select(*_category_columns).where(
        categories.c.store == bindparam("store"), categories.c.handle == bindparam("handle")
    ),
)
FIND_CATEGORY_BY_PATH = fetch(
    CategoryRow,
    select(*_category_columns).where(categories.c.store == bindparam("store"), categories.c.path == bindparam("path")),
)
LIST_CATEGORIES = fetch(
    CategoryRow,
    select(*_category_columns).where(categories.c.store == bindparam("store")),
)

LIST_IMPORTED = fetch(
    ImportedRow,
    select(imported.c.handle, imported.c.product_id, imported.c.fingerprint, imported.c.quantities).where(
        imported.c.store == bindparam("store"), any_of(imported.c.handle, "handles")
    ),
)
SAVE_IMPORTED = upsert(imported, update=("product_id", "fingerprint", "quantities"))
FIND_IMPORT = fetch(
    ImportRow,
    select(imports.c.ordinal, imports.c.finished).where(
        imports.c.store == bindparam("store"), imports.c.file == bindparam("file")
    ),
)
SAVE_IMPORT = upsert(imports, update=("ordinal", "finished", "updated_at"))

_media_columns = [column for column in media.c if column.name != "store"]

ADD_MEDIA = insert_into(media)
FIND_MEDIA = fetch(
    MediaRow, select(*_media_columns).where(media.c.store == bindparam("store"), media.c.id == bindparam("id"))
)
LIST_MEDIA = fetch(
    MediaRow,
    select(*_media_columns).where(media.c.store == bindparam("store"), media.c.product_id == bindparam("product_id")),
)
CHANGE_MEDIA = write(
    update(media)
    .where(
        media.c.store == bindparam("store"),
        media.c.id == bindparam("of_id"),
        media.c.version == bindparam("known_version"),
    )
    .values(
        state=bindparam("state"),
        alt=bindparam("alt"),
        variant_id=bindparam("variant_id"),
        option_value=bindparam("option_value"),
        reason=bindparam("reason"),
        names=bindparam("names"),
        updated_at=bindparam("updated_at"),
        version=media.c.version + 1,
    )
)
REMOVE_MEDIA = write(delete(media).where(media.c.store == bindparam("store"), media.c.id == bindparam("id")))
LIST_UNCLAIMED = fetch(
    UnclaimedRow,
    select(media.c.store, media.c.id)
    .where(
        or_(
            and_(media.c.state == "awaited", media.c.expires_at < bindparam("awaited")),
            and_(media.c.state == "refused", media.c.updated_at < bindparam("refused")),
        )
    )
    .limit(bindparam("limit_")),
    across_stores=True,
)

SAVE_LISTED = upsert(listing, update=("title", "price"))
REMOVE_LISTED = write(
    delete(listing).where(listing.c.store == bindparam("store"), listing.c.product_id == bindparam("product_id"))
)
_lowest_price = (
    select(func.min(prices.c.amount))
    .where(
        prices.c.store == bindparam("store"),
        prices.c.product_id == bindparam("product_id"),
        prices.c.currency == bindparam("currency"),
    )
    .scalar_subquery()
)
_price = func.coalesce(_lowest_price, MAX_PRICE)
SET_LISTED_PRICE = write(
    update(listing)
    .where(
        listing.c.store == bindparam("store"),
        listing.c.product_id == bindparam("product_id"),
        listing.c.price != _price,
    )
    .values(price=_price)
)

_listed = (listing.c.product_id, listing.c.title, listing.c.price)
_of_category = and_(listing.c.store == bindparam("store"), listing.c.category_id == bindparam("category_id"))


def _page(select_from: Select[tuple[str, str, int]]) -> Statement[ListedRow]:
    return fetch(ListedRow, select_from.limit(bindparam("limit_")))


# Each page begins with a range of its index, so that a page far down a long list costs no more than the first one.
NEWEST = _page(
    select(*_listed)
    .where(_of_category, listing.c.product_id < bindparam("after_id"))
    .order_by(listing.c.product_id.desc())
)
BY_TITLE = _page(
    select(*_listed)
    .where(
        _of_category,
        listing.c.title >= bindparam("after"),
        or_(listing.c.title > bindparam("after"), listing.c.product_id > bindparam("after_id")),
    )
    .order_by(listing.c.title, listing.c.product_id)
)
PRICE_UP = _page(
    select(*_listed)
    .where(
        _of_category,
        listing.c.price >= bindparam("after"),
        or_(listing.c.price > bindparam("after"), listing.c.product_id > bindparam("after_id")),
    )
    .order_by(listing.c.price, listing.c.product_id)
)
PRICE_DOWN = _page(
    select(*_listed)
    .where(
        _of_category,
        listing.c.price <= bindparam("after"),
        or_(listing.c.price < bindparam("after"), listing.c.product_id < bindparam("after_id")),
    )
    .order_by(listing.c.price.desc(), listing.c.product_id.desc())
)
