"""`bench start` in small."""

import pytest

from tests.benchmarks.bench import bench, needs_compiler


@needs_compiler
def test_a_shop_starts_twice_and_is_looked_at(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, _ = bench(capfd, "start", "--rounds", "1", "--views", "20")
    assert code == 0
    assert figures["page_views"] == 20
    assert figures["first_start_seconds"] > 0
    assert figures["second_start_seconds"] > 0
    assert 0 < figures["memory_at_once_mib"] <= figures["peak_memory_mib"]


@needs_compiler
def test_pages_that_are_not_seen_make_the_benchmark_fail(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, told = bench(capfd, "start", "--rounds", "1", "--views", "1000000", "--seconds", "0.2")
    assert code == 1
    assert " of 1000000 pages were seen" in told
