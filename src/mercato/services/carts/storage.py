"""The cart documents, and the copies of what is sold (from catalog) at which price (from pricing)."""

import msgspec
from sqlalchemy import Column, MetaData, Table, and_, bindparam, delete, select

from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.statements import any_of, fetch, upsert, write
from mercato.runtime.documents.collection import Collection
from mercato.services.carts.domain import CartDocument, Offer

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


class CurrentPrice(msgspec.Struct, frozen=True):
    variant_id: str
    amount: int


_joined = variants.join(prices, and_(prices.c.store == variants.c.store, prices.c.variant_id == variants.c.variant_id))

LIST_OFFERS = fetch(
    Offer,
    select(
        variants.c.variant_id,
        variants.c.product_id,
        variants.c.seller,
        variants.c.title,
        variants.c.options,
        variants.c.sku,
        variants.c.handle,
        variants.c.image,
        prices.c.currency,
        prices.c.amount,
    )
    .select_from(_joined)
    .where(
        variants.c.store == bindparam("store"),
        variants.c.variant_id == bindparam("variant_id"),
        variants.c.on_sale == 1,
    )
    .order_by(prices.c.currency),
)
CURRENT_PRICES = fetch(
    CurrentPrice,
    select(prices.c.variant_id, prices.c.amount)
    .select_from(_joined)
    .where(
        variants.c.store == bindparam("store"),
        variants.c.on_sale == 1,
        prices.c.currency == bindparam("currency"),
        any_of(variants.c.variant_id, "variant_ids"),
    ),
)
CURRENT_PRICE = fetch(
    CurrentPrice,
    select(prices.c.variant_id, prices.c.amount)
    .select_from(_joined)
    .where(
        variants.c.store == bindparam("store"),
        variants.c.on_sale == 1,
        prices.c.currency == bindparam("currency"),
        variants.c.variant_id == bindparam("variant_id"),
    ),
)
SAVE_VARIANT = upsert(
    variants, update=("product_id", "seller", "title", "options", "sku", "handle", "image", "on_sale")
)
REMOVE_VARIANT = write(
    delete(variants).where(variants.c.store == bindparam("store"), variants.c.variant_id == bindparam("variant_id"))
)
SAVE_PRICE = upsert(prices, update=("amount",))
REMOVE_PRICE = write(
    delete(prices).where(
        prices.c.store == bindparam("store"),
        prices.c.variant_id == bindparam("variant_id"),
        prices.c.currency == bindparam("currency"),
    )
)
