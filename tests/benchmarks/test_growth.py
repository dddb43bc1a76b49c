"""`bench growth` in small, and what it refuses: a full disk and sizes without order."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import growth
from benchmarks.__main__ import main
from benchmarks.footprint import Footprint, Work
from benchmarks.growth import Patterns, Size
from benchmarks.outcome import BenchmarkError
from tests.benchmarks.bench import bench, needs_compiler

SMALL = ("--seconds", "2", "--warmup", "0", "--rounds", "1", "--connections", "4")

pytestmark = needs_compiler


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(growth, "PATTERN", 10)
    yield
    assert list(tmp_path.iterdir()) == []


def test_purchases_go_on_in_grown_shops_and_all_adds_up(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, figures, told = bench(
        capfd, "growth", "--products", "20,50", "--orders", "0,40", *SMALL, "--folder", str(tmp_path)
    )
    assert (code, figures["failures"], figures["verify_differences"]) == (0, 0, 0)
    assert (figures["smallest_products"], figures["smallest_orders"]) == (20, 0)
    for shop in ("products_50", "orders_40"):
        assert figures[f"{shop}_verified"] is True
        assert figures[f"{shop}_journeys_per_second"] > 0
        assert figures[f"{shop}_journeys_ratio"] > 0
        assert figures[f"{shop}_server_cpu_ratio"] > 0
        assert figures[f"{shop}_server_memory_mib"] > figures[f"{shop}_server_own_memory_mib"] > 0
    assert figures["bytes_per_order"] > figures["bytes_per_product"] > 0
    assert "50 products, 0 orders" in told
    assert "20 products, 40 orders" in told


def test_a_single_size_is_measured_alone(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    sizes = ("--products", "10", "--orders", "20")
    code, figures, _ = bench(capfd, "growth", *sizes, *SMALL, "--verify", "15", "--folder", str(tmp_path))
    assert (code, figures["failures"], figures["alone_verified"], figures["alone_journeys_ratio"]) == (0, 0, False, 1)


def test_a_disk_without_room_is_told_before_shops_are_filled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nothing = Footprint(tmp_path, tmp_path, Work(0, 0, 10, {}))
    patterns = Patterns(nothing, nothing, 2_000.0, 10_000.0)
    sizes = [Size(100_000, 0), Size(1_000_000, 0), Size(100_000, 1_000_000)]  # 0.24, 2.42 and 12.3 GiB with all room
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=13 * 2**30))
    growth._require_room(tmp_path, patterns, sizes)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=12 * 2**30))
    with pytest.raises(BenchmarkError, match=r"has 12\.0 GiB free and the shops need 12\.8 GiB: name another disk"):
        growth._require_room(tmp_path, patterns, sizes)


@pytest.mark.parametrize(("option", "text"), [("--products", "10,5"), ("--orders", "0,15"), ("--products", "x")])
def test_sizes_that_make_no_series_are_refused(capfd: pytest.CaptureFixture[str], option: str, text: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["growth", option, text])
    assert left.value.code == 2
    assert option in capfd.readouterr().err


def test_a_shop_without_products_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["growth", "--products", "0,10"]) == 1
    assert "a shop without products sells nothing" in capfd.readouterr().err
