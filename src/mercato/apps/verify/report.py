"""All checks together.

Each database is read in one snapshot. What contradicts itself within one database counts at once. What contradicts
another service counts only if it is still there after the consumers have passed the events seen in the first look,
so that news which is merely on its way is no difference.
"""

import asyncio
from collections.abc import Callable, Iterator

import msgspec

from mercato.apps.shop import Shop
from mercato.apps.verify import copies, logs, orders, stock
from mercato.apps.verify.snapshot import Difference, Snapshot, snapshot
from mercato.runtime.database.sqlite import SqliteDatabase, integrity_problems
from mercato.runtime.node import Node
from mercato.services.orders.messages import ListExpired
from mercato.values.messages import Caller

Check = Callable[[Snapshot], Iterator[Difference]]

WITHIN: tuple[Check, ...] = (stock.within_inventory, orders.within_orders, orders.within_payments, logs.gaps)
ACROSS: tuple[Check, ...] = (stock.across, orders.across, copies.across, logs.positions)

PATIENCE = 60.0  # seconds for the consumers to pass what was seen
PAUSE = 0.05


class Look(msgspec.Struct, frozen=True):
    """What one look found, and the last event of each log at that moment."""

    within: frozenset[Difference]
    across: frozenset[Difference]
    ends: dict[str, int]


async def find_differences(shop: Shop) -> list[Difference]:
    """Everything that is not as it must be, sorted by invariant."""
    found = {Difference("file", problem, "the database file is damaged") for problem in _damage(shop.node)}
    if found:
        return sorted(found, key=_order)
    first = await _look(shop)
    found |= first.within
    if first.across:
        ends = await _wait_for_expiries(shop, first.ends)
        found |= await _wait_for_consumers(shop.node, ends)
        second = await _look(shop)
        found |= first.across & second.across
    return sorted(found, key=_order)


async def _look(shop: Shop) -> Look:
    def look() -> Look:
        with snapshot(shop.node) as seen:
            return Look(
                frozenset(difference for check in WITHIN for difference in check(seen)),
                frozenset(difference for check in ACROSS for difference in check(seen)),
                {name: log.last for name, log in seen.logs.items()},
            )

    return await shop.parts.pools.readers.run(look)


async def _wait_for_expiries(shop: Shop, ends: dict[str, int]) -> dict[str, int]:
    """A shop that was closed for a while has holds to end first: wait for that, and for the events it leads to."""
    loop, calls = shop.parts.loop, shop.node.calls
    end = loop.time() + PATIENCE
    waited = False
    while loop.time() < end and await calls.ask(ListExpired(), Caller.system("", "verify")):
        waited = True
        await asyncio.sleep(PAUSE)
    return (await _look(shop)).ends if waited else ends


async def _wait_for_consumers(node: Node, ends: dict[str, int]) -> set[Difference]:
    """Wait until every consumer has passed these numbers; whoever does not is a difference of its own."""
    loop = node.parts.loop
    end = loop.time() + PATIENCE
    while behind := list(_behind(node, ends)):
        if loop.time() > end:
            return set(behind)
        await asyncio.sleep(PAUSE)
    return set()


def _behind(node: Node, ends: dict[str, int]) -> Iterator[Difference]:
    for name, executor in node.executors.items():
        for source, feed in executor.feeds.items():
            if feed.position < ends[source]:
                text = f"it has done {feed.position} of {ends[source]} events"
                yield Difference("I19", f"{name} in the log of {source}", text)


def _damage(node: Node) -> Iterator[str]:
    for executor in node.executors.values():
        if isinstance(executor.database, SqliteDatabase):
            yield from integrity_problems(executor.database.path)


def _order(difference: Difference) -> tuple[str, str, str]:
    return difference.invariant.rjust(6), difference.subject, difference.text
