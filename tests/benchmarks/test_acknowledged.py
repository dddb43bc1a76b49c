"""The comparison sees each kind of loss and doubling, planted in small databases."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.acknowledged import compare, lost

LOG = "order ord_1 k1 1000\npaid ord_1 1001\norder ord_2 k2 1002\n"
CHARGE = '{"store":"s","key":"pay_1","amount":{"amount":500,"currency":"EUR"},"source":"approve","result":"captured"}\n'


class Folder:
    """A data folder with two orders, of which the first is paid, and the log of a client that knows of both."""

    def __init__(self, path: Path) -> None:
        self.data = path
        self.log = path / "acknowledged.log"
        self.log.write_text(LOG)
        self.charges = path / "test_gateway.jsonl"
        self.charges.write_text(CHARGE + '{"store":"s","key":"pay_')
        self.orders("create table orders (id, stage, total, captured)")
        self.orders("create table idempotency (client_key, subject, status)")
        self.orders("insert into orders values ('ord_1', 'paid', 500, 500), ('ord_2', 'payment_due', 300, 0)")
        self.orders("insert into idempotency values ('k1', 'ord_1', 201), ('k2', 'ord_2', 201)")
        self.payments("create table payments (id, order_id, state, amount)")
        self.payments("insert into payments values ('pay_1', 'ord_1', 'captured', 500)")

    def orders(self, statement: str) -> None:
        self._execute("orders.db", statement)

    def payments(self, statement: str) -> None:
        self._execute("payments.db", statement)

    def _execute(self, name: str, statement: str) -> None:
        with closing(sqlite3.connect(self.data / name, isolation_level=None)) as connection:
            connection.execute(statement)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_is_there_is_no_difference(folder: Folder) -> None:
    found = compare(folder.log, folder.data)
    assert (found.orders, found.payments, found.charges, found.differences) == (2, 1, 1, [])


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (lambda f: f.orders("delete from orders where id = 'ord_2'"), ["ord_2 was acknowledged and does not exist"]),
        (lambda f: f.orders("delete from idempotency where client_key = 'k2'"), ["for key k2", "0 idempotency keys"]),
        (lambda f: f.orders("update idempotency set status = null where client_key = 'k2'"), ["('ord_2', None)"]),
        (lambda f: f.orders("insert into idempotency values ('k3', 'ord_2', 201)"), ["has 2 idempotency keys"]),
        (lambda f: f.orders("insert into orders values ('ord_3', 'placed', 1, 0)"), ["ord_3 has 0 idempotency keys"]),
        (lambda f: f.orders("update orders set captured = 0 where id = 'ord_1'"), ["it is paid with 0 of 500"]),
        (lambda f: f.orders("update orders set stage = 'confirmed' where id = 'ord_1'"), ["it is confirmed"]),
        (
            lambda f: f.payments("update payments set state = 'unknown'"),
            ["its captured payments are []", "whose payment is unknown"],
        ),
        (
            lambda f: f.payments("insert into payments values ('pay_2', 'ord_1', 'captured', 500)"),
            ["[500, 500]", "2 captured payments", "payment pay_2 is captured, and the gateway"],
        ),
        (lambda f: f.payments("update payments set amount = 499"), ["payments are [499]", "has charged"]),
        (lambda f: f.charges.write_text(""), ["payment pay_1 is captured, and the gateway does not know of it"]),
        (
            lambda f: f.charges.write_text(CHARGE + CHARGE.replace("pay_1", "pay_9")),
            ["for pay_9, whose payment is missing"],
        ),
        (lambda f: f.log.write_text(LOG + "order ord_9 k1 1003\n"), ["key k1 was answered with ord_1 and with ord_9"]),
        (lambda f: f.log.write_text(LOG + "paid ord_2 1003\n"), ["ord_2 was acknowledged as paid: it is payment_due"]),
    ],
)
def test_each_difference_is_seen(folder: Folder, plant: Callable[[Folder], object], words: list[str]) -> None:
    plant(folder)
    differences = compare(folder.log, folder.data).differences
    assert len(differences) == len(words)
    for part, difference in zip(words, differences, strict=True):
        assert part in difference


def test_a_running_server_must_have_what_was_acknowledged_and_may_have_more(folder: Folder) -> None:
    folder.orders("insert into orders values ('ord_3', 'placed', 1, 0)")  # its key is read a moment earlier
    folder.payments("insert into payments values ('pay_2', 'ord_2', 'calling', 300)")
    folder.charges.write_text(CHARGE + CHARGE.replace("pay_1", "pay_2"))  # its outcome is on its way
    assert lost(folder.log, folder.data) == []
    folder.orders("delete from orders where id = 'ord_2'")
    folder.payments("delete from payments where id = 'pay_1'")
    missing, unpaid = lost(folder.log, folder.data)
    assert "ord_2 was acknowledged and does not exist" in missing
    assert "its captured payments are []" in unpaid


def test_two_charges_for_one_order_are_seen(folder: Folder) -> None:
    folder.payments("insert into payments values ('pay_2', 'ord_1', 'failed', 500)")
    folder.charges.write_text(CHARGE + CHARGE.replace("pay_1", "pay_2"))
    differences = compare(folder.log, folder.data).differences
    assert "ord_1 was charged 2 times" in differences
    assert len(differences) == 2
