"""What may be changed in inventory: stock that comes and goes, each time with the movement that explains it."""

from mercato.contracts.inventory import AdjustStock, NotEnoughStock, StockChanged, TellStockAgain, VariantStock
from mercato.runtime.database.statements import as_list
from mercato.runtime.transaction import Transaction
from mercato.services.inventory import storage
from mercato.services.inventory.domain import Level, moved
from mercato.services.inventory.queries import stock_of
from mercato.values.ids import LocationId, VariantId
from mercato.values.messages import Caller

MOST_LEVELS = 100_000  # of the variants that are told of at once


def adjust_stock(tx: Transaction, command: AdjustStock, _caller: Caller) -> VariantStock:
    location_id = LocationId(command.location_id or first_location(tx))
    level = _level(tx, command.variant_id, location_id)
    available = level.available if level else 0
    if available + command.change < 0:
        raise NotEnoughStock(available=available)
    change_stock(tx, command.variant_id, location_id, command.change, command.reason)
    return stock_of(tx, command.variant_id)


def tell_stock_again(tx: Transaction, command: TellStockAgain, _caller: Caller) -> None:
    for row in tx.all(storage.LIST_LEVELS, limit=MOST_LEVELS, variant_ids=as_list(command.variant_ids)):
        event = StockChanged(VariantId(row.variant_id), LocationId(row.location_id), row.available, row.version)
        tx.emit(event, row.variant_id, row.version)


def change_stock(tx: Transaction, variant_id: VariantId, location_id: str, change: int, reason: str) -> None:
    """Receive pieces (`change` above 0) or write them off, never more than are available, and tell others."""
    level = _level(tx, variant_id, location_id)
    pieces = max(change, -(level.available if level else 0))
    if level is not None and not pieces:
        return
    if level is None:
        after = _begin(tx, variant_id, location_id, pieces, reason)
    else:
        after = move(tx, level, "received" if pieces > 0 else "written_off", abs(pieces), reason=reason)
    event = StockChanged(variant_id, LocationId(location_id), after.available, after.version)
    tx.emit(event, variant_id, after.version)


def move(tx: Transaction, level: Level, kind: str, pieces: int, order_id: str = "", reason: str = "") -> Level:
    """Move so many pieces, with the movement that explains it; the level then. Raises Uncovered."""
    after = moved(level, kind, pieces)
    tx.change(storage.STOCK, level, after)
    _explain(tx, level, kind, pieces, order_id, reason)
    return after


def _begin(tx: Transaction, variant_id: str, location_id: str, pieces: int, reason: str) -> Level:
    """The first level of a variant at a location."""
    level = Level(variant_id, location_id, 0, 0, 0, 0, 0, 0, 0)
    if pieces:
        level = moved(level, "received", pieces)
        _explain(tx, level, "received", pieces, "", reason)
    tx.add(storage.STOCK, level)
    return level


def _explain(tx: Transaction, level: Level, kind: str, pieces: int, order_id: str, reason: str) -> None:
    tx.defer(
        storage.ADD_MOVEMENT,
        id=tx.new_id("mov"),
        variant_id=level.variant_id,
        location_id=level.location_id,
        kind=kind,
        quantity=pieces,
        order_id=order_id,
        reason=reason,
        at=tx.now,
    )


def _level(tx: Transaction, variant_id: str, location_id: str) -> Level | None:
    return next((level for level in tx.rows(storage.STOCK, variant_id) if level.location_id == location_id), None)


def first_location(tx: Transaction) -> str:
    """The store's first location; one named Main is made for a store that has none."""
    row = tx.one(storage.FIRST_LOCATION)
    if row is not None:
        return row.id
    location_id = tx.new_id("loc")
    tx.run(storage.ADD_LOCATION, id=location_id, name="Main", place=0)
    return location_id
