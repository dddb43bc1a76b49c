"""Pages, sums and insertions of whole tables: the same rows are found wherever they are, in whatever order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table

from mercato.runtime.database.columns import Bytes, Integer, Text, key, required, store
from mercato.runtime.database.copying import AT_ONCE, Copier, Sum, fault
from mercato.runtime.database.faults import ConstraintFault, DatabaseFault
from mercato.runtime.database.sqlite import SqliteConnection, connect

THINGS = Table(
    "things",
    MetaData(),
    Column("name", key(), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    store(),
    required("text", Text),
    Column("body", Bytes),
)
ROWS = [
    (name, part, "sto", f"{name}{part} \u20ac\U0001f600", None if part else b"\x00\xff")
    for name in ("a", "A", "\u00e4", "b ")
    for part in (-1, 0, 2**62)
]


@pytest.fixture
def connection(tmp_path: Path) -> SqliteConnection:
    made = SqliteConnection(tmp_path / "things.db", connect, read_only=False)
    columns = "name VARCHAR(48), part BIGINT, store VARCHAR(48), text TEXT, body BLOB"
    made.execute(f"CREATE TABLE things ({columns}, PRIMARY KEY (name, part, store))")
    return made


@pytest.mark.parametrize("size", [1, 2, 5, 12, 100])
def test_pages_have_every_row_once(connection: SqliteConnection, size: int) -> None:
    copier = Copier(THINGS, "sqlite")
    assert copier.is_empty(connection)
    copier.insert(connection, ROWS)
    pages = list(copier.pages(connection, size))
    assert sorted(row for page in pages for row in page) == sorted(ROWS)
    assert {len(page) for page in pages[:-1]} <= {size}
    assert (copier.count(connection), copier.is_empty(connection)) == (12, False)


def test_pages_go_on_after_a_key(connection: SqliteConnection) -> None:
    copier = Copier(THINGS, "sqlite")
    copier.insert(connection, ROWS)
    (first, *_) = copier.pages(connection, 5)
    rest = [row for page in copier.pages(connection, 5, copier.key_of(first[-1])) for row in page]
    assert sorted((*first, *rest)) == sorted(ROWS)


def test_a_sum_does_not_depend_on_the_order(connection: SqliteConnection) -> None:
    copier = Copier(THINGS, "sqlite")
    copier.insert(connection, ROWS)
    told: list[int] = []
    assert copier.sum(connection, 5, told.append) == Sum().plus(reversed(ROWS))
    assert told == [5, 5, 2]


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[1:],
        lambda rows: [*rows, rows[0]],
        lambda rows: [(*rows[0][:4], b"\x00\xfe"), *rows[1:]],
        lambda rows: [(*rows[0][:4], b""), *rows[1:]],
        lambda rows: [(*rows[1][:3], rows[0][3], rows[1][4]), (*rows[0][:3], rows[1][3], rows[0][4]), *rows[2:]],
    ],
    ids=["lost", "twice", "a bit", "nothing for empty", "exchanged"],
)
def test_a_sum_sees_any_difference(change: Callable[[list[Any]], list[Any]]) -> None:
    assert Sum().plus(change(ROWS)) != Sum().plus(ROWS)


def test_mysql_is_asked_for_keys_as_its_index_finds_them() -> None:
    asked: list[tuple[str, Any]] = []

    class Asked:
        def fetch(self, text: str, values: Any, _limit: int) -> list[Any]:
            asked.append((text, values))
            return []

    Copier(THINGS, "mysql").page(Asked(), 5, ("a", 1, "sto"))  # type: ignore[arg-type]
    ((text, values),) = asked
    assert "WHERE `name` >= %s AND (`name` > %s OR (`part` >= %s AND (`part` > %s OR (`store` > %s))))" in text
    assert values == ("a", "a", 1, 1, "sto")


def test_large_rows_are_inserted_by_few() -> None:
    run: list[int] = []

    class Told:
        def run(self, _text: str, values: Any) -> None:
            run.append(len(values) // 5)

    rows = [("a", number, "sto", "x" * (AT_ONCE // 2), None) for number in range(5)]
    Copier(THINGS, "mysql").insert(Told(), rows)  # type: ignore[arg-type]
    assert run == [2, 2, 1]


def test_what_an_engine_says_becomes_one_sentence(connection: SqliteConnection) -> None:
    copier = Copier(THINGS, "sqlite")
    copier.insert(connection, ROWS)
    with pytest.raises(Exception, match="UNIQUE") as raised:
        copier.insert(connection, ROWS[:1])
    told = fault("things", connection, raised.value)
    assert isinstance(connection.translated(raised.value), ConstraintFault)
    assert str(told).startswith("things: things.db: UNIQUE constraint failed")
    assert str(told).endswith("see that nobody else writes there")
    assert str(fault("things", connection, KeyError("a\n  b"))) == "things refused a row or a statement: 'a\\n b'"
    assert str(fault("things", connection, DatabaseFault("it is\n\tgone"))) == "it is gone"
