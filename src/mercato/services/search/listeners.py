"""What search does about others' events: entries say what products are, cost and how many are sold; whoever follows
them into an index hears of it."""

from mercato.contracts.catalog import CategoryChanged, ProductDescribed
from mercato.contracts.inventory import StockChanged, StockReleased, StockReserved
from mercato.contracts.orders import OrderCancelled, OrderPlaced
from mercato.contracts.pricing import PriceChanged
from mercato.runtime.database.statements import as_list
from mercato.runtime.transaction import Transaction, encode
from mercato.services.search import storage
from mercato.services.search.domain import below
from mercato.services.search.messages import CATEGORIES, NEWS
from mercato.values.commerce import Allocation
from mercato.values.messages import Caller

MOST_CATEGORIES = 100_000


def when_product_is_described_keep_it(tx: Transaction, event: ProductDescribed, _caller: Caller) -> None:
    product_id, version = event.product_id, event.product_version
    tx.defer(
        storage.SAVE_ENTRY,
        id=product_id,
        status=event.status,
        currency=event.currency,
        version=version,
        body=encode(event).decode(),
        price_from=None,
        price_to=None,
        compare_at=None,
        available=0,
        changed=0,
    )
    for variant in event.variants:
        tx.defer(storage.SAVE_VARIANT, id=variant.id, product_id=product_id, version=version)
    for category_id in event.categories:
        tx.defer(storage.PLACE, category_id=category_id, product_id=product_id, version=version)
    tx.defer(storage.ADD_SOLD, product_id=product_id, pieces=0, told=0)
    advance(tx)
    tx.derive(storage.SET_FIGURES, product_id=product_id)


def when_price_changed_find_the_lowest(tx: Transaction, event: PriceChanged, _caller: Caller) -> None:
    row = {"product_id": event.product_id, "variant_id": event.variant_id, "currency": event.currency}
    if event.amount is None:
        tx.defer(storage.REMOVE_PRICE, **row)
    else:
        tx.defer(storage.SAVE_PRICE, amount=event.amount, compare_at=event.compare_at, **row)
    advance(tx)
    tx.derive(storage.SET_FIGURES, product_id=event.product_id)


def when_stock_is_reserved_note_what_is_gone(tx: Transaction, event: StockReserved, _caller: Caller) -> None:
    """Where something is left there was more before: nothing is new then."""
    for allocation in event.allocations:
        if allocation.available <= 0:
            _count(tx, allocation)


def when_stock_is_released_note_what_is_back(tx: Transaction, event: StockReleased, _caller: Caller) -> None:
    for allocation in event.allocations:
        _count(tx, allocation)


def when_stock_changed_note_whether_there_is_any(tx: Transaction, event: StockChanged, _caller: Caller) -> None:
    _count(tx, Allocation(event.variant_id, event.location_id, 0, event.available, event.level_version))


def when_order_is_placed_count_what_is_sold(tx: Transaction, event: OrderPlaced, _caller: Caller) -> None:
    for line in event.lines:
        tx.defer(storage.COUNT_SOLD, product_id=line.product_id, pieces=line.quantity, told=0)


def when_order_is_cancelled_count_back(tx: Transaction, event: OrderCancelled, _caller: Caller) -> None:
    for line in event.lines:
        tx.defer(storage.COUNT_SOLD, product_id=line.product_id, pieces=-line.quantity, told=0)


def when_category_changed_tell_the_index_of_its_products(
    tx: Transaction, event: CategoryChanged, _caller: Caller
) -> None:
    """A new name or place reaches the products of the categories below it too."""
    if not event.title:
        return  # it is of a time when events did not say it; all is told again
    known = tx.one(storage.FIND_CATEGORY, id=event.category_id)
    tx.run(
        storage.SAVE_CATEGORY,
        id=event.category_id,
        parent_id=event.parent_id,
        handle=event.handle,
        name=event.title,
        position=event.position,
    )
    tx.changed(CATEGORIES)
    if known is not None and (known.parent_id, known.name) == (event.parent_id, event.title):
        return
    ids = [str(event.category_id)]
    if known is not None:
        nodes = tx.all(storage.LIST_CATEGORIES, limit=MOST_CATEGORIES)
        ids = below(event.category_id, nodes)
    advance(tx)
    tx.derive(storage.TELL_INDEX_OF_PLACED, category_ids=as_list(ids))


def advance(tx: Transaction) -> None:
    """Draw the number of what is changed here, before it is given to any row."""
    tx.derive(storage.ADVANCE, name=storage.ENTRIES, number=1)
    tx.changed(NEWS)


def _count(tx: Transaction, level: Allocation) -> None:
    tx.defer(
        storage.SAVE_STOCK,
        variant_id=level.variant_id,
        location_id=level.location_id,
        in_stock=int(level.available > 0),
        version=level.version,
    )
    advance(tx)
    tx.derive(storage.SET_AVAILABLE, variant_id=level.variant_id)
