"""`bench product` in small, and what counts as a fault of either server."""

import pytest

from benchmarks import product
from benchmarks.load.client import Durations, RepeatReport
from benchmarks.product import Round, Side
from tests.benchmarks.bench import bench, needs_compiler, needs_nginx


@needs_compiler
@needs_nginx
def test_the_two_servers_take_turns(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, told = bench(
        capfd, "product", "--seconds", "0.3", "--warmup", "0.1", "--rounds", "2", "--connections", "4"
    )
    assert code == 0
    for prefix in ("", "without_log_"):
        ours, theirs = figures[f"{prefix}requests_per_second"], figures[f"{prefix}nginx_requests_per_second"]
        assert ours > 0
        assert theirs > 0
        assert figures[f"{prefix}lowest_ratio"] <= figures[f"{prefix}ratio"] <= figures[f"{prefix}highest_ratio"]
        assert figures[f"{prefix}p99_ms"] > 0
    assert told.count("round 2") == 2


@pytest.mark.parametrize(("statuses", "losses", "count"), [({200: 9, 503: 1}, 0, 10), ({200: 10}, 1, 10), ({}, 0, 0)])
def test_other_answers_than_200_are_faults(statuses: dict[int, int], losses: int, count: int) -> None:
    good = Round(side({200: 10}, 0, 10), side({200: 10}, 0, 10))
    assert product._faults([good]) == []
    bad = Round(side(statuses, losses, count), side({200: 10}, 0, 10))
    (fault,) = product._faults([good, bad])
    assert fault.startswith(f"the server answered {count} requests")


def side(statuses: dict[int, int], losses: int, count: int) -> Side:
    report = RepeatReport(
        seconds=1.0,
        cpu_user_seconds=0.1,
        cpu_system_seconds=0.1,
        bytes_read=1,
        bytes_written=1,
        begun=count,
        reconnects=0,
        unfinished=0,
        latency=Durations(count, 1.0, 1.0, 1.0, 1.0),
        requests_per_second=count,
        cpu_us_per_request=1.0,
        losses=losses,
        statuses=statuses,
    )
    return Side(report, 1.0)
