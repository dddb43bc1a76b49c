"""Tables and statements of pricing."""

import msgspec
from sqlalchemy import Column, MetaData, Table, bindparam, select

from mercato.runtime.database.columns import Integer, identity, key, required, store
from mercato.runtime.database.statements import any_of, fetch, upsert

metadata = MetaData()

prices = Table(
    "prices",
    metadata,
    identity("variant_id"),
    Column("currency", key(3), primary_key=True),
    store(),
    required("product_id", key()),
    required("amount", Integer),
    Column("compare_at", Integer),
    required("version", Integer),
    sqlite_with_rowid=False,
)

rates = Table(
    "rates",
    metadata,
    Column("currency", key(3), primary_key=True),
    store(),
    required("tax_millionths", Integer),
    required("tax_included", Integer),
    required("shipping", Integer),
    required("version", Integer),
    sqlite_with_rowid=False,
)


class PriceRow(msgspec.Struct, frozen=True):
    variant_id: str
    amount: int
    compare_at: int | None
    version: int


class RatesRow(msgspec.Struct, frozen=True):
    tax_millionths: int
    tax_included: int
    shipping: int
    version: int


_price_columns = (prices.c.variant_id, prices.c.amount, prices.c.compare_at, prices.c.version)

LIST_PRICES = fetch(
    PriceRow,
    select(*_price_columns).where(
        prices.c.store == bindparam("store"),
        prices.c.currency == bindparam("currency"),
        any_of(prices.c.variant_id, "variant_ids"),
    ),
)
FIND_PRICE = fetch(
    PriceRow,
    select(*_price_columns).where(
        prices.c.store == bindparam("store"),
        prices.c.variant_id == bindparam("variant_id"),
        prices.c.currency == bindparam("currency"),
    ),
)
SAVE_PRICE = upsert(prices, update=("product_id", "amount", "compare_at", "version"))
FIND_RATES = fetch(
    RatesRow,
    select(rates.c.tax_millionths, rates.c.tax_included, rates.c.shipping, rates.c.version).where(
        rates.c.store == bindparam("store"), rates.c.currency == bindparam("currency")
    ),
)
SAVE_RATES = upsert(rates, update=("tax_millionths", "tax_included", "shipping", "version"))
