"""Tables and statements of search.

An entry is one row: its body is what catalog has told of a product in words; lowest and highest price and whether it is
available stand beside it, computed from the rows of its variants whenever one of those changes. `changed` is the number
of the latest change that the index must hear of. Numbers are drawn under a lock that is held until the commit, so that
nobody who follows them passes one that commits late.
"""

import msgspec
from sqlalchemy import Column, Index, MetaData, Table, and_, bindparam, delete, func, or_, select, update

from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.statements import any_of, fetch, upsert, write

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    identity(),
    store(),
    required("status", key(16)),
    required("currency", key(3)),
    required("version", Integer),
    required("body", Text),
    Column("price_from", Integer),
    Column("price_to", Integer),
    Column("compare_at", Integer),
    required("available", Integer),
    required("changed", Integer),
)
Index("entries_by_change", entries.c.changed, entries.c.id)

# Rows of a product that are of an earlier version than its entry stand for nothing any more: they are never removed.
variants = Table(
    "variants",
    metadata,
    identity(),
    store(),
    required("product_id", key()),
    required("version", Integer),
    sqlite_with_rowid=False,
)
Index("variants_by_product", variants.c.product_id, variants.c.store)

placed = Table(
    "placed",
    metadata,
    identity("category_id"),
    identity("product_id"),
    store(),
    required("version", Integer),
    sqlite_with_rowid=False,
)

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

stock = Table(
    "stock",
    metadata,
    identity("variant_id"),
    identity("location_id"),
    store(),
    required("in_stock", Integer),
    required("version", Integer),  # of the stock level
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
    required("position", Integer),
    sqlite_with_rowid=False,
)
Index("categories_by_store", categories.c.store)

# A row for each entry. `told` is how many pieces the index knows of.
sold = Table(
    "sold",
    metadata,
    identity("product_id"),
    store(),
    required("pieces", Integer),
    required("told", Integer),
    sqlite_with_rowid=False,
)

rules = Table(
    "rules",
    metadata,
    Column("name", key(16), primary_key=True),
    store(),
    required("version", Integer),
    required("language", key(2)),
    required("body", Text),
    sqlite_with_rowid=False,
)

no_results = Table(
    "no_results",
    metadata,
    Column("typed", key(100), primary_key=True),
    store(),
    required("count", Integer),
    required("last_at", Integer),
    sqlite_with_rowid=False,
)
Index("no_results_by_store", no_results.c.store, no_results.c.last_at)

# Of the whole installation: the number of the latest change of entries, whether all was told again, and how often a new
# index was wanted.
marks = Table(
    "marks", metadata, Column("name", key(16), primary_key=True), required("number", Integer), sqlite_with_rowid=False
)
ENTRIES, TOLD, REBUILDS = "entries", "told", "rebuilds"
RULES = "rules"


class ChangedRow(msgspec.Struct, frozen=True):
    store: str
    id: str
    status: str
    body: str
    price_from: int | None
    available: int
    changed: int
    sold: int | None


class CardRow(msgspec.Struct, frozen=True):
    id: str
    status: str
    body: str
    price_from: int | None
    price_to: int | None
    compare_at: int | None
    available: int


class CategoryRow(msgspec.Struct, frozen=True):
    store: str
    id: str
    parent_id: str | None
    handle: str
    name: str
    position: int


class MarkRow(msgspec.Struct, frozen=True):
    number: int


class GrownRow(msgspec.Struct, frozen=True):
    store: str
    product_id: str


class RulesRow(msgspec.Struct, frozen=True):
    version: int
    body: str


class LanguageRow(msgspec.Struct, frozen=True):
    store: str
    language: str


class VersionRow(msgspec.Struct, frozen=True):
    version: int


class NoResultRow(msgspec.Struct, frozen=True):
    typed: str
    count: int
    last_at: int


class SinceRow(msgspec.Struct, frozen=True):
    last_at: int


# Entries, and what is computed for them.

# Events that were parked come after later ones: they are old news then.
SAVE_ENTRY = upsert(entries, update=("status", "currency", "body"), newer="version")
SAVE_VARIANT = upsert(variants, update=("product_id",), newer="version")
PLACE = upsert(placed, update=("version",), newer="version")
SAVE_PRICE = upsert(prices, update=("amount", "compare_at"))
REMOVE_PRICE = write(
    delete(prices).where(
        prices.c.store == bindparam("store"),
        prices.c.product_id == bindparam("product_id"),
        prices.c.variant_id == bindparam("variant_id"),
        prices.c.currency == bindparam("currency"),
    )
)
SAVE_STOCK = upsert(stock, update=("in_stock",), newer="version")

ADVANCE = upsert(marks, increase=("number",), across_stores=True)
FIND_MARK = fetch(MarkRow, select(marks.c.number).where(marks.c.name == bindparam("name")), across_stores=True)
SET_MARK = upsert(marks, update=("number",), across_stores=True)

_number = select(marks.c.number).where(marks.c.name == ENTRIES).scalar_subquery()
_its_variants = and_(
    variants.c.store == bindparam("store"),
    variants.c.product_id == entries.c.id,
    variants.c.version == entries.c.version,
)
_its_prices = and_(
    prices.c.store == bindparam("store"),
    prices.c.product_id == entries.c.id,
    prices.c.currency == entries.c.currency,
    prices.c.variant_id == variants.c.id,
)
_available = func.coalesce(
    select(func.max(stock.c.in_stock))
    .where(stock.c.store == bindparam("store"), stock.c.variant_id == variants.c.id, _its_variants)
    .correlate(entries)
    .scalar_subquery(),
    0,
)
_this_store = entries.c.store == bindparam("store")

# What the rows of a product's variants say, and that the index must hear of it.
SET_FIGURES = write(
    update(entries)
    .where(_this_store, entries.c.id == bindparam("product_id"))
    .values(
        price_from=select(func.min(prices.c.amount))
        .where(_its_prices, _its_variants)
        .correlate(entries)
        .scalar_subquery(),
        price_to=select(func.max(prices.c.amount))
        .where(_its_prices, _its_variants)
        .correlate(entries)
        .scalar_subquery(),
        compare_at=select(prices.c.compare_at)
        .where(_its_prices, _its_variants)
        .order_by(prices.c.amount, prices.c.variant_id)
        .limit(1)
        .correlate(entries)
        .scalar_subquery(),
        available=_available,
        changed=_number,
    ),
    across_stores=True,
)
# Only what is available now and was not, or the other way round, is worth telling the index.
SET_AVAILABLE = write(
    update(entries)
    .where(
        _this_store,
        entries.c.id.in_(
            select(variants.c.product_id).where(
                variants.c.store == bindparam("store"), variants.c.id == bindparam("variant_id")
            )
        ),
        entries.c.available != _available,
    )
    .values(available=_available, changed=_number),
    across_stores=True,
)
TELL_INDEX = write(
    update(entries).where(_this_store, entries.c.id == bindparam("product_id")).values(changed=_number),
    across_stores=True,
)
TELL_INDEX_OF_STORE = write(update(entries).where(_this_store).values(changed=_number), across_stores=True)
TELL_INDEX_OF_PLACED = write(
    update(entries)
    .where(
        _this_store,
        entries.c.id.in_(
            select(placed.c.product_id).where(
                placed.c.store == bindparam("store"), any_of(placed.c.category_id, "category_ids")
            )
        ),
    )
    .values(changed=_number),
    across_stores=True,
)

# What the index follows.
LIST_CHANGED = fetch(
    ChangedRow,
    select(
        entries.c.store,
        entries.c.id,
        entries.c.status,
        entries.c.body,
        entries.c.price_from,
        entries.c.available,
        entries.c.changed,
        sold.c.pieces.label("sold"),
    )
    .select_from(entries.outerjoin(sold, and_(sold.c.product_id == entries.c.id, sold.c.store == entries.c.store)))
    .where(
        entries.c.changed >= bindparam("changed"),
        or_(entries.c.changed > bindparam("changed"), entries.c.id > bindparam("after_id")),
    )
    .order_by(entries.c.changed, entries.c.id)
    .limit(bindparam("limit_")),
    across_stores=True,
)
_category_columns = (
    categories.c.store,
    categories.c.id,
    categories.c.parent_id,
    categories.c.handle,
    categories.c.name,
    categories.c.position,
)
LIST_CATEGORIES_OF_STORES = fetch(
    CategoryRow, select(*_category_columns).where(any_of(categories.c.store, "stores")), across_stores=True
)

# Cards.

FIND_CARDS = fetch(
    CardRow,
    select(
        entries.c.id,
        entries.c.status,
        entries.c.body,
        entries.c.price_from,
        entries.c.price_to,
        entries.c.compare_at,
        entries.c.available,
    ).where(_this_store, any_of(entries.c.id, "ids")),
)

# Categories.

SAVE_CATEGORY = upsert(categories, update=("parent_id", "handle", "name", "position"))
FIND_CATEGORY = fetch(
    CategoryRow,
    select(*_category_columns).where(categories.c.store == bindparam("store"), categories.c.id == bindparam("id")),
)
LIST_CATEGORIES = fetch(CategoryRow, select(*_category_columns).where(categories.c.store == bindparam("store")))

# Sales.

ADD_SOLD = upsert(sold)
COUNT_SOLD = upsert(sold, increase=("pieces",))
LIST_GROWN = fetch(
    GrownRow,
    select(sold.c.store, sold.c.product_id)
    .where(or_(sold.c.pieces > 2 * sold.c.told, 2 * sold.c.pieces < sold.c.told))
    .order_by(sold.c.store, sold.c.product_id)
    .limit(bindparam("limit_")),
    across_stores=True,
)
SET_TOLD = write(
    update(sold)
    .where(sold.c.store == bindparam("store"), any_of(sold.c.product_id, "product_ids"))
    .values(told=sold.c.pieces)
)

# What stores say about their search, and what was not found.

SAVE_RULES = upsert(rules, update=("version", "language", "body"))
FIND_RULES = fetch(
    RulesRow,
    select(rules.c.version, rules.c.body).where(rules.c.store == bindparam("store"), rules.c.name == RULES),
)
FIND_RULES_VERSION = fetch(
    VersionRow, select(rules.c.version).where(rules.c.store == bindparam("store"), rules.c.name == RULES)
)
LIST_LANGUAGES = fetch(
    LanguageRow,
    select(rules.c.store, rules.c.language).where(any_of(rules.c.store, "stores"), rules.c.name == RULES),
    across_stores=True,
)
COUNT_NO_RESULT = upsert(no_results, update=("last_at",), increase=("count",))
LIST_NO_RESULTS = fetch(
    NoResultRow,
    select(no_results.c.typed, no_results.c.count, no_results.c.last_at)
    .where(no_results.c.store == bindparam("store"))
    .order_by(no_results.c.count.desc(), no_results.c.last_at.desc(), no_results.c.typed)
    .limit(bindparam("limit_")),
)
LIST_NO_RESULTS_SINCE = fetch(
    SinceRow,
    select(no_results.c.last_at)
    .where(no_results.c.store == bindparam("store"))
    .order_by(no_results.c.last_at.desc())
    .limit(bindparam("limit_")),
)
FORGET_NO_RESULTS = write(
    delete(no_results).where(no_results.c.store == bindparam("store"), no_results.c.last_at < bindparam("before"))
)
