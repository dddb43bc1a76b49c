"""`bench buy` in small: the form of its result, and a server that refuses."""

import argparse
from pathlib import Path

import msgspec
import pytest

from benchmarks import buy
from benchmarks.load.client import JourneyJob
from benchmarks.seed import Seeded
from benchmarks.server import Server
from tests.benchmarks.bench import bench, needs_compiler

SMALL = ("--seconds", "1", "--warmup", "0", "--connections", "4", "--users", "8", "--products", "6")

pytestmark = needs_compiler


def test_shoppers_buy_and_every_figure_is_told(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, figures, told = bench(capfd, "buy", *SMALL, "--profile", "--folder", str(tmp_path))
    assert (code, figures["failures"], figures["verify_differences"], figures["receipts_missing"]) == (0, 0, 0, 0)
    assert figures["journeys_per_second"] > 0
    assert figures["profiled_journeys_per_second"] > 0
    assert figures["connections"] == 4
    assert 0 < figures["client_cpu_share"] < 1
    assert figures["receipts_during_run"] + figures["receipts_after_run"] > 0
    for step in ("", "add_first_", "add_second_", "quote_", "order_", "pay_"):
        assert 0 < figures[f"{step}p50_ms"] <= figures[f"{step}p99_ms"] <= figures[f"{step}p999_ms"]
    assert "1,157" in told
    assert "2,003" in told
    assert "where the loop's thread is" in told
    assert list(tmp_path.iterdir()) == []


def test_arrivals_at_a_rate_are_measured_too(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, _ = bench(capfd, "buy", *SMALL, "--rate", "10")
    assert (code, figures["offered_per_second"]) == (0, 10)
    assert figures["journeys_per_second"] > 0


def test_journeys_that_fail_make_the_benchmark_fail(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = buy.job_of

    def unknown(options: argparse.Namespace, shop: Server, seeded: Seeded) -> JourneyJob:
        return msgspec.structs.replace(usual(options, shop, seeded), variants=("var_1", "var_2"), limit=20)

    monkeypatch.setattr(buy, "job_of", unknown)
    code, figures, told = bench(capfd, "buy", *SMALL)
    assert (code, figures["failures"]) == (1, 20)
    assert "FAULT: 20 journeys failed at add_first: status 404" in told
    assert "FAULT: no journey was completed" in told
