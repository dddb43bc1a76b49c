"""The statements of lists: page by page they show everything once, in order, and a long list has no slow end."""

from collections.abc import Callable, Iterator
from typing import Any

import apsw
import pytest

from mercato.runtime.database.statements import Statement
from mercato.runtime.migrate import known_migrations
from mercato.runtime.service import Service
from mercato.services.catalog import storage
from mercato.services.catalog.domain import MAX_PRICE
from mercato.services.catalog.queries import BEHIND_ALL_IDS
from mercato.services.catalog.storage import ListedRow

# Several have the same title or price, and the dearest has none.
ROWS = [
    ListedRow(f"prod_{place:032x}", f"Shirt {place % 3}", MAX_PRICE if place == 5 else place * 5 % 4)
    for place in range(20)
]
SORTS: dict[str, tuple[Statement[ListedRow], dict[str, Any], Callable[[ListedRow], dict[str, Any]]]] = {
    "newest": (storage.NEWEST, {"after_id": BEHIND_ALL_IDS}, lambda row: {"after_id": row.product_id}),
    "title": (
        storage.BY_TITLE,
        {"after": "", "after_id": ""},
        lambda row: {"after": row.title, "after_id": row.product_id},
    ),
    "price_up": (
        storage.PRICE_UP,
        {"after": -1, "after_id": ""},
        lambda row: {"after": row.price, "after_id": row.product_id},
    ),
    "price_down": (
        storage.PRICE_DOWN,
        {"after": MAX_PRICE + 1, "after_id": ""},
        lambda row: {"after": row.price, "after_id": row.product_id},
    ),
}
ORDERS: dict[str, list[ListedRow]] = {
    "newest": ROWS[::-1],
    "title": sorted(ROWS, key=lambda row: (row.title, row.product_id)),
    "price_up": sorted(ROWS, key=lambda row: (row.price, row.product_id)),
    "price_down": sorted(ROWS, key=lambda row: (row.price, row.product_id), reverse=True),
}
FOUND_BY = {
    "newest": "category_id=? AND product_id<?",
    "title": "category_id=? AND store=? AND title>?",
    "price_up": "category_id=? AND store=? AND price>?",
    "price_down": "category_id=? AND store=? AND price<?",
}


@pytest.fixture
def database() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    for migration in known_migrations(Service("catalog", "mercato.services.catalog", storage.metadata)):
        for statement in migration.statements("sqlite"):
            connection.execute(statement)
    for row in ROWS:
        for store, category in (("sto_one", ""), ("sto_one", "cat_one"), ("sto_two", "")):
            values = {"category_id": category, "product_id": row.product_id, "title": row.title, "price": row.price}
            run(connection, storage.SAVE_LISTED, {**values, "store": store})
    yield connection
    connection.close()


def run(
    database: apsw.Connection, statement: Statement[Any], parameters: dict[str, Any], before: str = ""
) -> list[Any]:
    compiled = statement.compile("sqlite")
    values = compiled.values({**compiled.constants, **parameters})
    return database.execute(f"{before}{compiled.sql}", values).fetchall()


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("size", [1, 3, 20])
def test_all_pages_together_show_everything_once_and_in_order(database: apsw.Connection, sort: str, size: int) -> None:
    statement, position, after = SORTS[sort]
    seen: list[ListedRow] = []
    while True:
        wanted = {"store": "sto_one", "category_id": "", "limit_": size, **position}
        rows = [ListedRow(*row) for row in run(database, statement, wanted)]
        if not rows:
            break
        assert len(rows) <= size
        seen += rows
        position = after(rows[-1])
    assert seen == ORDERS[sort]


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_is_found_by_where_the_one_before_has_ended(database: apsw.Connection, sort: str) -> None:
    statement, position, _ = SORTS[sort]
    wanted = {"store": "sto_one", "category_id": "", "limit_": 3, **position}
    ((*_, plan),) = run(database, statement, wanted, before="EXPLAIN QUERY PLAN ")
    assert FOUND_BY[sort] in plan
