"""Each check of verify sees its drift: planted in the files of a stopped shop, found by its invariant's number."""

# ruff: noqa: S608 - no statement here contains anything but constants

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from mercato.apps.verify.report import find_differences
from mercato.runtime.database.sqlite import connect
from mercato.values.clock import HOUR, MINUTE, ManualClock
from tests.journeys.town import Person, Town, opened

LATER = ManualClock().now() + HOUR


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the data folder of a shop is kept after a day's business; made by the first test that needs it."""
    return tmp_path_factory.mktemp("day") / "data"


@pytest.fixture
async def day(files: Path, tmp_path: Path) -> Path:
    """The data folder of a stopped shop: one order is paid, one waits, one was paid back, one declined."""
    if not files.exists():  # noqa: ASYNC240 - one look at a local file
        making = files.with_name("making")
        async with opened(making) as town:
            await business(town)
        making.rename(files)
    folder = tmp_path / "data"
    shutil.copytree(files, folder)
    return folder


async def business(town: Town) -> None:
    town.store = await town.open("first", "First Shop")
    small, large = await town.product("shirt", stock=20)
    people = {name: await town.person(name) for name in ("paid", "open", "back", "poor")}
    await people["paid"].add(large)
    await people["paid"].bought(small, 2)
    await people["open"].placed(small)
    back = await people["back"].bought(large, 3)
    await people["back"].cancel(back["id"])
    poor = await people["poor"].placed(large)
    assert (await people["poor"].pay(poor["id"], "decline")).status == 402
    assert await town.sound()


def plant(folder: Path, service: str, sql: str) -> None:
    connection = connect(folder / f"{service}.db")
    connection.create_scalar_function("other", lambda *given: "x" + str(given[0])[1:], 1)
    try:
        connection.execute(sql)
        assert connection.changes() > 0, sql
    finally:
        connection.close()


async def found(folder: Path) -> list[str]:
    """The invariants that verify reports of the shop as it is started again, each once."""
    async with opened(folder, listens=False) as town:
        return sorted({difference.invariant for difference in await find_differences(town.shop)})


PAID = "(SELECT id FROM orders WHERE stage = 'paid')"
ONE = "variant_id = (SELECT min(variant_id) FROM stock)"
DRIFTS: dict[str, tuple[str, str, list[str]]] = {
    "stock appears": ("inventory", f"UPDATE stock SET received = received + 1 WHERE {ONE}", ["I1"]),
    "stock vanishes": ("inventory", f"UPDATE stock SET available = available - 1 WHERE {ONE}", ["I1", "I30"]),
    "stock is swapped for sold": (
        "inventory",
        f"UPDATE stock SET available = available - 1, sold = sold + 1 WHERE {ONE}",
        ["I1", "I30"],
    ),
    "a movement is lost": ("inventory", "DELETE FROM movements WHERE kind = 'returned'", ["I1"]),
    "a movement is written off twice": (
        "inventory",
        "INSERT INTO movements SELECT other(id), store, variant_id, location_id, 'written_off', 1, '', '', at "
        "FROM movements WHERE kind = 'received' LIMIT 1",
        ["I1"],
    ),
    "a hold without its row": ("inventory", "DELETE FROM reservations WHERE state = 'held'", ["I2", "I3", "I5"]),
    "a hold for more than its order": (
        "inventory",
        "UPDATE reservations SET quantity = quantity + 1 WHERE state = 'held'",
        ["I2", "I5"],
    ),
    "a hold of no order": (
        "inventory",
        "INSERT INTO reservations SELECT 'ord_none', variant_id, location_id, store, quantity, 'sold', expires_at "
        "FROM reservations LIMIT 1",
        ["I2"],
    ),
    "a hold that outlives its end": (
        "inventory",
        f"UPDATE reservations SET expires_at = {ManualClock().now() - MINUTE - 1} WHERE state = 'held'",
        ["I2"],
    ),
    "a reservation that is gone": ("inventory", "DELETE FROM reservations WHERE state = 'sold'", ["I3", "I5"]),
    "more promised than ever came": (
        "inventory",
        "UPDATE stock SET received = 1, returned = 0, sold = 0, reserved = 0, written_off = 0, available = 1",
        ["I1", "I2", "I3", "I30"],
    ),
    "a sale of a cancelled order": (
        "inventory",
        "UPDATE reservations SET state = 'sold' WHERE state = 'returned'",
        ["I5"],
    ),
    "a hold of a paid order": (
        "inventory",
        "UPDATE reservations SET state = 'released' WHERE state = 'sold'",
        ["I5"],
    ),
    "a hold sold and released": (
        "inventory",
        "INSERT INTO movements SELECT other(id), store, variant_id, location_id, 'released', quantity, order_id, '', "
        "at FROM movements WHERE kind = 'sold' LIMIT 1",
        ["I1", "I5"],
    ),
    "a hold returned that was never sold": (
        "inventory",
        "INSERT INTO movements SELECT other(id), store, variant_id, location_id, 'returned', quantity, order_id, '', "
        "at FROM movements WHERE kind = 'reserved' AND order_id NOT IN (SELECT order_id FROM movements "
        "WHERE kind = 'sold') LIMIT 1",
        ["I1", "I5"],
    ),
    "a hold sold twice": (
        "inventory",
        "INSERT INTO movements SELECT other(id), store, variant_id, location_id, kind, quantity, order_id, '', at "
        "FROM movements WHERE kind = 'sold' LIMIT 1",
        ["I1", "I20", "I5"],
    ),
    "a refund beyond its payment's record": (
        "payments",
        "UPDATE payments SET refunded = refunded - 1 WHERE refunded > 0",
        ["I7"],
    ),
    "a refund of what was never captured": (
        "payments",
        "UPDATE payments SET refunded = 1 WHERE state = 'failed'",
        ["I7"],
    ),
    "a total that its lines do not make": (
        "orders",
        "UPDATE orders SET total = total + 1",
        ["I10", "I8", "I9"],
    ),
    "a line that costs another amount": (
        "orders",
        """UPDATE bodies SET body = replace(body, '"discount":0', '"discount":1')""",
        ["I8"],
    ),
    "a tax that is not its lines'": (
        "orders",
        """UPDATE bodies SET body = replace(body, '"shipping_tax":', '"shipping_tax":1')""",
        ["I8"],
    ),
    "another amount asked for": ("payments", "UPDATE payments SET amount = amount + 1 WHERE state = 'failed'", ["I9"]),
    "another amount due": ("payments", "UPDATE dues SET amount = amount + 1 WHERE state = 'open'", ["I9"]),
    "a capture that the order does not know": (
        "orders",
        "UPDATE orders SET captured = 0 WHERE stage = 'paid'",
        ["I10"],
    ),
    "a paid order without its payment": (
        "payments",
        "UPDATE payments SET state = 'failed' WHERE state = 'captured' AND refunded = 0",
        ["I10"],
    ),
    "a refund that the gateway refused": ("payments", "UPDATE refunds SET state = 'failed'", ["I10"]),
    "a cart's version without its order": ("orders", "DELETE FROM ordered_carts", ["I14"]),
    "a cart's version of another order": ("orders", "UPDATE ordered_carts SET order_id = 'ord_none'", ["I14"]),
    "a step that is missing": (
        "orders",
        f"DELETE FROM transitions WHERE event = 'OrderConfirmed' AND order_id IN {PAID}",
        ["I15", "I19"],
    ),
    "a step that is not allowed": (
        "orders",
        f"UPDATE transitions SET event = 'RefundDue' WHERE event = 'OrderConfirmed' AND order_id IN {PAID}",
        ["I15", "I19"],
    ),
    "a stage that its history does not reach": (
        "orders",
        "UPDATE orders SET stage = 'confirmed' WHERE stage = 'paid'",
        ["I15"],
    ),
    "a history of no order": (
        "orders",
        "INSERT INTO transitions SELECT 'ord_none', version, store, stage, event, at FROM transitions LIMIT 1",
        ["I15", "I19"],
    ),
    "an order that was acknowledged and is gone": (
        "orders",
        "DELETE FROM orders WHERE stage = 'payment_due'",
        ["I14", "I15", "I17", "I2", "I9"],
    ),
    "a payment that was acknowledged and is gone": (
        "payments",
        "DELETE FROM payments WHERE state = 'captured' AND refunded = 0",
        ["I10", "I17"],
    ),
    "an event that was never told": ("orders", "DELETE FROM outbox WHERE number = 2", ["I19"]),
    "an event that was told twice": (
        "orders",
        "INSERT INTO outbox SELECT (SELECT max(number) FROM outbox) + 1, other(id), store, 'OrderPlaced', version, "
        "aggregate, 99, at, correlation, cause, body FROM outbox WHERE type = 'HoldExtended' OR number = 1 LIMIT 1",
        ["I19"],
    ),
    "a consumer that has done more than there is": (
        "notifications",
        "UPDATE positions SET number = 1000000 WHERE source = 'orders'",
        ["I20"],
    ),
    "a product that is searched by another name": (
        "search",
        'UPDATE entries SET body = replace(body, \'"title":"Shirt"\', \'"title":"Blouse"\')',
        ["I22"],
    ),
    "a shop window that shows another stock": ("catalog", "UPDATE availability SET available = 99", ["I30"]),
    "a hold that ends before its order's": (
        "inventory",
        "UPDATE reservations SET expires_at = expires_at - 1 WHERE state = 'held'",
        ["I2"],
    ),
    "a payment that may come after its hold": (
        "payments",
        "UPDATE dues SET expires_at = expires_at + 1 WHERE state = 'open'",
        ["I2"],
    ),
    "a payment under way whose hold was not extended": (
        "payments",
        "UPDATE payments SET state = 'unknown' WHERE state = 'failed'",
        ["F8"],
    ),
    "a cart that is locked by no order": (
        "carts",
        "UPDATE documents SET body = json_set(body, '$.locked_by', 'ord_none')",
        ["I14"],
    ),
    "a locked cart with more than its order": (
        "carts",
        "UPDATE documents SET body = json_set(body, '$.lines[0].quantity', 99) WHERE body LIKE '%locked_by%'",
        ["I14"],
    ),
    "a cart that misses what no order has": (
        "carts",
        """UPDATE documents SET body = json_set(body, '$.taken', json('{"ord_x":{"currency":"EUR","lines":[]}}'))""",
        ["I14"],
    ),
    "a price that carts did not hear of": ("carts", "UPDATE prices SET amount = amount + 1", ["I22"]),
    "a price that the shop window does not know": ("catalog", "DELETE FROM prices", ["I22"]),
    "goods that only carts keep off sale": ("carts", "UPDATE variants SET on_sale = 0", ["I22"]),
    "a shop window without a stock": ("catalog", "DELETE FROM availability", ["I30"]),
}


@pytest.mark.parametrize("drift", DRIFTS)
async def test_a_drift_is_found_by_its_invariant(day: Path, drift: str) -> None:
    service, sql, invariants = DRIFTS[drift]
    plant(day, service, sql)
    assert await found(day) == invariants


async def test_a_sound_shop_has_no_differences(day: Path) -> None:
    assert await found(day) == []


async def test_a_file_that_is_damaged_is_named_first(day: Path) -> None:
    async with opened(day, listens=False) as town:
        damage(day / "inventory.db")
        (difference, *_) = await find_differences(town.shop)
        assert (difference.invariant, "inventory.db" in difference.subject) == ("file", True)


def damage(path: Path) -> None:
    """Make an index disagree with its table, as a write that went astray does."""
    connection = connect(path)
    try:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, '(store, place)', '(place, store)') "
            "WHERE name = 'locations_by_place'"
        )
    finally:
        connection.close()


async def test_an_order_whose_hold_ended_while_the_shop_was_closed_is_no_difference(day: Path) -> None:
    clock = ManualClock(LATER)
    async with opened(day, clock, listens=False) as town:
        assert await find_differences(town.shop) == []
    with closing(connect(day / "orders.db")) as orders:
        assert orders.execute("SELECT DISTINCT stage FROM orders ORDER BY 1").fetchall() == [("cancelled",), ("paid",)]


async def test_verify_sees_no_false_difference_beside_people_who_buy(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        town.store = await town.open("first", "First Shop")
        products = [await town.product(f"shirt-{number}", stock=1_000) for number in range(2)]
        people = [await town.person(f"buyer{number}") for number in range(12)]

        async def shop(person: Person, place: int) -> None:
            for turn in range(20):
                order = await person.placed(products[(place + turn) % 2][turn % 2], 1 + turn % 3)
                if turn % 4 == 1:
                    await person.cancel(order["id"])
                elif turn % 4 == 2:
                    await person.pay(order["id"], "decline")
                    await person.pay(order["id"])
                else:
                    await person.pay(order["id"])
                    if turn % 4 == 3:
                        await person.cancel(order["id"])
                await person.send("DELETE", "/v1/cart")

        looks = 0
        async with asyncio.TaskGroup() as group:
            buying = [group.create_task(shop(person, place)) for place, person in enumerate(people)]
            while not all(task.done() for task in buying):
                assert await find_differences(town.shop) == []
                looks += 1
        assert looks > 10
        assert await town.sound()
