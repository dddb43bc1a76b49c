"""`cart`: additions to carts a second, by many shoppers in turn who each take a few different things."""

import argparse
import time
from http.client import OK

from benchmarks.load.client import RepeatJob, RepeatReport, http_request, start_repeat
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import Outcome, number, print_table, tell
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, server

GOAL = 4_000
LINES = 3  # different variants that a shopper adds, so that carts look like carts


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=10, help="how long is measured (10)")
    parser.add_argument("--warmup", type=float, default=2, help="seconds of load before that (2)")
    parser.add_argument("--connections", type=int, default=128, help="shoppers at a time (128)")
    parser.add_argument("--users", type=int, default=1_000, help="shoppers with an account (1000)")
    parser.add_argument("--products", type=int, default=2_000, help="products in the shop (2000)")


def run(options: argparse.Namespace) -> Outcome:
    build()
    seed = Seed(options.products, max(options.users, 2 * options.connections))
    with server(seed, parent=options.folder) as (shop, seeded):
        shop.start()
        report, used = _measure(options, shop, requests_of(shop, seeded))
    cpu_us = used * 1e6 / max(report.begun, 1)
    latency = report.latency
    figures: dict[str, Figure] = {
        "additions_per_second": report.requests_per_second,
        "connections": options.connections,
        "p50_ms": latency.p50_ms,
        "p99_ms": latency.p99_ms,
        "p999_ms": latency.p999_ms,
        "server_cpu_us_per_addition": cpu_us,
        "client_cpu_us_per_addition": report.cpu_us_per_request,
        "failures": latency.count - report.statuses.get(OK, 0) + report.losses,
    }
    print_table(
        f"cart: {number(report.requests_per_second)} additions a second (goal: {number(GOAL)})",
        [
            ("ms p50", number(latency.p50_ms, 2)),
            ("ms p99", number(latency.p99_ms, 2)),
            ("ms p99.9", number(latency.p999_ms, 2)),
            ("server CPU us an addition", number(cpu_us, 1)),
            ("client CPU us an addition", number(report.cpu_us_per_request, 1)),
            ("answers by status", str(report.statuses)),
        ],
    )
    return Outcome(figures, tuple(_faults(report)))


def requests_of(shop: Server, seeded: Seeded) -> list[bytes]:
    """Everybody adds a first thing, then everybody a second: nobody has two requests under way."""
    requests = []
    for line in range(LINES):
        for place, token in enumerate(seeded.tokens):
            variant = seeded.variants[(place * LINES + line) % len(seeded.variants)]
            headers = {"Host": shop.address, "Content-Type": "application/json", "Authorization": f"Bearer {token}"}
            body = f'{{"variant_id":"{variant}","quantity":1}}'.encode()
            requests.append(http_request("POST", "/v1/cart/add", headers, body))
    return requests


def _measure(options: argparse.Namespace, shop: Server, requests: list[bytes]) -> tuple[RepeatReport, float]:
    tell(f"{options.connections} shoppers at a time, for {options.warmup:g} + {options.seconds:g} s")
    job = RepeatJob(
        port=shop.port,
        requests=requests,
        connections=options.connections,
        seconds=options.seconds,
        warmup=options.warmup,
        rest=0.0003,
    )
    before = shop.cpu_seconds()
    with start_repeat(job) as running:
        while not running.is_over():
            time.sleep(0.02)
        used = shop.cpu_seconds() - before
        return running.wait(), used


def _faults(report: RepeatReport) -> list[str]:
    wrong = {status: count for status, count in report.statuses.items() if status != OK}
    faults = [f"answers that were not 200: {wrong}"] if wrong else []
    if report.losses or report.unfinished:
        faults.append(f"{report.losses} connections broke, {report.unfinished} requests were never answered")
    return faults if report.latency.count else [*faults, "nothing was added"]
