"""I1, I2, I5 within inventory; I2 to I5 and I30 against orders and catalog."""

from collections import defaultdict
from collections.abc import Iterator

from mercato.apps.verify import statements
from mercato.apps.verify.snapshot import Difference, Snapshot, place
from mercato.apps.verify.statements import LevelSums, OrderFigures, Reserved
from mercato.services.orders.domain import read_body
from mercato.values.clock import MINUTE

Place = tuple[str, str, str]

# Which states the reservations of an order may be in, by the stage of the order.
STATES = {
    "placed": {"held"},
    "payment_due": {"held"},
    "confirmed": {"sold"},
    "paid": {"sold"},
    "cancelled": {"released", "returned"},
}


def within_inventory(look: Snapshot) -> Iterator[Difference]:
    levels = {_place(row): row for row in look.all("inventory", statements.LEVELS)}
    yield from _sums(levels)
    yield from _movements(look, levels)
    held: dict[Place, int] = defaultdict(int)
    for row in look.all("inventory", statements.RESERVATIONS):
        if row.state == "held":
            held[_place(row)] += row.quantity
    for key in levels.keys() | held.keys():
        reserved = levels[key].reserved if key in levels else 0
        if reserved != held[key]:
            yield Difference("I2", _name(key), f"{reserved} reserved, live reservations hold {held[key]}")
    yield from _moves(look)


def across(look: Snapshot) -> Iterator[Difference]:
    orders = {(row.store, row.id): row for row in look.all("orders", statements.ORDERS)}
    by_order: dict[tuple[str, str], list[Reserved]] = defaultdict(list)
    for row in look.all("inventory", statements.RESERVATIONS):
        by_order[row.store, row.order_id].append(row)
        if row.state == "held" and row.expires_at + MINUTE < look.now:
            yield Difference(
                "I2", f"{row.store} {row.order_id}", "its reservation lives more than 60 s past its expiry"
            )
    for key, rows in by_order.items():
        if key not in orders:
            yield Difference("I2", " ".join(key), "it has reservations and no order")
            continue
        yield from _order_stock(orders[key], rows)
    for key, order in orders.items():
        if order.stage in ("payment_due", "confirmed", "paid") and key not in by_order:
            yield Difference("I3", " ".join(key), f"it is {order.stage} and nothing is reserved for it")
    yield from _oversold(look, orders)
    yield from _documents(look)


def _sums(levels: dict[Place, LevelSums]) -> Iterator[Difference]:
    for key, row in levels.items():
        came, went = row.received + row.returned, row.available + row.reserved + row.sold + row.written_off
        terms = (row.available, row.reserved, row.sold, row.received, row.returned, row.written_off)
        if came != went or min(terms) < 0:
            yield Difference("I1", _name(key), f"{came} came, {went} are there, reserved, sold or written off")


def _movements(look: Snapshot, levels: dict[Place, LevelSums]) -> Iterator[Difference]:
    sums: dict[Place, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in look.all("inventory", statements.MOVEMENTS):
        sums[_place(row)][row.kind] = row.quantity
    for key in levels.keys() | sums.keys():
        moved = sums[key]
        explained = {
            "received": moved["received"],
            "returned": moved["returned"],
            "written_off": moved["written_off"],
            "sold": moved["sold"],
            "reserved": moved["reserved"] - moved["released"] - moved["sold"],
        }
        for name, quantity in explained.items():
            stored = getattr(levels[key], name) if key in levels else 0
            if stored != quantity:
                yield Difference("I1", _name(key), f"{stored} {name}, its movements say {quantity}")


def _moves(look: Snapshot) -> Iterator[Difference]:
    """Each reservation is made, sold, released, returned at most once, always with its own quantity."""
    quantities = {
        (row.store, row.order_id, row.variant_id, row.location_id): row.quantity
        for row in look.all("inventory", statements.RESERVATIONS)
    }
    moves: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for row in look.all("inventory", statements.ORDER_MOVES):
        key = (row.store, row.order_id, row.variant_id, row.location_id)
        subject = f"{row.store} {row.order_id} {row.variant_id}"
        if row.times > 1:
            yield Difference("I20", subject, f"it was {row.kind} {row.times} times")
        if row.quantity != quantities.get(key):
            yield Difference("I5", subject, f"{row.quantity} were {row.kind}, its reservation is {quantities.get(key)}")
        moves[key].add(row.kind)
    for key, kinds in moves.items():
        if {"sold", "released"} <= kinds:
            yield Difference("I5", f"{key[0]} {key[1]} {key[2]}", "its hold was both sold and released")
        if "returned" in kinds and "sold" not in kinds:
            yield Difference("I5", f"{key[0]} {key[1]} {key[2]}", "it was returned, and never sold")


def _order_stock(order: OrderFigures, rows: list[Reserved]) -> Iterator[Difference]:
    subject = f"{order.store} {order.id}"
    wrong = {row.state for row in rows} - STATES.get(order.stage, set())
    if wrong:
        yield Difference("I5", subject, f"it is {order.stage}, its stock is {', '.join(sorted(wrong))}")
    wanted: dict[str, int] = defaultdict(int)
    for line in read_body(order.body).lines:
        wanted[line.variant_id] += line.quantity
    reserved: dict[str, int] = defaultdict(int)
    for row in rows:
        reserved[row.variant_id] += row.quantity
    if order.stage == "payment_due" and any(row.expires_at != order.hold_expires_at for row in rows):
        yield Difference("I2", subject, "its goods are not reserved for as long as it is held")
    if wanted != reserved:
        yield Difference("I5", subject, "what is reserved for it is not what was ordered")


def _oversold(look: Snapshot, orders: dict[tuple[str, str], OrderFigures]) -> Iterator[Difference]:
    committed: dict[tuple[str, str], int] = defaultdict(int)
    for order in orders.values():
        if order.stage in ("payment_due", "confirmed", "paid"):
            for line in read_body(order.body).lines:
                committed[order.store, line.variant_id] += line.quantity
    stocked: dict[tuple[str, str], int] = defaultdict(int)
    for row in look.all("inventory", statements.LEVELS):
        stocked[row.store, row.variant_id] += row.received + row.returned - row.written_off
    for key, quantity in committed.items():
        if quantity > stocked[key]:
            yield Difference("I3", " ".join(key), f"{quantity} are promised, {stocked[key]} ever came")


def _documents(look: Snapshot) -> Iterator[Difference]:
    shown = {_place(row): row.available for row in look.all("catalog", statements.AVAILABLE)}
    for row in look.all("inventory", statements.LEVELS):
        if shown.get(_place(row)) != row.available:
            text = f"{row.available} available at version {row.version}, catalog shows {shown.get(_place(row))}"
            yield Difference("I30", place(row), text)


def _place(row: LevelSums | Reserved | statements.MovementSums | statements.Available) -> Place:
    return row.store, row.variant_id, row.location_id


def _name(key: Place) -> str:
    return f"{key[0]} {key[1]} at {key[2]}"
