"""`crash`: kill -9 under load, again and again. What was acknowledged must be there, once, after each start."""

import argparse
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks import acknowledged
from benchmarks.acknowledged import Compared
from benchmarks.load.client import JourneyJob, JourneyReport, Running, start_journeys
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, Outcome, number, print_table, tell
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, Verified, server

GOAL_RESTART = 1.0  # seconds from a start to the first answer, at p99
FIRST = "/v1/products?limit=1"  # what is asked for until it is answered
PROGRESS = 10  # kills between two lines about them
DRAIN = 40.0  # seconds for what is under way when nothing more begins
SETTLE = 3.0  # seconds for work that the last process found when it started


class Killed(msgspec.Struct, frozen=True):
    """The kills of one data folder: seconds from each start to its first answer, what was missing then, and at the end
    what the client saw of it all and what the folder says."""

    back: tuple[float, ...]
    lost: tuple[str, ...]
    seconds: float
    report: JourneyReport
    compared: Compared
    verified: Verified


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=200, help="how often the server is killed (200)")
    parser.add_argument("--each", type=int, default=20, help="kills after which a fresh data folder begins (20)")
    parser.add_argument("--rate", type=float, default=200, help="journeys offered a second; 0: as many as go (200)")
    parser.add_argument("--least", type=float, default=2.0, help="seconds between an answer and the kill (2)")
    parser.add_argument("--most", type=float, default=10.0, help="and at most (10)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments (1)")
    parser.add_argument("--seconds", type=float, default=7_200, help="after which no more kills are begun (7200)")
    parser.add_argument("--connections", type=int, default=256, help="shoppers at a time (256)")
    parser.add_argument("--products", type=int, default=500, help="products in the shop (500)")


def run(options: argparse.Namespace) -> Outcome:
    build()
    moments = random.Random(options.seed)  # noqa: S311  the moments shall be the same at every run
    end = time.monotonic() + options.seconds
    folders: list[Killed] = []
    for kills in _portions(options.kills, options.each):
        tell(f"folder {len(folders) + 1}: {kills} kills")
        folders.append(_folder(options, kills, moments, end))
        if time.monotonic() > end:
            break
    _print(folders)
    return Outcome(_figures(options, folders), tuple(_faults(options, folders)))


def _portions(kills: int, each: int) -> Iterator[int]:
    while kills > 0:
        yield min(kills, each)
        kills -= each


def _folder(options: argparse.Namespace, kills: int, moments: random.Random, end: float) -> Killed:
    """Kill and start again, then let the shoppers finish, and look at everything that is left."""
    with server(Seed(options.products, 4 * options.connections), parent=options.folder) as (shop, seeded):
        shop.start()
        log = shop.folder / "acknowledged.log"
        begun = time.monotonic()
        with start_journeys(_job(options, shop, seeded, log)) as running:
            back: list[float] = []
            lost: list[str] = []
            while len(back) < kills and time.monotonic() < end:
                time.sleep(moments.uniform(options.least, options.most))
                back.append(_kill(shop, running))
                lost += acknowledged.lost(log, shop.data)
                if len(back) % PROGRESS == 0:
                    tell(f"{len(back)} kills, {time.monotonic() - begun:.0f} s")
            time.sleep(options.least)
            running.stop()
            report = running.wait()
        seconds = time.monotonic() - begun
        time.sleep(SETTLE)
        shop.stop()
        verified = shop.verify()
        compared = acknowledged.compare(log, shop.data)
        return Killed(tuple(back), tuple(lost), seconds, report, compared, verified)


def _kill(shop: Server, running: Running[JourneyReport]) -> float:
    shop.kill()
    back = shop.start(path=FIRST)
    if running.is_over():
        raise BenchmarkError(f"the load client has given up: {running.wait()}")
    return back


def _job(options: argparse.Namespace, shop: Server, seeded: Seeded, log: Path) -> JourneyJob:
    return JourneyJob(
        port=shop.port,
        tokens=seeded.tokens,
        variants=seeded.variants,
        connections=options.connections,
        seconds=options.seconds + options.most + 120,  # it is stopped long before
        drain=DRAIN,
        rate=options.rate,
        seed=options.seed,
        retry=True,
        log=log,
    )


def _figures(options: argparse.Namespace, folders: list[Killed]) -> dict[str, Figure]:
    back = sorted(seconds for killed in folders for seconds in killed.back) or [0.0]
    reports = [killed.report for killed in folders]
    compared = [killed.compared for killed in folders]
    return {
        "kills": _kills(folders),
        "folders": len(folders),
        "seconds": sum(killed.seconds for killed in folders),
        "offered_per_second": options.rate,
        "journeys": sum(report.completed + report.outside_completed for report in reports),
        "acknowledged_orders": sum(each.orders for each in compared),
        "acknowledged_payments": sum(each.payments for each in compared),
        "charges": sum(each.charges for each in compared),
        "lost_after_a_start": sum(len(killed.lost) for killed in folders),
        "lost_or_doubled": sum(len(each.differences) for each in compared),
        "verify_differences": sum(killed.verified.differences for killed in folders),
        "failures": sum(report.failed + report.outside_failed for report in reports),
        "retries": sum(report.retries for report in reports),
        "restart_p50_seconds": statistics.median(back),
        "restart_p99_seconds": back[-1 - len(back) // 100],
        "restart_max_seconds": back[-1],
    }


def _kills(folders: list[Killed]) -> int:
    return sum(len(killed.back) for killed in folders)


def _print(folders: list[Killed]) -> None:
    head = ("", "kills", "journeys", "sent again", "orders", "payments", "lost", "verify", "restart s", "at most")
    rows: list[tuple[str, ...]] = [head]
    for place, killed in enumerate(folders, 1):
        report, compared, back = killed.report, killed.compared, killed.back or (0.0,)
        rows.append(
            (
                f"folder {place}",
                number(len(killed.back)),
                number(report.completed + report.outside_completed),
                number(report.retries),
                number(compared.orders),
                number(compared.payments),
                number(len(killed.lost) + len(compared.differences)),
                number(killed.verified.differences),
                number(statistics.median(back), 2),
                number(max(back), 2),
            )
        )
    rows.append(("goal", "", "", "", "", "", "0", "0", "", f"{GOAL_RESTART:.2f}"))
    print_table(f"crash: {_kills(folders)} kills, and what was acknowledged and is not there", rows)


def _faults(options: argparse.Namespace, folders: list[Killed]) -> Iterator[str]:
    for place, killed in enumerate(folders, 1):
        for fault in _faults_of(killed):
            yield f"folder {place}: {fault}"
    if _kills(folders) < options.kills:
        yield f"only {_kills(folders)} of {options.kills} kills within {options.seconds:g} s"


def _faults_of(killed: Killed) -> Iterator[str]:
    report, compared, verified = killed.report, killed.compared, killed.verified
    for failure in report.failures:
        kind = f"{failure.reason} {failure.status} {failure.bodies[:1]}"
        yield f"{failure.count} journeys failed at {failure.step}: {kind}"
    differences = [*killed.lost, *compared.differences]
    yield from differences[:10]
    if len(differences) > len(differences[:10]):
        yield f"{len(differences)} such differences in all"
    if verified.differences:
        yield f"verify found {verified.differences} differences, the first: {verified.lines[:3]}"
    if report.unfinished:
        yield f"{report.unfinished} requests were never answered"
    if not compared.payments:
        yield "not one payment was acknowledged"
