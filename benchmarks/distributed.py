"""`distributed`: what a shop loses whose services run apart on real servers, when one after the other of them fails.

Every process of a service, Kafka, PostgreSQL, Redis and, where carts are there, MongoDB is killed and paused in turn
while shoppers buy. What the client was told must be there at the end, once, and every figure must be explained.
"""

import argparse
import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from benchmarks import acknowledged, apart
from benchmarks.acknowledged import Compared
from benchmarks.cluster import PAIR, Cluster, cluster, engine
from benchmarks.load.client import JourneyJob, JourneyReport, Running, start_journeys
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, Outcome, number, print_table, tell
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Verified
from tools.engines.postgresql_ha import is_primary, promote

ENGINES = ("kafka", "postgresql", "redis")
DOCUMENTS = "mongo"  # an engine too, where documents are there
PAUSE = 10.0  # seconds for which something stands still
CALM = 4.0  # seconds between a recovery and the next fault
LEAST_TO_WATCH = 6.0
GAP = 0.7  # seconds without a purchase that are a standstill
WINDOW = 2.0  # seconds of purchases that say whether all is well
WELL = 0.5  # of the usual pace
MOST_TO_RECOVER = 90.0
DRAIN = 60.0
SETTLE = 5.0
LOOK = 0.1


class Fault(msgspec.Struct, frozen=True):
    """`seconds` from its end (a kill: from the kill) until purchases go on without a standstill; None: never."""

    victim: str
    kind: str
    seconds: float | None


class Endured(msgspec.Struct, frozen=True):
    faults: list[Fault]
    report: JourneyReport
    compared: Compared
    verified: Verified


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=float, default=20, help="journeys offered a second (20)")
    parser.add_argument("--connections", type=int, default=64, help="shoppers at a time (64)")
    parser.add_argument("--products", type=int, default=200, help="products in the shop (200)")
    parser.add_argument("--victims", default="", metavar="NAME,...", help="only these services and engines")
    parser.add_argument("--kinds", default="kill,pause", help="what happens to each (kill,pause)")
    parser.add_argument("--part", choices=("faults", "pace", "both"), default="both", help="what is measured (both)")
    parser.add_argument("--seconds", type=float, default=10, help="how long each pace is measured (10)")
    parser.add_argument("--documents", action="store_true", help="carts are on MongoDB, which fails as the others do")
    parser.add_argument("--failover", action="store_true", help="PostgreSQL's primary is killed, its standby promoted")
    parser.add_argument("--processes", default="orders=2,inventory=2", help="how many of each service, one if not said")


def run(options: argparse.Namespace) -> Outcome:
    build()
    if options.part == "pace":
        return _pace(options)
    faults = _endured(options)
    if options.part == "faults" or options.failover:
        return faults
    return Outcome({**faults.figures, **_pace(options).figures}, faults.faults)


def _pace(options: argparse.Namespace) -> Outcome:
    paces = apart.measure(options)
    apart.print_paces(paces)
    return Outcome(apart.figures_of(paces), ())


def _endured(options: argparse.Namespace) -> Outcome:
    seed, documents = Seed(options.products, 4 * options.connections), DOCUMENTS if options.documents else ""
    with cluster(seed, options.folder, pair=options.failover, documents=documents) as (made, seeded):
        tell(f"all processes take orders after {made.start(options.processes):.1f} s")
        endured = _endure(options, made, seeded)
    _print(endured)
    return Outcome(_figures(endured), tuple(_faults_of(endured)))


def _endure(options: argparse.Namespace, made: Cluster, seeded: Seeded) -> Endured:
    log = made.shop.folder / "acknowledged.log"
    with start_journeys(_job(options, made, seeded, log)) as running:
        faults = list(_strike_all(options, made, log, running))
        running.stop()
        report = running.wait()
    time.sleep(SETTLE)
    tell("verifying")
    verified = made.shop.verify()
    compared = acknowledged.compare_on_server(log, made.ask, made.gateway_files)
    made.shop.stop()
    return Endured(faults, report, compared, verified)


def _job(options: argparse.Namespace, made: Cluster, seeded: Seeded, log: Path) -> JourneyJob:
    return JourneyJob(
        port=made.shop.port,
        tokens=seeded.tokens,
        variants=seeded.variants,
        connections=options.connections,
        seconds=7_200,  # it is stopped long before
        drain=DRAIN,
        rate=options.rate,
        retry=True,
        log=log,
    )


def _strike_all(
    options: argparse.Namespace, made: Cluster, log: Path, running: Running[JourneyReport]
) -> Iterator[Fault]:
    time.sleep(CALM)
    services = sorted({name.rpartition("-")[0] for name in made.pids()})
    chosen = [name for name in options.victims.split(",") if name] or [*services, *ENGINES]
    if options.documents and not options.victims:
        chosen.append(DOCUMENTS)
    kinds = options.kinds.split(",")
    if options.failover:
        chosen, kinds = ["postgresql"], ["failover"]
    for victim in chosen:
        for kind in kinds:
            usual = _usual(log)
            begun = STRIKES[kind](made, victim)
            seconds = _until_well(log, usual * WELL, begun)
            told = "did not recover" if seconds is None else f"well again after {seconds:.1f} s"
            tell(f"{victim}: {kind}, {told}")
            yield Fault(victim, kind, seconds)
            if running.is_over():
                raise BenchmarkError(f"the load client has given up: {running.wait()}")
            time.sleep(CALM)


def _kill(made: Cluster, victim: str) -> float:
    """Kill it, and see that it is started again; when it was killed."""
    begun = time.monotonic()
    if victim in (*ENGINES, DOCUMENTS):
        server = engine(victim)
        server.kill()
        server.start()
    else:
        os.kill(_pid_of(made, victim), signal.SIGKILL)
    return begun


def _pause(made: Cluster, victim: str) -> float:
    """Have it stand still; when it goes on."""
    stop, go_on = _switches(made, victim)
    stop()
    try:
        time.sleep(PAUSE)
    finally:
        go_on()
    return time.monotonic()


def _fail_over(_made: Cluster, _victim: str) -> float:
    """Kill the primary and promote its standby, as whoever watches them would; when it was killed."""
    servers = [engine(name) for name in PAIR]
    primary = next(server for server in servers if is_primary(server))
    (standby,) = (server for server in servers if server is not primary)
    begun = time.monotonic()
    primary.kill()
    promote(standby)
    return begun


STRIKES: dict[str, Callable[[Cluster, str], float]] = {"kill": _kill, "pause": _pause, "failover": _fail_over}


def _switches(made: Cluster, victim: str) -> tuple[Callable[[], None], Callable[[], None]]:
    if victim in (*ENGINES, DOCUMENTS):
        server = engine(victim)
        return server.pause, server.resume
    pid = _pid_of(made, victim)
    return lambda: os.kill(pid, signal.SIGSTOP), lambda: os.kill(pid, signal.SIGCONT)


def _pid_of(made: Cluster, service: str) -> int:
    """Its first process, which may be about to be started again."""
    for _ in range(int(MOST_TO_RECOVER / LOOK)):
        if pid := made.pids().get(f"{service}-1"):
            return pid
        time.sleep(LOOK)
    raise BenchmarkError(f"{service}-1 does not run")


def _until_well(log: Path, least: float, begun: float) -> float | None:
    """Wait until purchases go on at `least` so many in a window; the seconds to the end of the last standstill."""
    while time.monotonic() < begun + MOST_TO_RECOVER:
        passed = time.monotonic() - begun
        if passed > LEAST_TO_WATCH and _paid_within(log, WINDOW) >= least:
            return _last_gap(_paid_since(log, passed + 1), passed)
        time.sleep(LOOK)
    return None


def _usual(log: Path) -> int:
    """How many orders are paid in a window, once any are."""
    end = time.monotonic() + MOST_TO_RECOVER
    while not (usual := _paid_within(log, WINDOW)):
        if time.monotonic() > end:
            raise BenchmarkError(f"nothing is bought any more, {MOST_TO_RECOVER:.0f} s after the last fault")
        time.sleep(LOOK)
    return usual


def _last_gap(paid: list[float], passed: float) -> float:
    """When the last gap in purchases ended, in seconds from `passed` seconds ago; 0 without any."""
    since = time.time() - passed
    ends = [later for earlier, later in pairwise(paid) if later - earlier > GAP and later > since]
    return max(ends, default=since) - since


def _paid_within(log: Path, seconds: float) -> int:
    """How many orders were seen paid in the last seconds."""
    return len(_paid_since(log, seconds))


def _paid_since(log: Path, seconds: float) -> list[float]:
    """When orders were seen paid in the last seconds, in seconds since the epoch."""
    since = time.time() - seconds
    lines = log.read_text().splitlines()[-20_000:] if log.exists() else []
    times = (int(line.rpartition(" ")[2]) / 1_000 for line in lines if line.startswith("paid "))
    return sorted(moment for moment in times if moment >= since)


def _figures(endured: Endured) -> dict[str, Figure]:
    compared = endured.compared
    figures: dict[str, Figure] = {
        f"{fault.victim}_{fault.kind}_recovery_seconds": fault.seconds
        for fault in endured.faults
        if fault.seconds is not None
    }
    return figures | {
        "faults": len(endured.faults),
        "acknowledged_orders": compared.orders,
        "acknowledged_payments": compared.payments,
        "charges": compared.charges,
        "lost_or_doubled": len(compared.differences),
        "verify_differences": endured.verified.differences,
        "journeys": endured.report.completed + endured.report.outside_completed,
        "journeys_that_ended_early": endured.report.failed + endured.report.outside_failed,
    }


def _print(endured: Endured) -> None:
    rows: list[tuple[str, ...]] = [("", *sorted({fault.kind for fault in endured.faults}))]
    for victim in dict.fromkeys(fault.victim for fault in endured.faults):
        seconds = {fault.kind: fault.seconds for fault in endured.faults if fault.victim == victim}
        rows.append((victim, *(_shown(seconds.get(kind)) for kind in rows[0][1:])))
    print_table("distributed: seconds until purchases went on, after a kill and after a pause of 10 s", rows)
    compared, report = endured.compared, endured.report
    print_table(
        "what was acknowledged",
        [
            ("orders", number(compared.orders)),
            ("payments", number(compared.payments)),
            ("lost or doubled", number(len(compared.differences))),
            ("differences found by verify", number(endured.verified.differences)),
            ("journeys that ended early", number(report.failed + report.outside_failed)),
        ],
    )


def _shown(seconds: float | None) -> str:
    return "never" if seconds is None else number(seconds, 1)


def _faults_of(endured: Endured) -> Iterator[str]:
    yield from endured.compared.differences[:10]
    if endured.verified.differences:
        yield f"verify found {endured.verified.differences} differences, the first: {endured.verified.lines[:3]}"
    for fault in endured.faults:
        if fault.seconds is None:
            yield f"{fault.victim}: purchases did not go on after {fault.kind}"
    if not endured.compared.payments:
        yield "not one payment was acknowledged"
