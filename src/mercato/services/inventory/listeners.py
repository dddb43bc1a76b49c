"""What inventory does about others' events: orders hold, buy and give back; products bring stock with them."""

from mercato.contracts.catalog import FiguresGiven
from mercato.contracts.inventory import StockRefused, StockReleased, StockReserved
from mercato.contracts.orders import HoldExtended, OrderCancelled, OrderConfirmed, OrderPlaced
from mercato.runtime.transaction import Transaction
from mercato.services.inventory import storage
from mercato.services.inventory.commands import add_movement, change_stock, first_location
from mercato.services.inventory.domain import Available, Share, shortage, spread
from mercato.values.commerce import Allocation, Shortage, quantities
from mercato.values.ids import LocationId, OrderId, VariantId
from mercato.values.messages import Caller, Conflict


def when_order_is_placed_reserve_its_stock(tx: Transaction, event: OrderPlaced, _caller: Caller) -> None:
    """All lines or none. A variant that stands in several lines counts with their sum (S18)."""
    wanted = quantities(event.lines)
    found: list[tuple[VariantId, list[Share], dict[str, storage.LevelRow]]] = []
    shortages: list[Shortage] = []
    for variant_id, quantity in wanted.items():
        rows = tx.all(storage.LEVELS, variant_id=variant_id)
        levels = [Available(row.location_id, row.available) for row in rows]
        shares = spread(quantity, levels)
        if shares is None:
            shortages.append(shortage(variant_id, quantity, levels))
        else:
            found.append((variant_id, shares, {row.location_id: row for row in rows}))
    if shortages:
        tx.emit(StockRefused(event.order_id, tuple(shortages)), event.order_id, 1)
        return
    allocations = [
        _reserve(tx, event, variant_id, share, before[share.location_id])
        for variant_id, shares, before in found
        for share in shares
    ]
    tx.emit(StockReserved(event.order_id, tuple(allocations)), event.order_id, 1)


def when_hold_is_extended_extend_reservations(tx: Transaction, event: HoldExtended, _caller: Caller) -> None:
    tx.run(storage.EXTEND_RESERVATION, order_id=event.order_id, until=event.expires_at)


def when_order_is_confirmed_sell_what_is_reserved(tx: Transaction, event: OrderConfirmed, _caller: Caller) -> None:
    for row in tx.all(storage.LIST_RESERVATIONS, order_id=event.order_id):
        if row.state == "held":
            _move(tx, event.order_id, row, "sold")


def when_order_is_cancelled_give_stock_back(tx: Transaction, event: OrderCancelled, _caller: Caller) -> None:
    """A hold is released, a sale returned: each reservation once, whatever happens again."""
    moves = {"held": "released", "sold": "returned"}
    rows = [row for row in tx.all(storage.LIST_RESERVATIONS, order_id=event.order_id) if row.state in moves]
    for row in rows:
        _move(tx, event.order_id, row, moves[row.state])
    if rows:
        allocations = tuple(_left(tx, row) for row in rows)
        tx.emit(StockReleased(event.order_id, allocations), event.order_id, 2)


def when_figures_are_given_change_stock(tx: Transaction, event: FiguresGiven, _caller: Caller) -> None:
    location_id = first_location(tx)
    for figures in event.figures:
        change_stock(tx, figures.variant_id, location_id, figures.stock_change, "given with the product")


_STATEMENTS = {"sold": storage.SELL, "released": storage.RELEASE, "returned": storage.TAKE_BACK}


def _reserve(
    tx: Transaction, event: OrderPlaced, variant_id: VariantId, share: Share, before: storage.LevelRow
) -> Allocation:
    location_id = share.location_id
    if not tx.run(storage.RESERVE, variant_id=variant_id, location_id=location_id, pieces=share.quantity):
        raise Conflict("somebody else took the stock at the same moment")
    tx.defer(
        storage.ADD_RESERVATION,
        order_id=event.order_id,
        variant_id=variant_id,
        location_id=location_id,
        quantity=share.quantity,
        state="held",
        expires_at=event.hold_expires_at,
    )
    add_movement(tx, variant_id, location_id, "reserved", (share.quantity, event.order_id, ""))
    left = before.available - share.quantity
    return Allocation(variant_id, LocationId(location_id), share.quantity, left, before.version + 1)


def _move(tx: Transaction, order_id: OrderId, row: storage.ReservationRow, state: str) -> None:
    """Turn a reservation into what `state` says, with its stock and its movement."""
    place = {"variant_id": row.variant_id, "location_id": row.location_id}
    if not tx.run(_STATEMENTS[state], pieces=row.quantity, **place):
        raise Conflict(f"stock of {row.variant_id} at {row.location_id} does not cover its reservation")
    tx.defer(storage.SET_RESERVATION, order_id=order_id, new_state=state, **place)
    add_movement(tx, row.variant_id, row.location_id, state, (row.quantity, order_id, ""))


def _left(tx: Transaction, row: storage.ReservationRow) -> Allocation:
    levels = {level.location_id: level for level in tx.all(storage.LEVELS, variant_id=row.variant_id)}
    level = levels[row.location_id]
    return Allocation(
        VariantId(row.variant_id), LocationId(row.location_id), row.quantity, level.available, level.version
    )
