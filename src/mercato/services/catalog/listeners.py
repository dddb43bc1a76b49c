"""What catalog does about others' events: prices and availability of the published document."""

from mercato.contracts.inventory import StockChanged, StockReleased, StockReserved
from mercato.contracts.pricing import PriceChanged
from mercato.runtime.transaction import Transaction
from mercato.services.catalog import storage
from mercato.values.commerce import Allocation
from mercato.values.messages import Caller


def when_price_changed_copy_it(tx: Transaction, event: PriceChanged, _caller: Caller) -> None:
    row = {"product_id": event.product_id, "variant_id": event.variant_id, "currency": event.currency}
    if event.amount is None:
        tx.defer(storage.REMOVE_PRICE, **row)
    else:
        tx.defer(storage.SAVE_PRICE, amount=event.amount, compare_at=event.compare_at, **row)
    tx.changed(event.product_id)
    tx.derive(storage.SET_LISTED_PRICE, product_id=event.product_id, currency=event.currency)


def when_stock_is_reserved_copy_what_is_left(tx: Transaction, event: StockReserved, _caller: Caller) -> None:
    _copy(tx, event.allocations)


def when_stock_is_released_copy_what_is_left(tx: Transaction, event: StockReleased, _caller: Caller) -> None:
    _copy(tx, event.allocations)


def when_stock_changed_copy_it(tx: Transaction, event: StockChanged, _caller: Caller) -> None:
    tx.defer(
        storage.SAVE_AVAILABILITY,
        variant_id=event.variant_id,
        location_id=event.location_id,
        available=event.available,
        version=event.level_version,
    )
    tx.changed(event.variant_id)


def _copy(tx: Transaction, allocations: tuple[Allocation, ...]) -> None:
    for allocation in allocations:
        tx.defer(
            storage.SAVE_AVAILABILITY,
            variant_id=allocation.variant_id,
            location_id=allocation.location_id,
            available=allocation.available,
            version=allocation.version,
        )
        tx.changed(allocation.variant_id)
