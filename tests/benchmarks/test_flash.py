"""`bench flash` in small, and a shop that sold fewer pieces than its buyers were told."""

from pathlib import Path

import pytest

from benchmarks import flash
from benchmarks.flash import Sold
from tests.benchmarks.bench import bench, needs_compiler

SMALL = ("--buyers", "40", "--items", "6", "--window", "0.3", "--others", "5", "--products", "6")

pytestmark = needs_compiler


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("OTHERS", 4), ("PAUSE", 0.5), ("CALM", 1.0)):
        monkeypatch.setattr(flash, name, value)


def test_exactly_the_pieces_are_sold_at_each_sale(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, figures, told = bench(capfd, "flash", *SMALL, "--repeats", "2", "--folder", str(tmp_path))
    assert (code, figures["failures"], figures["verify_differences"]) == (0, 0, 0)
    assert (figures["sales"], figures["orders"], figures["sold"], figures["told_sold_out"]) == (2, 80, 12, 68)
    assert 0 < figures["order_p50_ms"] <= figures["order_p99_ms"] <= figures["order_max_ms"]
    assert figures["others_p99_ms"] > 0
    assert "flash: 6 pieces for 40 buyers within 0.3 s" in told
    assert list(tmp_path.iterdir()) == []


def test_what_failed_payments_free_is_sold_again(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, _ = bench(capfd, "flash", *SMALL, "--failing", "34")
    assert (code, figures["sold"], figures["failures"]) == (0, 6, 0)
    assert figures["declined"] >= 2
    assert figures["orders"] > 40


def test_a_piece_too_few_makes_the_benchmark_fail(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flash, "sold_of", lambda _file, _variant: Sold(1, 0, 5))
    code, figures, told = bench(capfd, "flash", *SMALL)
    assert (code, figures["sold"]) == (1, 5)
    assert "FAULT: sale 1: 6 pieces were to be sold: Sold(available=1, reserved=0, sold=5), and 6 buyers" in told
