"""What work leaves in a data folder, found by comparing two folders, and the copies of it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.footprint import EARLIER, Footprint, Work, is_quiet
from benchmarks.outcome import BenchmarkError

BEGUN = 1_700_000_000_000
SCHEMA = """
    CREATE TABLE outbox (number INTEGER PRIMARY KEY, id TEXT, at INTEGER, body BLOB);
    CREATE TABLE positions (source TEXT PRIMARY KEY, number INTEGER);
    CREATE TABLE intents (id TEXT PRIMARY KEY);
    CREATE TABLE jobs (name TEXT PRIMARY KEY, due_at INTEGER);
"""
ORDERS = (
    SCHEMA + "CREATE TABLE orders (id TEXT, store TEXT, buyer TEXT, body TEXT, at INTEGER, PRIMARY KEY (id, store))"
)
STOCK = SCHEMA + "CREATE TABLE stock (variant TEXT PRIMARY KEY, name TEXT, available INTEGER, sold INTEGER)"
TABLES = {"orders": frozenset({"orders"}), "stock": frozenset({"stock"})}
WORK = Work(BEGUN, BEGUN + 1_000, 2, TABLES, renewed=frozenset({"usr"}), numbered=r"No\. ([0-9]+)")


def made(kind: str, at: int, rest: int = 1) -> str:
    return f"{kind}_{at:012x}{rest:020x}"


def body_of(order: str, until: int, number: int) -> str:
    """With a number that is no moment, although it begins as one."""
    return f'{{"order":"{order}","of":"{VARIANT}","until":{until},"title":"No. {number}","total":{BEGUN}000}}'


STORE, VARIANT, BUYER = (made(kind, BEGUN - 5_000) for kind in ("sto", "var", "usr"))
ORDER, EVENT = made("ord", BEGUN + 10), made("evt", BEGUN + 20)


class Folders:
    """The data folder before the work, after it, and one that copies go into, which is as before."""

    def __init__(self, folder: Path) -> None:
        self.before, self.after, self.grown = (folder / name for name in ("before", "after", "grown"))
        for data in (self.before, self.after, self.grown):
            data.mkdir()
            for service, schema in (("orders", ORDERS), ("stock", STOCK)):
                with closing(sqlite3.connect(data / f"{service}.db")) as connection:
                    connection.executescript(schema)
            self.run(data, "orders", "INSERT INTO outbox VALUES (7, 'evt', 1, x'7b7d')")
            self.run(data, "stock", "INSERT INTO stock VALUES (?, 'shirt', 100, 0)", (VARIANT,))
            self.run(data, "stock", "INSERT INTO positions VALUES ('orders', 7)")

    def run(self, data: Path, service: str, statement: str, values: Iterable[Any] = ()) -> None:
        with closing(sqlite3.connect(data / f"{service}.db")) as connection, connection:
            connection.execute(statement, tuple(values))

    def rows(self, service: str, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.grown / f"{service}.db")) as connection:
            return connection.execute(statement).fetchall()

    def work(self) -> None:
        """One order with its event: a piece is sold, a job has run."""
        body = body_of(ORDER, BEGUN + 900_000, 5)
        self.run(
            self.after, "orders", "INSERT INTO orders VALUES (?, ?, ?, ?, ?)", (ORDER, STORE, BUYER, body, BEGUN + 10)
        )
        event = f'{{"order_id":"{ORDER}"}}'.encode()
        self.run(self.after, "orders", "INSERT INTO outbox VALUES (8, ?, ?, ?)", (EVENT, BEGUN + 20, event))
        self.run(self.after, "orders", "INSERT INTO jobs VALUES ('expire', ?)", (BEGUN,))
        self.run(self.after, "stock", "UPDATE stock SET available = 99, sold = 1")
        self.run(self.after, "stock", "UPDATE positions SET number = 8")

    def footprint(self) -> Footprint:
        return Footprint(self.before, self.after, WORK)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def test_a_copy_is_new_in_everything_that_was_made_meanwhile(folders: Folders) -> None:
    folders.work()
    folders.footprint().copy_into(folders.grown, range(1, 3))
    rows = folders.rows("orders", "SELECT id, store, buyer, body, at FROM orders ORDER BY id")
    assert len(rows) == 2
    for row, copy in zip(rows, (2, 1), strict=True):
        moment = BEGUN + 10 - copy * EARLIER
        order = made("ord", moment)
        until = BEGUN + 900_000 - copy * EARLIER
        buyer = made("usr", BEGUN - 5_000 - copy * EARLIER)
        assert row == (order, STORE, buyer, body_of(order, until, 5 + 2 * copy), moment)


def test_logs_go_on_without_gaps_and_their_readers_have_read_them(folders: Folders) -> None:
    folders.work()
    footprint = folders.footprint()
    footprint.copy_into(folders.grown, range(1, 3))
    footprint.copy_into(folders.grown, range(3, 4))
    events = folders.rows("orders", "SELECT number, at, typeof(body), json(body) FROM outbox WHERE number > 7")
    assert events == [
        (7 + place, BEGUN + 20 - copy * EARLIER, "blob", f'{{"order_id":"{made("ord", BEGUN + 10 - copy * EARLIER)}"}}')
        for place, copy in ((1, 2), (2, 1), (3, 3))
    ]
    assert folders.rows("stock", "SELECT * FROM positions") == [("orders", 10)]
    assert is_quiet(folders.grown)


def test_what_went_up_or_down_goes_on_for_each_copy(folders: Folders) -> None:
    folders.work()
    folders.footprint().copy_into(folders.grown, range(1, 31))
    assert folders.rows("stock", "SELECT * FROM stock") == [(VARIANT, "shirt", 70, 30)]
    assert folders.rows("orders", "SELECT count(*) FROM jobs") == [(0,)]


def test_a_column_that_nobody_thought_of_is_copied(folders: Folders) -> None:
    for data in (folders.before, folders.after, folders.grown):
        folders.run(data, "orders", "ALTER TABLE orders ADD COLUMN note TEXT DEFAULT 'none'")
    folders.run(folders.after, "stock", "UPDATE stock SET sold = 1")
    folders.run(folders.after, "orders", "INSERT INTO orders VALUES (?, '', '', '', 0, 'by hand')", (ORDER,))
    folders.footprint().copy_into(folders.grown, range(1, 2))
    assert folders.rows("orders", "SELECT note FROM orders") == [("by hand",)]


@pytest.mark.parametrize(
    ("service", "statement", "sentence"),
    [
        ("orders", "INSERT INTO intents VALUES ('int')", "orders: ['intents'] are touched and not known to be, []"),
        ("stock", "UPDATE stock SET sold = 0, available = 100", "stock: [] are touched and not known to be, ['stock']"),
        ("stock", "UPDATE stock SET name = 'coat'", "stock.stock: more than numbers has changed"),
        ("stock", "UPDATE stock SET variant = 'another'", "stock: rows of stock have gone"),
        ("orders", "UPDATE outbox SET at = 2 WHERE number = 7", "orders: rows of outbox have gone"),
    ],
)
def test_what_copies_cannot_repeat_is_refused(folders: Folders, service: str, statement: str, sentence: str) -> None:
    folders.work()
    folders.run(folders.after, service, statement)
    with pytest.raises(BenchmarkError) as refused:
        folders.footprint()
    assert str(refused.value).startswith(sentence)


def test_a_shop_is_quiet_when_nothing_is_left_to_be_done(folders: Folders) -> None:
    assert is_quiet(folders.before)
    folders.run(folders.before, "orders", "INSERT INTO intents VALUES ('int')")
    assert not is_quiet(folders.before)
    folders.run(folders.after, "orders", "INSERT INTO outbox VALUES (8, 'evt', 1, x'7b7d')")
    assert not is_quiet(folders.after)
