"""Telling again what was told before, for services that come later than their events."""

from mercato.contracts.catalog import DescribeAgain, ToldAgain
from mercato.runtime.transaction import Transaction
from mercato.services.catalog import storage
from mercato.services.catalog.commands.categories import tell
from mercato.services.catalog.commands.products import describe
from mercato.services.catalog.queries import stored
from mercato.values.messages import Caller

MOST_CATEGORIES = 100_000


def describe_again(tx: Transaction, command: DescribeAgain, _caller: Caller) -> ToldAgain:
    found = tx.all(
        storage.LIST_PRODUCTS_AFTER, after=command.after, made_before=command.made_before, limit_=command.limit
    )
    products = [stored(row) for row in found]
    if products and not command.after:
        for category in tx.all(storage.LIST_CATEGORIES, limit=MOST_CATEGORIES):
            tell(tx, category)
    for product in products:
        describe(tx, product)
    variant_ids = tuple([variant.id for product in products for variant in product.body.variants])
    return ToldAgain(variant_ids, products[-1].id if len(products) == command.limit else None)
