"""`product`: one published product by REST, our server against nginx with the same bytes as a static file.

The two run one after the other and in turns (A B A B), once with the access log of both and once without; a figure is
the median of its rounds, and the ratio that of the two of a round, so that a slow moment of the machine hurts both.
"""

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable
from http.client import OK

import msgspec

from benchmarks.load.client import RepeatJob, RepeatReport, http_request, start_repeat
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, Outcome, number, print_table, tell
from benchmarks.peers.nginx import Nginx, PeerError, find, nginx
from benchmarks.seed import Seed
from benchmarks.server import Server, server


class Side(msgspec.Struct, frozen=True):
    """One of the two in one round."""

    report: RepeatReport
    cpu_us: float

    @property
    def pace(self) -> float:
        return self.report.requests_per_second


class Round(msgspec.Struct, frozen=True):
    ours: Side
    theirs: Side

    @property
    def ratio(self) -> float:
        return self.ours.pace / max(self.theirs.pace, 0.001)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=5, help="how long each server is measured in a round (5)")
    parser.add_argument("--warmup", type=float, default=1, help="seconds of load before that (1)")
    parser.add_argument("--rounds", type=int, default=3, help="how often, with the access log and without (3)")
    parser.add_argument("--connections", type=int, default=64, help="connections at a time (64)")


def run(options: argparse.Namespace) -> Outcome:
    build()
    if find() is None:
        raise PeerError("nginx is not installed here: this benchmark compares with it")
    figures: dict[str, Figure] = {"connections": options.connections}
    faults: list[str] = []
    for log in (True, False):
        rounds = _rounds(options, log=log, faults=faults)
        _print(rounds, log=log)
        figures |= _figures(rounds, "" if log else "without_log_")
    return Outcome(figures, tuple(faults))


def _rounds(options: argparse.Namespace, *, log: bool, faults: list[str]) -> list[Round]:
    # The lines of a run are counted in the end, so its log must be one file.
    environment = {"MERCATO_ACCESS_LOG": "file" if log else "off", "MERCATO_LOG_MEGABYTES": "1000000"}
    with contextlib.ExitStack() as both:
        shop, seeded = both.enter_context(server(Seed(20, 1), environment, parent=options.folder))
        shop.start()
        path = f"/v1/products/{seeded.products[1]}"
        status, content = shop.get(path)
        if status != OK:
            raise BenchmarkError(f"the server answered {status} for {path}")
        peer = both.enter_context(nginx(content, access_log=log))
        tell(f"{len(content):,} bytes, {'with' if log else 'without'} access logs, {options.rounds} rounds")
        rounds = []
        for _ in range(options.rounds):
            ours = _measure(options, shop.port, path, shop.cpu_seconds)
            rounds.append(Round(ours, _measure(options, peer.port, peer.path, peer.cpu_seconds)))
        faults += _faults(rounds)
        if log:
            faults += _log_faults(shop, peer, rounds)
    return rounds


def _measure(options: argparse.Namespace, port: int, path: str, cpu_seconds: Callable[[], float]) -> Side:
    headers = {"Host": f"127.0.0.1:{port}", "Accept": "application/json"}
    job = RepeatJob(
        port=port,
        requests=[http_request("GET", path, headers)],
        connections=options.connections,
        seconds=options.seconds,
        warmup=options.warmup,
    )
    before = cpu_seconds()
    with start_repeat(job) as running:
        while not running.is_over():
            time.sleep(0.02)
        used = cpu_seconds() - before
        report = running.wait()
    return Side(report, used * 1e6 / max(report.begun, 1))


def _figures(rounds: list[Round], prefix: str) -> dict[str, Figure]:
    def middle(read: Callable[[Round], float]) -> float:
        return statistics.median(map(read, rounds))

    return {
        f"{prefix}requests_per_second": middle(lambda each: each.ours.pace),
        f"{prefix}nginx_requests_per_second": middle(lambda each: each.theirs.pace),
        f"{prefix}ratio": middle(lambda each: each.ratio),
        f"{prefix}lowest_ratio": min(each.ratio for each in rounds),
        f"{prefix}highest_ratio": max(each.ratio for each in rounds),
        f"{prefix}p99_ms": middle(lambda each: each.ours.report.latency.p99_ms),
        f"{prefix}nginx_p99_ms": middle(lambda each: each.theirs.report.latency.p99_ms),
        f"{prefix}server_cpu_us_per_request": middle(lambda each: each.ours.cpu_us),
        f"{prefix}nginx_cpu_us_per_request": middle(lambda each: each.theirs.cpu_us),
        f"{prefix}client_cpu_us_per_request": middle(lambda each: each.ours.report.cpu_us_per_request),
    }


def _print(rounds: list[Round], *, log: bool) -> None:
    rows = [("", "requests/s", "nginx", "ratio", "p99 ms", "nginx", "CPU us", "nginx")]
    for place, each in enumerate(rounds, 1):
        sides = (each.ours, each.theirs)
        rows.append(
            (  # type: ignore[arg-type]  # so many cells as the head has
                f"round {place}",
                *(number(side.pace) for side in sides),
                f"{each.ratio:.2f}",
                *(number(side.report.latency.p99_ms, 2) for side in sides),
                *(number(side.cpu_us, 1) for side in sides),
            )
        )
    middle = statistics.median(each.ratio for each in rounds)
    words = "with access logs" if log else "without access logs"
    print_table(f"product, {words}: {middle:.2f} times nginx (goal: at least 1)", rows)


def _faults(rounds: list[Round]) -> list[str]:
    faults = []
    for name, sides in (("the server", [each.ours for each in rounds]), ("nginx", [each.theirs for each in rounds])):
        for side in sides:
            report = side.report
            wrong = {status: count for status, count in report.statuses.items() if status != OK}
            if wrong or report.losses or report.unfinished or not report.latency.count:
                faults.append(
                    f"{name} answered {report.latency.count} requests, {wrong} of them not with 200, "
                    f"broke {report.losses} connections and left {report.unfinished} requests"
                )
    return faults


def _log_faults(shop: Server, peer: Nginx, rounds: list[Round]) -> list[str]:
    """Both must have written what they were measured for."""
    time.sleep(1.0)  # ours writes piles of lines a few times a second
    faults = []
    for name, lines, wanted in (
        ("the server's", shop.log_lines(), sum(each.ours.report.begun for each in rounds)),
        ("nginx's", peer.access_log_lines(), sum(each.theirs.report.begun for each in rounds)),
    ):
        if lines < wanted:
            faults.append(f"{name} access log has {lines} lines for {wanted} requests")
    return faults
