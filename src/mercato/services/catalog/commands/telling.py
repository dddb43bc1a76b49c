"""Telling again what was told before, for services that come later than their events."""

from mercato.contracts.catalog import DescribeAgain
from mercato.runtime.transaction import Transaction
from mercato.services.catalog import storage
from mercato.services.catalog.commands.categories import tell
from mercato.services.catalog.commands.products import describe
from mercato.services.catalog.queries import stored
from mercato.values.messages import Caller

MOST_CATEGORIES = 100_000


def describe_again(tx: Transaction, command: DescribeAgain, _caller: Caller) -> str | None:
    if not command.after:
        for category in tx.all(storage.LIST_CATEGORIES, limit=MOST_CATEGORIES):
            tell(tx, category)
    rows = tx.all(storage.LIST_PRODUCTS_AFTER, after=command.after, limit_=command.limit)
    for row in rows:
        describe(tx, stored(row))
    return rows[-1].id if len(rows) == command.limit else None
