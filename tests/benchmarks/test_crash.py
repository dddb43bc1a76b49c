"""`bench crash` in small, and an order that is lost behind the server's back."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import acknowledged
from benchmarks.acknowledged import Compared
from tests.benchmarks.bench import bench, needs_compiler

SMALL = ("--kills", "2", "--least", "0.3", "--most", "0.6", "--connections", "4", "--products", "6")

pytestmark = needs_compiler


def test_nothing_is_lost(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, _ = bench(capfd, "crash", *SMALL)
    assert code == 0
    assert (figures["kills"], figures["lost_or_doubled"], figures["verify_differences"]) == (2, 0, 0)
    assert figures["acknowledged_orders"] >= figures["acknowledged_payments"] > 0
    assert 0 < figures["restart_p50_seconds"] <= figures["restart_max_seconds"]


def test_a_lost_order_makes_the_benchmark_fail(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = acknowledged.compare

    def losing(log: Path, data: Path) -> Compared:
        with closing(sqlite3.connect(data / "orders.db", isolation_level=None)) as orders:
            orders.execute("delete from orders where id = (select min(id) from orders where stage = 'paid')")
        return usual(log, data)

    monkeypatch.setattr(acknowledged, "compare", losing)
    code, figures, told = bench(capfd, "crash", *SMALL, "--kills", "1")
    assert (code, figures["verify_differences"]) == (1, 0)
    assert figures["lost_or_doubled"] == 2
    assert "was acknowledged and does not exist" in told
