"""The cart documents, and the copies of what is sold (from catalog) at which price (from pricing)."""

import msgspec
from sqlalchemy import Column, MetaData, Table

from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.kept import Kept
from mercato.runtime.documents.collection import Collection
from mercato.services.carts.domain import CartDocument

metadata = MetaData()

CARTS = Collection("carts", CartDocument)

variants = Table(
    "variants",
    metadata,
    identity("variant_id"),
    store(),
    required("product_id", key()),
    required("seller", key()),
    required("title", Text),
    required("options", Text),
    required("sku", Text),
    required("handle", Text),
    required("image", Text),
    required("on_sale", Integer),
    sqlite_with_rowid=False,
)

prices = Table(
    "prices",
    metadata,
    identity("variant_id"),
    Column("currency", key(3), primary_key=True),
    store(),
    required("amount", Integer),
    sqlite_with_rowid=False,
)


class VariantRow(msgspec.Struct, frozen=True):
    """A variant as catalog told of it; `on_sale` is 0 or 1."""

    variant_id: str
    product_id: str
    seller: str
    title: str
    options: str
    sku: str
    handle: str
    image: str
    on_sale: int


class PriceRow(msgspec.Struct, frozen=True):
    variant_id: str
    currency: str
    amount: int


VARIANTS = Kept(variants, VariantRow)
PRICES = Kept(prices, PriceRow)
