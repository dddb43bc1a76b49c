"""`buy`: whole purchases a second. Two variants into a cart, a quote, the order, its payment, `paid` seen."""

import argparse
import time

import msgspec

from benchmarks import processes, profiling
from benchmarks.load.client import Durations, JourneyJob, JourneyReport, start_journeys
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import Outcome, number, print_table, tell
from benchmarks.processes import Standstill
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, Verified, server

LEAST = 1_157  # journeys a second: 100 million orders a day
GOAL = 2_000
PROTOTYPE = 2_003  # a throw-away program with the same batches, on two cores
PROTOTYPE_CPU_US = 542
FEW_RECEIPTS = 0.25  # seconds between two looks at the folder of mails


class Load(msgspec.Struct, frozen=True):
    """What one run of the load client and its server have used, over `journeys` of which warm-up and drain are part.
    `mails` had been written before."""

    report: JourneyReport
    journeys: int
    server_seconds: float
    others_share: float
    standstill: float
    messages: dict[str, float]
    batches: dict[str, float]
    receipts: int
    mails: int

    @property
    def server_us(self) -> float:
        return self.server_seconds * 1e6 / max(self.journeys, 1)


class Backlog(msgspec.Struct, frozen=True):
    """What was still to be done when the last shopper had gone; `states` are those of the receipts' deliveries then."""

    receipts: int
    seconds: float
    missing: int
    cpu_seconds: float
    states: dict[str, int]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=20, help="how long is measured (20)")
    parser.add_argument("--warmup", type=float, default=3, help="seconds of load before that (3)")
    parser.add_argument("--connections", type=int, default=256, help="shoppers at a time (256)")
    parser.add_argument("--rate", type=float, default=0, help="journeys that arrive a second; 0: as fast as they go")
    parser.add_argument("--products", type=int, default=10_000, help="products in the shop (10000)")
    parser.add_argument("--users", type=int, default=1_000, help="shoppers with an account (1000)")
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait for the last receipts (60)")
    parser.add_argument("--profile", action="store_true", help="a second run that tells where the server's time goes")


def run(options: argparse.Namespace) -> Outcome:
    build()
    seed = Seed(options.products, max(options.users, options.connections))
    with server(seed, parent=options.folder) as (shop, seeded):
        shop.start()
        job = job_of(options, shop, seeded)
        fsync = processes.fsync_ms(shop.folder)
        load = measure(shop, job)
        backlog = wait_for_receipts(shop, load, options.patience)
        peak = shop.memory().peak
        shop.stop()
        tell("verifying the data folder")
        verified = shop.verify()
    figures = _figures(load, job, backlog, verified)
    figures |= {"fsync_p50_ms": fsync, "server_peak_memory_mib": peak}
    _print(load, job, figures)
    if options.profile:
        figures |= profiling.profile(
            seed, options.folder, lambda *made: job_of(options, *made), load.report.journeys_per_second
        )
    return Outcome(figures, tuple(faults_of(load, backlog, verified)))


def job_of(options: argparse.Namespace, shop: Server, seeded: Seeded) -> JourneyJob:
    return JourneyJob(
        port=shop.port,
        tokens=seeded.tokens,
        variants=seeded.variants,
        connections=options.connections,
        seconds=options.seconds,
        warmup=options.warmup,
        rate=options.rate,
    )


def measure(shop: Server, job: JourneyJob) -> Load:
    """Run the load, and count what the server uses from its first connection to its last answer."""
    way = f"{job.rate:g} a second" if job.rate else "as fast as they go"
    tell(f"{job.connections} shoppers, {way}, for {job.warmup:g} + {job.seconds:g} s")
    messages, batches = shop.counters("mercato_messages"), shop.counters("mercato_batches")
    mails, machine, cpu = shop.mails(), processes.machine_times(), shop.cpu_seconds()
    with start_journeys(job) as running:
        standstill = Standstill()
        while not running.is_over():
            time.sleep(0.02)
            standstill.look()
        used, after = shop.cpu_seconds() - cpu, processes.machine_times()
        report = running.wait()
    journeys = report.completed + report.outside_completed
    client = report.cpu_us_per_journey * journeys / 1e6
    busy, idle = after.busy - machine.busy, after.idle - machine.idle
    return Load(
        report,
        journeys,
        used,
        max(0.0, busy - used - client) / max(busy + idle, 0.01),
        standstill.longest,
        _difference(shop.counters("mercato_messages"), messages),
        _difference(shop.counters("mercato_batches"), batches),
        shop.mails() - mails,
        mails,
    )


def wait_for_receipts(shop: Server, load: Load, patience: float) -> Backlog:
    """Wait until each paid order has its receipt, or no longer than `patience`.

    Looks are counted instead of seconds, so that a machine that stands still for a while loses no patience.
    """
    begun, cpu = time.monotonic(), shop.cpu_seconds()
    written = load.receipts
    looks = int(patience / FEW_RECEIPTS)
    while written < load.journeys and looks > 0:
        looks -= 1
        time.sleep(FEW_RECEIPTS)
        written = shop.mails() - load.mails
    return Backlog(
        written - load.receipts,
        time.monotonic() - begun,
        load.journeys - written,
        shop.cpu_seconds() - cpu,
        shop.receipts_by_state(),
    )


def _figures(load: Load, job: JourneyJob, backlog: Backlog, verified: Verified) -> dict[str, Figure]:
    report = load.report
    figures: dict[str, Figure] = {
        "journeys_per_second": report.journeys_per_second,
        "connections": job.connections,
        "offered_per_second": job.rate,
        "seconds": report.seconds,
        **percentiles("", report.latency),
    }
    for name, durations in report.steps.items():
        figures |= percentiles(f"{name}_", durations)
    client, messages, batches = report.cpu_us_per_journey, sum(load.messages.values()), sum(load.batches.values())
    return figures | {
        "server_cpu_us_per_journey": load.server_us,
        "client_cpu_us_per_journey": client,
        "client_cpu_share": client / max(client + load.server_us, 0.001),
        "others_cpu_share": load.others_share,
        "longest_standstill_ms": load.standstill * 1e3,
        "failures": report.failed + report.outside_failed,
        "sold_out": report.sold_out + report.outside_sold_out,
        "waiting": report.waiting,
        "batches_per_journey": batches / max(load.journeys, 1) if load.batches else None,
        "messages_per_batch": messages / max(batches, 1) if load.batches else None,
        "receipts_during_run": load.receipts,
        "receipts_after_run": backlog.receipts,
        "receipts_after_run_seconds": backlog.seconds,
        "receipts_missing": backlog.missing,
        "receipts_after_run_cpu_us": backlog.cpu_seconds * 1e6 / max(backlog.receipts, 1),
        "verify_differences": verified.differences,
        "verify_seconds": verified.seconds,
    }


def _print(load: Load, job: JourneyJob, figures: dict[str, Figure]) -> None:
    report, pace = load.report, load.report.journeys_per_second
    print_table(
        f"buy: {number(pace)} journeys a second",
        [
            ("", "journeys/s", "server CPU us"),
            ("this run", number(pace), number(load.server_us)),
            ("goal, with the whole product never below", number(LEAST), ""),
            ("goal of the first cut of services", number(GOAL), ""),
            ("prototype", number(PROTOTYPE), number(PROTOTYPE_CPU_US)),
        ],
    )
    steps = {"journey": report.latency, **report.steps}
    rows = [(name, *map(_ms, (d.p50_ms, d.p99_ms, d.p999_ms, d.max_ms))) for name, d in steps.items()]
    print_table(f"ms, {job.connections} shoppers at a time", [("", "p50", "p99", "p99.9", "max"), *rows])
    print_table(
        "what it took",
        [
            ("client CPU us a journey", number(report.cpu_us_per_journey, 1)),
            ("client's share of both", f"{figures['client_cpu_share']:.1%}"),
            ("share of all processors that others used", f"{load.others_share:.1%}"),
            ("longest time that this program stood still, ms", number(load.standstill * 1e3)),
            ("fsync of this disk, ms", number(float(figures["fsync_p50_ms"] or 0), 2)),
            ("server's largest memory, MiB", number(float(figures["server_peak_memory_mib"] or 0))),
            ("failures", str(figures["failures"])),
            ("receipts written during the run", number(load.receipts)),
            ("and afterwards, in seconds", f"{figures['receipts_after_run']:,}", _ms(_real(figures))),
            ("still missing then", f"{figures['receipts_missing']:,}"),
            ("server CPU us a receipt, afterwards", number(float(figures["receipts_after_run_cpu_us"] or 0))),
            ("differences found by verify", str(figures["verify_differences"])),
        ],
    )
    if load.standstill > 1:
        tell("this program stood still for more than a second, so probably the machine did: measure again")
    if load.batches:
        rows = [
            (name, number(count), f"{count / max(load.journeys, 1):.2f}", f"{load.messages[name] / max(count, 1):.1f}")
            for name, count in load.batches.items()
        ]
        print_table("group commits", [("", "batches", "a journey", "messages each"), *rows])
    else:
        tell("the server shows no counters of batches at /metrics")


def faults_of(load: Load, backlog: Backlog, verified: Verified | None) -> list[str]:
    """Sentences about what must not be; without `verified`, of the run alone."""
    report = load.report
    faults = [
        f"{failure.count} journeys failed at {failure.step}: {failure.reason} {failure.status} {failure.bodies[:1]}"
        for failure in report.failures
    ]
    if not report.completed:
        faults.append("no journey was completed")
    if report.unfinished:
        faults.append(f"{report.unfinished} requests were never answered")
    if sum(backlog.states.values()) < load.journeys or backlog.states.keys() - {"sent", "waiting"}:
        faults.append(f"{load.journeys} orders were paid, and the deliveries of their receipts are {backlog.states}")
    if verified and verified.differences:
        faults.append(f"verify found {verified.differences} differences, the first: {verified.lines[0]}")
    return faults


def percentiles(prefix: str, durations: Durations) -> dict[str, Figure]:
    return {
        f"{prefix}p50_ms": durations.p50_ms,
        f"{prefix}p99_ms": durations.p99_ms,
        f"{prefix}p999_ms": durations.p999_ms,
    }


def _difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: count - before.get(name, 0) for name, count in after.items()}


def _real(figures: dict[str, Figure]) -> float:
    return float(figures["receipts_after_run_seconds"] or 0)


def _ms(value: float) -> str:
    return number(value, 1)
