"""What it costs to run services apart: purchases a second in one process and in many, in one run, and who uses the
processors. Everything shares the same cores: the shop, its servers and the load client."""

import argparse
import contextlib
import json
import urllib.request
from collections.abc import Iterator, Mapping

import msgspec

from benchmarks import processes
from benchmarks.cluster import Cluster, cluster, engine
from benchmarks.load.client import JourneyJob, JourneyReport, journeys
from benchmarks.machine import Figure
from benchmarks.outcome import number, print_table, tell
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, server
from mercato.apps.services import service_names
from tools.engines import Engine, running

GOAL = 0.2  # of the embedded shop's pace
FAR = 1  # ms that are added to each way to and from PostgreSQL
MORE = ("orders=2", "orders=3")


class Pace(msgspec.Struct, frozen=True):
    """`cpu_us` is the processor time of a journey by service and server; `behind` the events that nobody had consumed
    when the last shopper had gone."""

    name: str
    report: JourneyReport
    cpu_us: dict[str, float]
    behind: int = 0


def measure(options: argparse.Namespace) -> list[Pace]:
    """The embedded shop, then shops apart."""
    seed = Seed(options.products, 4 * options.connections)
    with server(seed, parent=options.folder) as (shop, seeded):
        shop.start()
        paces = [_embedded(options, shop, seeded)]
    for counts in ("", *MORE):
        with cluster(seed, options.folder) as (made, seeded):
            paces.append(_apart(options, made, seeded, counts, counts or "apart"))
    with _far(engine("postgresql")) as through, cluster(seed, options.folder, through=through) as (made, seeded):
        paces.append(_apart(options, made, seeded, "", f"{FAR} ms to PostgreSQL"))
    return paces


def _embedded(options: argparse.Namespace, shop: Server, seeded: Seeded) -> Pace:
    before = shop.cpu_seconds()
    report = journeys(_job(options, shop.port, seeded))
    used = shop.cpu_seconds() - before
    return _told(Pace("embedded", report, {"the shop": used * 1e6 / _count(report)}))


def _apart(options: argparse.Namespace, made: Cluster, seeded: Seeded, counts: str, name: str) -> Pace:
    made.start(counts)
    before, servers = made.cpu_seconds(), _servers()
    report = journeys(_job(options, made.shop.port, seeded))
    after = {service: seconds - before[service] for service, seconds in made.cpu_seconds().items()}
    after |= {engine: seconds - servers[engine] for engine, seconds in _servers().items()}
    behind = _behind(made)
    made.shop.stop()
    cpu = {who: seconds * 1e6 / _count(report) for who, seconds in after.items()}
    return _told(Pace(name, report, cpu, behind))


def _job(options: argparse.Namespace, port: int, seeded: Seeded) -> JourneyJob:
    return JourneyJob(
        port=port,
        tokens=seeded.tokens,
        variants=seeded.variants,
        connections=options.connections,
        seconds=options.seconds,
        warmup=3,
    )


def _count(report: JourneyReport) -> int:
    return max(report.completed + report.outside_completed, 1)


def _servers() -> dict[str, float]:
    """Processor time of the servers, all their processes together."""
    used = {}
    for name in ("postgresql", "kafka", "redis"):
        used[name] = sum(map(_cpu_seconds, running()[name].pids))
    return used


def _cpu_seconds(pid: int) -> float:
    with contextlib.suppress(OSError):
        return processes.cpu_seconds(pid)
    return 0.0


def _behind(made: Cluster) -> int:
    """Events that consumers have not done yet."""
    ends = {name: made.ask(name, "select coalesce(max(number), 0) from outbox")[0][0] for name in service_names()}
    positions = (row for name in service_names() for row in made.ask(name, "select source, number from positions"))
    return sum(max(0, ends[source] - number) for source, number in positions if source in ends)


@contextlib.contextmanager
def _far(database: Engine) -> Iterator[str]:
    """PostgreSQL through a proxy that adds to each way; where that is reached."""
    assert database.url is not None, "PostgreSQL has an address"
    upstream = database.url.rpartition("@")[2].partition("/")[0]
    proxy, port = engine("toxiproxy").url, processes.free_port()
    made = {"name": f"bench{port}", "listen": f"127.0.0.1:{port}", "upstream": upstream, "enabled": True}
    _post(f"{proxy}/proxies", made)
    for stream in ("upstream", "downstream"):
        toxic = {"type": "latency", "stream": stream, "attributes": {"latency": FAR}}
        _post(f"{proxy}/proxies/bench{port}/toxics", toxic)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        _ask(urllib.request.Request(f"{proxy}/proxies/bench{port}", method="DELETE"))  # noqa: S310 - our own address


def _post(url: str, body: Mapping[str, object]) -> None:
    _ask(urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}))  # noqa: S310 - our own address


def _ask(request: urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - our own address
        pass


def _told(pace: Pace) -> Pace:
    tell(f"{pace.name}: {pace.report.journeys_per_second:,.0f} journeys a second")
    return pace


def figures_of(paces: list[Pace]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for pace in paces:
        name = pace.name.replace(" ", "_").replace("=", "_")
        figures[f"{name}_journeys_per_second"] = pace.report.journeys_per_second
        figures[f"{name}_p99_ms"] = pace.report.latency.p99_ms
        figures[f"{name}_failed"] = pace.report.failed + pace.report.outside_failed
        figures[f"{name}_events_behind"] = pace.behind
        figures |= {f"{name}_cpu_us_{who.replace(' ', '_')}": used for who, used in pace.cpu_us.items()}
    return figures


def print_paces(paces: list[Pace]) -> None:
    embedded = paces[0].report.journeys_per_second
    rows = [("", "journeys/s", "of embedded", "p99 ms", "failed", "CPU us a journey", "events behind")]
    for pace in paces:
        report = pace.report
        rows.append(
            (
                pace.name,
                number(report.journeys_per_second),
                number(report.journeys_per_second / max(embedded, 1), 2),
                number(report.latency.p99_ms),
                number(report.failed + report.outside_failed),
                number(sum(pace.cpu_us.values())),
                number(pace.behind),
            )
        )
    print_table(f"purchases a second, everything on the same cores (goal: {GOAL} of the embedded shop)", rows)
    apart = paces[1].cpu_us
    print_table("processor time of a journey, us", [(who, number(used)) for who, used in sorted(apart.items())])
