"""`bench import` in small, and an import that the server refuses."""

from pathlib import Path

import pytest

from benchmarks import import_catalogue
from benchmarks.__main__ import main
from tests.benchmarks.bench import bench


def test_a_catalogue_is_imported(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, told = bench(capfd, "import", "--products", "30")
    assert (code, figures["products"], figures["verify_differences"]) == (0, 30, 0)
    assert figures["products_per_second"] > 0
    assert 0 < figures["memory_before_mib"] <= figures["peak_memory_mib"]
    assert 0 < figures["unmapped_memory_at_the_end_mib"] <= figures["memory_at_the_end_mib"]
    assert "30 created" in told


def test_a_catalogue_is_imported_while_people_buy(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, _ = bench(capfd, "import", "--products", "600", "--shoppers", "4")
    assert (code, figures["products"], figures["failures"], figures["verify_differences"]) == (0, 600, 0, 0)
    assert figures["journeys"] > 0


def test_a_file_that_is_refused_makes_the_benchmark_fail(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(file: Path, _products: int) -> None:
        file.write_text("Colour,Size\nred,XL\n")

    monkeypatch.setattr(import_catalogue, "write_catalogue", broken)
    assert main(["import", "--products", "1"]) == 1
    assert "mercato bench import: the import failed:" in capfd.readouterr().err
