"""`rolling`: every process of a shop is started again, one after the other, and a database is migrated, under load.

Services have two processes each, on real servers; HAProxy stands in front of two front-ends, as `mercato edge` sets it
up. No request may fail, and nothing is sent twice.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import msgspec

from benchmarks import acknowledged, processes
from benchmarks.acknowledged import Compared
from benchmarks.cluster import Cluster, cluster, engine
from benchmarks.load.client import JourneyJob, JourneyReport, start_journeys
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, Outcome, number, print_table, tell
from benchmarks.seed import Seed, Seeded
from benchmarks.server import MERCATO, Verified
from mercato.apps.services import service_names
from mercato.runtime.database.postgresql import PostgresDatabase
from mercato.runtime.database.urls import Address

LEAST = 29_956  # requests
SHOPPERS = 64  # for each connection, so that nobody buys again before carts has heard that the last order is paid
DRAIN = "2.5"  # seconds for which a process that leaves says so
UNTIL_BACK = 60.0
CALM = 1.0
LOOK = 0.1


class Rolled(msgspec.Struct, frozen=True):
    """What the client saw, how many processes were started again and how many changes of tables were made meanwhile."""

    restarts: int
    changes: int
    report: JourneyReport
    compared: Compared
    verified: Verified


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=float, default=40, help="journeys offered a second, five requests each (40)")
    parser.add_argument("--connections", type=int, default=64, help="shoppers at a time (64)")
    parser.add_argument("--products", type=int, default=200, help="products in the shop (200)")
    parser.add_argument("--requests", type=int, default=LEAST, help=f"requests at least ({LEAST})")


def run(options: argparse.Namespace) -> Outcome:
    build()
    counts = ",".join(f"{name}=2" for name in (*service_names(), "storefront"))
    with cluster(Seed(options.products, SHOPPERS * options.connections), options.folder) as (made, seeded):
        made.shop.environment["MERCATO_DRAIN"] = DRAIN
        tell(f"all processes take orders after {made.start(counts):.1f} s")
        with _proxy(made) as port:
            rolled = _roll(options, made, seeded, port)
    _print(options, rolled)
    return Outcome(_figures(rolled), tuple(_faults(options, rolled)))


@contextlib.contextmanager
def _proxy(made: Cluster) -> Iterator[int]:
    """HAProxy in front of the front-ends, with the configuration that `mercato edge` makes; its port."""
    port = processes.free_port()
    fronts = ",".join(f"127.0.0.1:{port}" for name, port in made.ports().items() if name.startswith("storefront"))
    folder = made.shop.folder / "edge"
    words = [*MERCATO, "edge", "haproxy", "--storefront", fronts, "--listen", f"127.0.0.1:{port}", "--limits", "0"]
    subprocess.run([*words, "--out", str(folder)], env=made.shop.environment, check=True, stdout=subprocess.DEVNULL)
    program = engine("haproxy").program
    if program is None:
        raise BenchmarkError("haproxy is needed: python -m tools.engines up haproxy")
    (configuration,) = folder.rglob("haproxy.cfg")
    with (made.shop.folder / "haproxy.out").open("wb") as out:
        process = processes.start([program, "-W", "-db", "-f", str(configuration)], configuration.parent, out)
    try:
        time.sleep(CALM)
        yield port
    finally:
        processes.end(process)


def _roll(options: argparse.Namespace, made: Cluster, seeded: Seeded, port: int) -> Rolled:
    log = made.shop.folder / "acknowledged.log"
    job = JourneyJob(
        port=port,
        tokens=seeded.tokens,
        variants=seeded.variants,
        connections=options.connections,
        seconds=7_200,  # it is stopped long before
        drain=60.0,
        rate=options.rate,
        log=log,
    )
    least = options.requests / (5 * options.rate)  # seconds
    with start_journeys(job) as running:
        begun = time.monotonic()
        restarts = sum(_restart(made, name) for name in sorted(made.pids()))
        changes = _migrate(made)
        while time.monotonic() < begun + least and not running.is_over():
            time.sleep(LOOK)
        running.stop()
        report = running.wait()
    verified = made.shop.verify()
    compared = acknowledged.compare_on_server(log, made.ask, made.gateway_files)
    made.shop.stop()
    return Rolled(restarts, changes, report, compared, verified)


def _restart(made: Cluster, name: str) -> int:
    """End one process gracefully, and wait until its successor takes orders."""
    old = made.pids()[name]
    os.kill(old, signal.SIGTERM)
    end = time.monotonic() + UNTIL_BACK
    while made.pids().get(name, old) == old or not made.is_ready(name):
        if time.monotonic() > end:
            raise BenchmarkError(f"{name} did not come back within {UNTIL_BACK:.0f} s")
        time.sleep(LOOK)
    time.sleep(CALM)
    return 1


def _migrate(made: Cluster) -> int:
    """Change tables as a migration does: expand, then contract; how many changes."""
    changes = 0
    for service, table in (("orders", "orders"), ("payments", "payments"), ("carts", "documents")):
        database = PostgresDatabase(_address(made, service, "MERCATO_DATABASE"), _owner(made, service))
        for change in (
            f"ALTER TABLE {table} ADD COLUMN remark TEXT",
            f"CREATE INDEX CONCURRENTLY {table}_by_remark ON {table} (remark)",
            f"DROP INDEX CONCURRENTLY {table}_by_remark",
            f"ALTER TABLE {table} DROP COLUMN remark",
        ):
            with database.migrating(()) as connection:
                connection.execute(change)
            changes += 1
            time.sleep(CALM)
        database.close()
    return changes


def _address(made: Cluster, service: str, variable: str) -> Address:
    address = Address.read(made.shop.environment[variable])
    return address.at(f"{address.database}_{service}")


def _owner(made: Cluster, service: str) -> Address:
    return _address(made, service, "MERCATO_DATABASE_OWNER")


def _figures(rolled: Rolled) -> dict[str, Figure]:
    report = rolled.report
    return {
        "requests": report.answered,
        "failed": report.failed + report.outside_failed,
        "journeys": report.completed + report.outside_completed,
        "restarts": rolled.restarts,
        "changes_of_tables": rolled.changes,
        "acknowledged_orders": rolled.compared.orders,
        "acknowledged_payments": rolled.compared.payments,
        "lost_or_doubled": len(rolled.compared.differences),
        "verify_differences": rolled.verified.differences,
        "p99_ms": report.answers.p99_ms,
    }


def _print(options: argparse.Namespace, rolled: Rolled) -> None:
    report = rolled.report
    rows = [
        ("requests", number(report.answered), f"at least {options.requests:,}"),
        ("journeys that failed", number(report.failed + report.outside_failed), "0"),
        ("processes started again", number(rolled.restarts), ""),
        ("changes of tables", number(rolled.changes), ""),
        ("lost or doubled", number(len(rolled.compared.differences)), "0"),
        ("differences found by verify", number(rolled.verified.differences), "0"),
    ]
    print_table("rolling: every process started again and tables changed, under load", [("", "", "goal"), *rows])


def _faults(options: argparse.Namespace, rolled: Rolled) -> Iterator[str]:
    report = rolled.report
    for failure in report.failures:
        kind = f"{failure.reason} {failure.status} {failure.bodies[:1]}"
        yield f"{failure.count} journeys failed at {failure.step}: {kind}"
    yield from rolled.compared.differences[:10]
    if rolled.verified.differences:
        yield f"verify found {rolled.verified.differences} differences, the first: {rolled.verified.lines[:3]}"
    if report.answered < options.requests:
        yield f"only {report.answered:,} requests of {options.requests:,}"
