"""What inventory does about others' events: orders hold, buy and give back; products bring stock with them."""

import msgspec

from mercato.contracts.catalog import FiguresGiven
from mercato.contracts.inventory import StockRefused, StockReleased, StockReserved
from mercato.contracts.orders import HoldExtended, OrderCancelled, OrderConfirmed, OrderPlaced
from mercato.runtime.reader import Reader
from mercato.runtime.service import Names
from mercato.runtime.transaction import Transaction
from mercato.services.inventory import storage
from mercato.services.inventory.commands import change_stock, first_location, move
from mercato.services.inventory.domain import Level, Reservation, Share, shortage, spread
from mercato.values.commerce import Allocation, Shortage, quantities
from mercato.values.ids import LocationId, VariantId
from mercato.values.messages import Caller


def when_order_is_placed_reserve_its_stock(tx: Transaction, event: OrderPlaced, _caller: Caller) -> None:
    """All lines or none. A variant that stands in several lines counts with their sum (S18)."""
    wanted = quantities(event.lines)
    found: list[tuple[list[Share], dict[str, Level]]] = []
    shortages: list[Shortage] = []
    for variant_id, quantity in wanted.items():
        levels = tx.rows(storage.STOCK, variant_id)
        shares = spread(quantity, levels)
        if shares is None:
            shortages.append(shortage(variant_id, quantity, levels))
        else:
            found.append((shares, {level.location_id: level for level in levels}))
    if shortages:
        tx.emit(StockRefused(event.order_id, tuple(shortages)), event.order_id, 1)
        return
    taken = [
        _allocation(move(tx, levels[share.location_id], "reserved", share.quantity, event.order_id), share.quantity)
        for shares, levels in found
        for share in shares
    ]
    tx.add_first(storage.RESERVATIONS, *(_hold(event, allocation) for allocation in taken))
    tx.emit(StockReserved(event.order_id, tuple(taken)), event.order_id, 1)


def when_hold_is_extended_extend_reservations(tx: Transaction, event: HoldExtended, _caller: Caller) -> None:
    for row in tx.rows(storage.RESERVATIONS, event.order_id):
        tx.change(storage.RESERVATIONS, row, msgspec.structs.replace(row, expires_at=event.expires_at))


def when_order_is_confirmed_sell_what_is_reserved(tx: Transaction, event: OrderConfirmed, _caller: Caller) -> None:
    for row in tx.rows(storage.RESERVATIONS, event.order_id):
        if row.state == "held":
            _end(tx, row, "sold")


def when_order_is_cancelled_give_stock_back(tx: Transaction, event: OrderCancelled, _caller: Caller) -> None:
    """A hold is released, a sale returned: each reservation once, whatever happens again."""
    moves = {"held": "released", "sold": "returned"}
    rows = [row for row in tx.rows(storage.RESERVATIONS, event.order_id) if row.state in moves]
    allocations = tuple(_end(tx, row, moves[row.state]) for row in rows)
    if allocations:
        tx.emit(StockReleased(event.order_id, allocations), event.order_id, 2)


def when_figures_are_given_change_stock(tx: Transaction, event: FiguresGiven, _caller: Caller) -> None:
    location_id = first_location(tx)
    for figures in event.figures:
        change_stock(tx, figures.variant_id, location_id, figures.stock_change, "given with the product")


def stock_of_figures(event: FiguresGiven) -> Names:
    return ((storage.STOCK, [figures.variant_id for figures in event.figures]),)


def stock_of_lines(event: OrderPlaced) -> Names:
    return ((storage.STOCK, [line.variant_id for line in event.lines]),)


def reserved_stock(reader: Reader, event: OrderConfirmed | OrderCancelled, _caller: Caller) -> Names:
    rows = reader.rows(storage.RESERVATIONS, event.order_id)
    return ((storage.STOCK, [row.variant_id for row in rows]),)


def _hold(event: OrderPlaced, taken: Allocation) -> Reservation:
    return Reservation(
        event.order_id, taken.variant_id, taken.location_id, taken.quantity, "held", event.hold_expires_at
    )


def _end(tx: Transaction, row: Reservation, state: str) -> Allocation:
    """Turn a reservation into what `state` says, with its stock and its movement."""
    level = next(level for level in tx.rows(storage.STOCK, row.variant_id) if level.location_id == row.location_id)
    after = move(tx, level, state, row.quantity, row.order_id)
    tx.change(storage.RESERVATIONS, row, msgspec.structs.replace(row, state=state))
    return _allocation(after, row.quantity)


def _allocation(level: Level, quantity: int) -> Allocation:
    return Allocation(
        VariantId(level.variant_id), LocationId(level.location_id), quantity, level.available, level.version
    )
