"""Tables and statements of pricing."""

import msgspec
from sqlalchemy import Column, MetaData, Table, bindparam, select

from mercato.runtime.database.columns import Integer, identity, key, required, store
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import any_of, fetch

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
    """`amount` and `compare_at` in minor units of the currency."""

    variant_id: str
    currency: str
    product_id: str
    amount: int
    compare_at: int | None
    version: int


class RatesRow(msgspec.Struct, frozen=True):
    """`tax_included` is 0 or 1, `shipping` in minor units of the currency."""

    currency: str
    tax_millionths: int
    tax_included: int
    shipping: int
    version: int


PRICES = Kept(prices, PriceRow, changing=("product_id", "amount", "compare_at", "version"), guard="version")
RATES = Kept(rates, RatesRow, changing=("tax_millionths", "tax_included", "shipping", "version"), guard="version")
_columns = tuple(column for column in prices.c if column.name != "store")
LIST_PRICES = fetch(
    PriceRow,
    select(*_columns).where(
        prices.c.store == bindparam("store"),
        prices.c.currency == bindparam("currency"),
        any_of(prices.c.variant_id, "variant_ids"),
    ),
)
LIST_PRICES_OF_THESE = fetch(
    PriceRow, select(*_columns).where(prices.c.store == bindparam("store"), any_of(prices.c.variant_id, "variant_ids"))
)
