"""What may be changed in inventory: stock that comes and goes, each time with the movement that explains it."""

from mercato.contracts.inventory import AdjustStock, NotEnoughStock, StockChanged, VariantStock
from mercato.runtime.transaction import Transaction
from mercato.services.inventory import storage
from mercato.services.inventory.queries import stock_of
from mercato.values.ids import LocationId, VariantId
from mercato.values.messages import Caller


def adjust_stock(tx: Transaction, command: AdjustStock, _caller: Caller) -> VariantStock:
    location_id = LocationId(command.location_id or first_location(tx))
    levels = {row.location_id: row for row in tx.all(storage.LEVELS, variant_id=command.variant_id)}
    level = levels.get(location_id)
    available = level.available if level else 0
    if available + command.change < 0:
        raise NotEnoughStock(available=available)
    change_stock(tx, command.variant_id, location_id, command.change, command.reason)
    return stock_of(tx, command.variant_id)


def change_stock(tx: Transaction, variant_id: VariantId, location_id: str, change: int, reason: str) -> None:
    """Receive pieces (`change` above 0) or write them off, never more than are available, and tell others."""
    level = tx.one(storage.FIND_LEVEL, variant_id=variant_id, location_id=location_id)
    available = level.available if level else 0
    pieces = max(change, -available)
    if level is None:
        _begin_with(tx, variant_id, location_id, pieces)
    elif not pieces:
        return
    else:
        statement = storage.RECEIVE if pieces > 0 else storage.WRITE_OFF
        if not tx.run(statement, variant_id=variant_id, location_id=location_id, pieces=abs(pieces)):
            raise NotEnoughStock(available=available)
    if pieces:
        kind = "received" if pieces > 0 else "written_off"
        add_movement(tx, variant_id, location_id, kind, (abs(pieces), "", reason))
    version = (level.version if level else 0) + (1 if pieces else 0)
    tx.emit(StockChanged(variant_id, LocationId(location_id), available + pieces, version), variant_id, version)


def _begin_with(tx: Transaction, variant_id: VariantId, location_id: str, pieces: int) -> None:
    """The first level of a variant at a location."""
    tx.defer(
        storage.ADD_LEVEL,
        variant_id=variant_id,
        location_id=location_id,
        available=pieces,
        reserved=0,
        sold=0,
        received=pieces,
        returned=0,
        written_off=0,
        version=1 if pieces else 0,
    )


def add_movement(tx: Transaction, variant_id: str, location_id: str, kind: str, what: tuple[int, str, str]) -> None:
    """Record a movement; `what` is how many pieces, for which order, and why."""
    quantity, order_id, reason = what
    tx.defer(
        storage.ADD_MOVEMENT,
        id=tx.new_id("mov"),
        variant_id=variant_id,
        location_id=location_id,
        kind=kind,
        quantity=quantity,
        order_id=order_id,
        reason=reason,
        at=tx.now,
    )


def first_location(tx: Transaction) -> str:
    """The store's first location; one named Main is made for a store that has none."""
    row = tx.one(storage.FIRST_LOCATION)
    if row is not None:
        return row.id
    location_id = tx.new_id("loc")
    tx.run(storage.ADD_LOCATION, id=location_id, name="Main", place=0)
    return location_id
