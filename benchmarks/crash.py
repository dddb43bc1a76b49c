"""`crash`: kill -9 under load, again and again. What was acknowledged must be there, once, afterwards."""

import argparse
import random
import statistics
import time
from pathlib import Path

import msgspec

from benchmarks import acknowledged
from benchmarks.acknowledged import Compared
from benchmarks.load.client import JourneyJob, JourneyReport, Running, start_journeys
from benchmarks.load.program import build
from benchmarks.outcome import BenchmarkError, Outcome, number, print_table, tell
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, Verified, server

PROGRESS = 10  # kills between two lines about them
DRAIN = 40.0  # seconds for what is under way when nothing more begins
SETTLE = 3.0  # seconds for work that the last process found when it started


class Killed(msgspec.Struct, frozen=True):
    """The kills of a run: seconds from each start to its first answer, and what the client saw of it all."""

    back: tuple[float, ...]
    report: JourneyReport
    seconds: float


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=50, help="how often the server is killed (50)")
    parser.add_argument("--seconds", type=float, default=1_200, help="after which no more kills are begun (1200)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments (1)")
    parser.add_argument("--least", type=float, default=0.5, help="seconds between an answer and the kill (0.5)")
    parser.add_argument("--most", type=float, default=3.0, help="and at most (3)")
    parser.add_argument("--connections", type=int, default=64, help="shoppers at a time (64)")
    parser.add_argument("--products", type=int, default=500, help="products in the shop (500)")


def run(options: argparse.Namespace) -> Outcome:
    build()
    with server(Seed(options.products, 4 * options.connections), parent=options.folder) as (shop, seeded):
        shop.start()
        log = shop.folder / "acknowledged.log"
        with start_journeys(_job(options, shop, seeded, log)) as running:
            killed = _kill(options, shop, running)
        time.sleep(SETTLE)
        shop.stop()
        tell("verifying the data folder, and comparing what was acknowledged with it")
        verified = shop.verify()
        compared = acknowledged.compare(log, shop.data)
    _print(killed, compared, verified)
    back = killed.back or (0.0,)
    figures = {
        "kills": len(killed.back),
        "seconds": killed.seconds,
        "journeys": killed.report.completed + killed.report.outside_completed,
        "acknowledged_orders": compared.orders,
        "acknowledged_payments": compared.payments,
        "charges": compared.charges,
        "lost_or_doubled": len(compared.differences),
        "verify_differences": verified.differences,
        "failures": killed.report.failed + killed.report.outside_failed,
        "retries": killed.report.retries,
        "restart_p50_seconds": statistics.median(back),
        "restart_max_seconds": max(back),
    }
    return Outcome(dict(figures), tuple(_faults(options, killed, compared, verified)))


def _job(options: argparse.Namespace, shop: Server, seeded: Seeded, log: Path) -> JourneyJob:
    return JourneyJob(
        port=shop.port,
        tokens=seeded.tokens,
        variants=seeded.variants,
        connections=options.connections,
        seconds=options.seconds + options.most + 120,  # it is stopped long before
        drain=DRAIN,
        seed=options.seed,
        retry=True,
        log=log,
    )


def _kill(options: argparse.Namespace, shop: Server, running: Running[JourneyReport]) -> Killed:
    """Kill and start again, then let the shoppers finish."""
    moments = random.Random(options.seed)  # noqa: S311  the moments shall be the same at every run
    back: list[float] = []
    begun = time.monotonic()
    while len(back) < options.kills and time.monotonic() < begun + options.seconds:
        time.sleep(moments.uniform(options.least, options.most))
        shop.kill()
        back.append(shop.start())
        if running.is_over():
            raise BenchmarkError(f"the load client has given up: {running.wait()}")
        if len(back) % PROGRESS == 0:
            tell(f"{len(back)} kills, {time.monotonic() - begun:.0f} s")
    time.sleep(options.least)
    running.stop()
    report = running.wait()
    return Killed(tuple(back), report, time.monotonic() - begun)


def _print(killed: Killed, compared: Compared, verified: Verified) -> None:
    report, back = killed.report, killed.back or (0.0,)
    print_table(
        f"crash: {len(killed.back)} kills, {len(compared.differences)} orders or payments lost or doubled",
        [
            ("journeys, to their end", number(report.completed + report.outside_completed)),
            ("requests sent again", number(report.retries)),
            ("journeys that failed", number(report.failed + report.outside_failed)),
            ("orders acknowledged", number(compared.orders)),
            ("payments acknowledged", number(compared.payments)),
            ("charges in the gateway's file", number(compared.charges)),
            ("differences found by verify", number(verified.differences)),
            ("seconds from a start to the first answer, median", number(statistics.median(back), 2)),
            ("and at most", number(max(back), 2)),
        ],
    )


def _faults(options: argparse.Namespace, killed: Killed, compared: Compared, verified: Verified) -> list[str]:
    faults = [
        f"{failure.count} journeys failed at {failure.step}: {failure.reason} {failure.status} {failure.bodies[:1]}"
        for failure in killed.report.failures
    ]
    faults += compared.differences[:10]
    if len(compared.differences) > len(faults):
        faults.append(f"{len(compared.differences)} such differences in all")
    if verified.differences:
        faults += [f"verify found {verified.differences} differences, the first:", *verified.lines[:3]]
    if len(killed.back) < options.kills:
        faults.append(f"only {len(killed.back)} of {options.kills} kills within {options.seconds:g} s")
    if killed.report.unfinished:
        faults.append(f"{killed.report.unfinished} requests were never answered")
    if not compared.payments:
        faults.append("not one payment was acknowledged")
    return faults
