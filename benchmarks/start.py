"""`start`: from the command to the first page, with a new data folder and with its own again, and the memory then."""

import argparse
import re
import statistics
from http.client import OK

import msgspec

from benchmarks.load.client import RepeatJob, RepeatReport, http_request, repeat
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import Outcome, number, print_table, tell
from benchmarks.processes import Memory
from benchmarks.server import Server, server

GOAL_SECONDS = 2.0
GOAL_MIB = 150
_PAGE = re.compile(rb'href="(/(?:products|categories)?(?:/[^"]*)?)"')


class Started(msgspec.Struct, frozen=True):
    """One new data folder: the first start, its memory at once and after page views, the second start."""

    first: float
    at_once: Memory
    views: RepeatReport
    after: Memory
    again: float


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3, help="new data folders; figures are medians (3)")
    parser.add_argument("--views", type=int, default=1_000, help="page views before memory is read again (1000)")
    parser.add_argument("--connections", type=int, default=4, help="visitors at a time (4)")
    parser.add_argument("--seconds", type=float, default=120, help="after which page views end (120)")


def run(options: argparse.Namespace) -> Outcome:
    build()
    rounds, faults = [], []
    for place in range(options.rounds):
        tell(f"round {place + 1}")
        with server(None, parent=options.folder) as (shop, _):
            rounds.append(_round(options, shop))
        faults += _faults(options, rounds[-1].views)
    _print(options, rounds)
    middle = statistics.median
    figures: dict[str, Figure] = {
        "first_start_seconds": middle(each.first for each in rounds),
        "second_start_seconds": middle(each.again for each in rounds),
        "memory_at_once_mib": middle(each.at_once.resident for each in rounds),
        "memory_after_views_mib": middle(each.after.resident for each in rounds),
        "peak_memory_mib": max(each.after.peak for each in rounds),
        "page_views": options.views,
        "pages_per_second": middle(each.views.requests_per_second for each in rounds),
        "page_p99_ms": middle(each.views.latency.p99_ms for each in rounds),
    }
    return Outcome(figures, tuple(faults))


def _round(options: argparse.Namespace, shop: Server) -> Started:
    first = shop.start(demo=True)
    at_once = shop.memory()
    views = _view(options, shop)
    after = shop.memory()
    shop.stop()
    return Started(first, at_once, views, after, shop.start(demo=True))


def _view(options: argparse.Namespace, shop: Server) -> RepeatReport:
    """Look at the start page and all that it links to of categories and products, in turn."""
    paths = sorted({path.decode() for path in _PAGE.findall(shop.get("/")[1])})
    headers = {"Host": shop.address, "Accept": "text/html"}
    job = RepeatJob(
        port=shop.port,
        requests=[http_request("GET", path, headers) for path in paths],
        connections=options.connections,
        seconds=options.seconds,
        limit=options.views,
    )
    return repeat(job)


def _print(options: argparse.Namespace, rounds: list[Started]) -> None:
    rows = [
        (
            f"round {place}",
            number(each.first, 2),
            number(each.again, 2),
            number(each.at_once.resident),
            number(each.after.resident),
            number(each.after.anonymous),
        )
        for place, each in enumerate(rounds, 1)
    ]
    goal = ("goal", number(GOAL_SECONDS, 2), "", "", number(GOAL_MIB), "")
    head = ("", "new folder s", "existing s", "MiB at once", f"after {options.views} views", "without files")
    print_table("start: seconds to the first page, and memory", [head, *rows, goal])


def _faults(options: argparse.Namespace, views: RepeatReport) -> list[str]:
    seen = views.statuses.get(OK, 0)
    return [] if seen == options.views else [f"{seen} of {options.views} pages were seen: {views.statuses}"]
