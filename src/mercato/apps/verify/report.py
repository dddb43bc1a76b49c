"""All checks together.

Each database is read in one snapshot. What contradicts itself within one database counts at once. What contradicts
another service counts only if it is still there after the consumers have passed the events seen in the first look, and
those that came of them, so that news which is merely on its way is no difference.
"""

import asyncio
from collections.abc import Callable, Iterator

import msgspec

from mercato.apps.shop import Shop
from mercato.apps.verify import copies, logs, orders, stock
from mercato.apps.verify.snapshot import Databases, Difference, Snapshot, snapshot
from mercato.runtime.database.sqlite import SqliteDatabase, integrity_problems
from mercato.services.orders.messages import ListExpired
from mercato.values.messages import Caller

Check = Callable[[Snapshot], Iterator[Difference]]

WITHIN: tuple[Check, ...] = (stock.within_inventory, orders.within_orders, orders.within_payments, logs.gaps)
ACROSS: tuple[Check, ...] = (stock.across, orders.across, copies.across, logs.positions, logs.untold)

HOPS = 3  # from a capture for an order that is off: the order's answer to it, and the refund
PATIENCE = 60.0  # seconds for the consumers to pass what was seen
PAUSE = 0.05


class Look(msgspec.Struct, frozen=True):
    """What one look found, and the last event of each log at that moment."""

    within: frozenset[Difference]
    across: frozenset[Difference]
    ends: dict[str, int]


async def find_differences(shop: Shop) -> list[Difference]:
    """Everything that is not as it must be, sorted by invariant."""
    databases = Databases(shop.node)
    try:
        found = {Difference("file", problem, "the database file is damaged") for problem in _damage(databases)}
        if not found:
            found = await _find_differences(shop, databases)
    finally:
        databases.close()
    return sorted(found, key=_order)


async def _find_differences(shop: Shop, databases: Databases) -> set[Difference]:
    first = await _look(shop, databases)
    found, left = set(first.within), first.across
    ends = await _wait_for_expiries(shop, databases, first.ends) if left else first.ends
    for _ in range(HOPS):
        if not left:
            break
        found |= await _wait_for_consumers(shop, databases, ends)
        look = await _look(shop, databases)
        left, ends = left & look.across, look.ends
    return found | left


async def _look(shop: Shop, databases: Databases) -> Look:
    def look() -> Look:
        with snapshot(databases) as seen:
            return Look(
                frozenset(difference for check in WITHIN for difference in check(seen)),
                frozenset(difference for check in ACROSS for difference in check(seen)),
                {name: log.last for name, log in seen.logs.items()},
            )

    return await shop.parts.pools.readers.run(look)


async def _wait_for_expiries(shop: Shop, databases: Databases, ends: dict[str, int]) -> dict[str, int]:
    """A shop that was closed for a while has holds to end first: wait for that, and for the events it leads to."""
    loop, calls = shop.parts.loop, shop.node.calls
    end = loop.time() + PATIENCE
    waited = False
    while loop.time() < end and await calls.ask(ListExpired(), Caller.system("", "verify")):
        waited = True
        await asyncio.sleep(PAUSE)
    return (await _look(shop, databases)).ends if waited else ends


async def _wait_for_consumers(shop: Shop, databases: Databases, ends: dict[str, int]) -> set[Difference]:
    """Wait until every consumer has passed these numbers; whoever does not is a difference of its own."""
    loop = shop.parts.loop
    end = loop.time() + PATIENCE
    while behind := await shop.parts.pools.readers.run(lambda: set(_behind(databases, ends))):
        if loop.time() > end:
            return behind
        await asyncio.sleep(PAUSE)
    return set()


def _behind(databases: Databases, ends: dict[str, int]) -> Iterator[Difference]:
    for name in databases.of:
        for source, position in databases.positions(name).items():
            if position < ends.get(source, 0):
                text = f"it has done {position} of {ends[source]} events"
                yield Difference("I19", f"{name} in the log of {source}", text)


def _damage(databases: Databases) -> Iterator[str]:
    for database in databases.of.values():
        if isinstance(database, SqliteDatabase):
            yield from integrity_problems(database.path)


def _order(difference: Difference) -> tuple[str, str, str]:
    return difference.invariant.rjust(6), difference.subject, difference.text
