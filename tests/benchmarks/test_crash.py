"""`bench crash` in small, and an order that is lost behind the server's back."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import acknowledged
from benchmarks.acknowledged import Compared
from tests.benchmarks.bench import bench, needs_compiler

SMALL = ("--least", "0.3", "--most", "0.6", "--connections", "8", "--rate", "40", "--products", "6")

pytestmark = needs_compiler


def test_nothing_is_lost(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, told = bench(capfd, "crash", *SMALL, "--kills", "3", "--each", "2")
    assert code == 0
    assert (figures["kills"], figures["folders"], figures["offered_per_second"]) == (3, 2, 40)
    assert (figures["lost_after_a_start"], figures["lost_or_doubled"], figures["verify_differences"]) == (0, 0, 0)
    assert figures["acknowledged_orders"] >= figures["acknowledged_payments"] > 0
    assert 0 < figures["restart_p50_seconds"] <= figures["restart_p99_seconds"] <= figures["restart_max_seconds"]
    assert "folder 2" in told


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
    assert (code, figures["verify_differences"], figures["lost_after_a_start"]) == (1, 0, 0)
    assert figures["lost_or_doubled"] == 2
    assert "was acknowledged and does not exist" in told


def test_what_is_missing_after_a_start_makes_the_benchmark_fail(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = acknowledged.lost

    def forgetting(log: Path, data: Path) -> list[str]:
        longer = log.with_suffix(".longer")  # the client goes on writing its own
        longer.write_text(log.read_text() + "order ord_unknown key-of-nobody 1\n")
        return usual(longer, data)

    monkeypatch.setattr(acknowledged, "lost", forgetting)
    code, figures, told = bench(capfd, "crash", *SMALL, "--kills", "1")
    assert (code, figures["lost_after_a_start"]) == (1, 2)
    assert "FAULT: folder 1: ord_unknown was acknowledged and does not exist" in told
