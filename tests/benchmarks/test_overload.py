"""`bench overload` in small, and a shop that does not come back."""

import pytest

from benchmarks import overload
from benchmarks.load.client import JourneyReport
from tests.benchmarks.bench import bench, needs_compiler

SMALL = ("--measure", "1", "--seconds", "1", "--times", "3", "--connections", "24", "--products", "6")

pytestmark = needs_compiler


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CLOSED", 4), ("SLICE", 1.0), ("LEAST_NORMAL_MS", 60_000.0)):
        monkeypatch.setattr(overload, name, value)


def test_a_flood_is_served_and_over(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, told = bench(capfd, "overload", *SMALL)
    assert (code, figures["verify_differences"]) == (0, 0)
    assert figures["offered_per_second"] == pytest.approx(3 * figures["capacity_per_second"])
    assert figures["goodput_share"] == pytest.approx(figures["goodput_per_second"] / figures["capacity_per_second"])
    assert figures["goodput_per_second"] > 0
    assert figures["shed"] >= figures["shed_after_the_first_step"]
    assert 0 <= figures["recovery_seconds"] < 60
    assert "of the capacity under 3 times the load" in told


def test_a_shop_that_does_not_come_back_makes_the_benchmark_fail(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_report: JourneyReport, _calm: JourneyReport) -> bool:
        return False

    monkeypatch.setattr(overload, "is_normal", never)
    monkeypatch.setattr(overload, "GOAL_RECOVERY", 1.5)
    code, figures, told = bench(capfd, "overload", *SMALL)
    assert (code, figures["recovery_seconds"]) == (1, None)
    assert "FAULT: a tenth of the capacity was not served as before within 2 s" in told
