"""`flash`: everybody wants the last pieces of one thing at once, while others buy something else."""

import argparse
import sqlite3
import statistics
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.load.client import (
    Durations,
    JourneyJob,
    JourneyReport,
    Running,
    SaleJob,
    SaleReport,
    start_journeys,
    start_sale,
)
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, Outcome, number, print_table, tell
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, Verified, server

GOAL_ORDER_MS = 1_000  # p99 from a buyer's arrival to the answer to the order
GOAL_OTHERS_MS = 100  # p99 of any answer to who buys something else meanwhile
OTHERS = 64  # shoppers of other things at a time, far more than their rate needs
PAUSE = 5.0  # seconds until a buyer who was told "sold out" comes again
CALM = 3.0  # seconds for which the others are measured without a sale
AFTER = 1.0  # seconds for which they are measured when the last buyer has arrived
LOOK = 0.005
MOST_TO_PREPARE = 300.0


class Sold(msgspec.Struct, frozen=True):
    """Pieces of the scarce variant, as the database says."""

    available: int
    reserved: int
    sold: int


class Sale(msgspec.Struct, frozen=True):
    """One sale: what its buyers and the others saw, and what the server kept."""

    report: SaleReport
    calm: JourneyReport
    others: JourneyReport
    kept: Sold
    verified: Verified
    server_us: float


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--buyers", type=int, default=10_000, help="who want the scarce thing (10000)")
    parser.add_argument("--items", type=int, default=100, help="how many pieces of it there are (100)")
    parser.add_argument("--window", type=float, default=3.0, help="seconds within which the buyers arrive (3)")
    parser.add_argument("--connections", type=int, default=0, help="of the buyers; 0: one for each")
    parser.add_argument("--failing", type=float, default=0, help="percent of the payments that are declined (0)")
    parser.add_argument("--again", type=int, help="how often a buyer comes again (3 if payments fail, else 0)")
    parser.add_argument("--others", type=float, default=20, help="journeys a second of other shoppers (20)")
    parser.add_argument("--products", type=int, default=500, help="products that the others buy (500)")
    parser.add_argument("--repeats", type=int, default=1, help="sales, one after the other (1)")


def run(options: argparse.Namespace) -> Outcome:
    build()
    seed = Seed(options.products, options.buyers + 4 * OTHERS, options.repeats, options.items)
    sales = []
    with server(seed, parent=options.folder) as (shop, seeded):
        shop.start()
        for place, variant in enumerate(seeded.scarce):
            tell(f"sale {place + 1}: {options.buyers:,} buyers, {options.items} pieces, {options.window:g} s")
            sales.append(_sell(options, shop, seeded, variant))
    _print(options, sales)
    faults = [f"sale {place}: {fault}" for place, sale in enumerate(sales, 1) for fault in _faults(options, sale)]
    return Outcome(_figures(options, sales), tuple(faults))


def _sell(options: argparse.Namespace, shop: Server, seeded: Seeded, variant: str) -> Sale:
    calm = _others(options, shop, seeded, CALM)
    with start_journeys(calm) as running:
        before = running.wait()
    opened = shop.folder / f"opened-{variant}.log"
    with start_sale(sale_of(options, shop, seeded, variant, opened)) as sale:
        _wait_for(opened, sale)
        cpu = shop.cpu_seconds()
        with start_journeys(_others(options, shop, seeded, options.window + AFTER)) as running:
            meanwhile = running.wait()
        report = sale.wait()
    used = shop.cpu_seconds() - cpu
    verified = shop.verify()
    kept = sold_of(shop.data / "inventory.db", variant)
    return Sale(report, before, meanwhile, kept, verified, used * 1e6 / max(report.begun, 1))


def sale_of(options: argparse.Namespace, shop: Server, seeded: Seeded, variant: str, opened: Path) -> SaleJob:
    again = options.again if options.again is not None else (3 if options.failing else 0)
    return SaleJob(
        port=shop.port,
        tokens=seeded.tokens[: options.buyers],
        variant=variant,
        connections=options.connections or options.buyers,
        window=options.window,
        failing=options.failing / 100,
        again=again,
        pause=PAUSE,
        seconds=options.window + again * PAUSE + 60,
        warmup=MOST_TO_PREPARE,
        log=opened,
    )


def _others(options: argparse.Namespace, shop: Server, seeded: Seeded, seconds: float) -> JourneyJob:
    return JourneyJob(
        port=shop.port,
        tokens=seeded.tokens[options.buyers :],
        variants=seeded.variants,
        connections=OTHERS,
        rate=options.others,
        seconds=seconds,
    )


def _wait_for(opened: Path, sale: Running[SaleReport]) -> None:
    """Wait until the first buyer arrives: everybody has a quote then."""
    while not opened.exists():
        if sale.is_over():
            raise BenchmarkError(f"the sale was over before it began: {sale.wait()}")
        time.sleep(LOOK)


def sold_of(database: Path, variant: str) -> Sold:
    """What became of the pieces, read from inventory's file."""
    question = "select sum(available), sum(reserved), sum(sold) from stock where variant_id = ?"
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return Sold(*connection.execute(question, (variant,)).fetchone())


def _figures(options: argparse.Namespace, sales: list[Sale]) -> dict[str, Figure]:
    """Of several sales, the worst of each time and the sum of each count."""

    def worst(of: Iterable[Durations]) -> float:
        return max(durations.p99_ms for durations in of)

    reports = [sale.report for sale in sales]
    return {
        "sales": len(sales),
        "buyers": options.buyers,
        "items": options.items,
        "window_seconds": options.window,
        "failing_percent": options.failing,
        "orders": sum(report.begun for report in reports),
        "sold": sum(sale.kept.sold for sale in sales),
        "told_sold_out": sum(report.sold_out for report in reports),
        "declined": sum(report.declined for report in reports),
        "order_p50_ms": statistics.median(report.latency.p50_ms for report in reports),
        "order_p99_ms": worst(report.latency for report in reports),
        "order_max_ms": max(report.latency.max_ms for report in reports),
        "bought_p99_ms": worst(report.bought_latency for report in reports),
        "others_per_second": options.others,
        "others_before_p99_ms": worst(sale.calm.answers for sale in sales),
        "others_p50_ms": statistics.median(sale.others.answers.p50_ms for sale in sales),
        "others_p99_ms": worst(sale.others.answers for sale in sales),
        "others_journey_p99_ms": worst(sale.others.latency for sale in sales),
        "server_cpu_us_per_order": statistics.median(sale.server_us for sale in sales),
        "client_cpu_us_per_order": statistics.median(report.cpu_us_per_order for report in reports),
        "failures": sum(sale.report.failed + _failed(sale.others) for sale in sales),
        "verify_differences": sum(sale.verified.differences for sale in sales),
    }


def _print(options: argparse.Namespace, sales: list[Sale]) -> None:
    head = (
        "",
        "sold",
        "orders",
        "sold out",
        "order p50 ms",
        "p99",
        "max",
        "others p99 ms",
        "before",
        "CPU us an order",
    )
    rows: list[tuple[str, ...]] = [head]
    for place, sale in enumerate(sales, 1):
        report = sale.report
        rows.append(
            (
                f"sale {place}",
                number(sale.kept.sold),
                number(report.begun),
                number(report.sold_out),
                *(number(value) for value in (report.latency.p50_ms, report.latency.p99_ms, report.latency.max_ms)),
                number(sale.others.answers.p99_ms, 1),
                number(sale.calm.answers.p99_ms, 1),
                number(sale.server_us),
            )
        )
    rows.append(("goal", number(options.items), "", "", "", number(GOAL_ORDER_MS), "", number(GOAL_OTHERS_MS), "", ""))
    print_table(f"flash: {options.items} pieces for {options.buyers:,} buyers within {options.window:g} s", rows)


def _faults(options: argparse.Namespace, sale: Sale) -> list[str]:
    report, kept = sale.report, sale.kept
    faults = [
        f"{failure.count} {who} failed at {failure.step}: {failure.reason} {failure.status} {failure.bodies[:1]}"
        for who, seen in (("buyers", report), ("others", sale.others))
        for failure in seen.failures
    ]
    if kept != Sold(0, 0, options.items) or report.paid != options.items:
        faults.append(
            f"{options.items} pieces were to be sold: {kept}, and {report.paid} buyers were told that they paid"
        )
    told = report.paid + report.cancelled + report.sold_out
    if told != options.buyers or report.waiting or report.unfinished:
        faults.append(f"of {options.buyers} buyers only {told} had a final answer")
    if options.failing and not report.declined:
        faults.append("no payment was declined")
    if sale.verified.differences:
        faults.append(f"verify found {sale.verified.differences} differences, the first: {sale.verified.lines[0]}")
    return faults


def _failed(others: JourneyReport) -> int:
    return others.failed + others.outside_failed
