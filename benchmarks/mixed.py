"""`mixed`: purchases beside browsing, as in a shop that is open: of ten requests nine look around and one buys.

Every shopper makes whole purchases, as in `buy`, and looks at nine things before each step of them. Half of these are
documents of the API, half are pages; products come in turn, so that none is asked for twice before all were.
"""

import argparse
import itertools
import random
from collections.abc import Iterator
from http.client import OK
from urllib.parse import urlencode

import msgspec

from benchmarks import profiling
from benchmarks.buy import Load, faults_of, measure, percentiles, wait_for_receipts
from benchmarks.load.client import JourneyJob, JourneyReport, View, http_request
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, Outcome, number, print_table, tell
from benchmarks.seed import Seed, Seeded, draft
from benchmarks.server import Server, server

SORTS = ("newest", "price_up", "price_down", "title")
PAGE = 24  # products of a list
DEPTH = 8  # pages that are looked at of one list
# Of ten documents and ten pages: one is the tree of categories or the front page, three are lists, six are products.
LISTS = 3
PRODUCTS = 6


class Listed(msgspec.Struct, frozen=True):
    """One page of a list, as a document and as a page: their paths with their queries."""

    rest: str
    html: str


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=20, help="how long is measured (20)")
    parser.add_argument("--warmup", type=float, default=5, help="seconds of load before that (5)")
    parser.add_argument("--connections", type=int, default=64, help="shoppers at a time (64)")
    parser.add_argument("--browsing", type=int, default=9, help="things looked at before each step of a purchase (9)")
    parser.add_argument("--products", type=int, default=10_000, help="products in the shop (10000)")
    parser.add_argument("--users", type=int, default=1_000, help="shoppers with an account (1000)")
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait for the last receipts (60)")
    parser.add_argument("--profile", action="store_true", help="a second run that tells where the server's time goes")


def run(options: argparse.Namespace) -> Outcome:
    build()
    seed = Seed(options.products, max(options.users, options.connections), categories=True)
    with server(seed, parent=options.folder) as (shop, seeded):
        shop.start()
        load = measure(shop, job_of(options, shop, seeded))
        backlog = wait_for_receipts(shop, load, options.patience)
        peak = shop.memory().peak
        shop.stop()
        tell("verifying the data folder")
        verified = shop.verify()
    figures = {
        **_figures(options, load),
        "receipts_missing": backlog.missing,
        "server_peak_memory_mib": peak,
        "verify_differences": verified.differences,
    }
    _print(load, figures)
    if options.profile:
        pace = load.report.journeys_per_second
        figures |= profiling.profile(seed, options.folder, lambda *made: job_of(options, *made), pace)
    return Outcome(figures, tuple(faults_of(load, backlog, verified)))


def job_of(options: argparse.Namespace, shop: Server, seeded: Seeded) -> JourneyJob:
    return JourneyJob(
        port=shop.port,
        tokens=seeded.tokens,
        variants=seeded.variants,
        connections=options.connections,
        seconds=options.seconds,
        warmup=options.warmup,
        views=views_of(shop, seeded) if options.browsing else (),
        views_each=options.browsing,
    )


def views_of(shop: Server, seeded: Seeded) -> list[View]:
    """What is looked at, shuffled always in the same way: each product once as a document and once as a page."""
    lists = list(_lists(shop, ("", *seeded.categories)))
    tell(f"{len(seeded.products):,} products and {len(lists):,} pages of lists are looked at")
    places = range(len(seeded.products))
    views = [_document(shop, f"/v1/products/{seeded.products[place]}") for place in places]
    views += [_page(shop, f"/products/{draft(place).handle}") for place in places]
    beside = len(views) // 2 / PRODUCTS
    for listed in itertools.islice(itertools.cycle(lists), round(beside * LISTS)):
        views += (_document(shop, listed.rest), _page(shop, listed.html))
    views += (_document(shop, "/v1/categories"), _page(shop, "/")) * max(round(beside), 1)
    random.Random(1).shuffle(views)  # noqa: S311  the same order in every run
    return views


def _lists(shop: Server, categories: tuple[str, ...]) -> Iterator[Listed]:
    """The first pages of each list in each order, found as a shopper finds them: by the way to the next one."""
    for category, sort in itertools.product(categories, SORTS):
        place = f"/categories/{category}" if category else "/products"
        cursor: str | None = ""
        for page in range(DEPTH):
            query = {"category": category, "sort": sort, "limit": PAGE, "cursor": cursor}
            rest = "/v1/products?" + urlencode({name: value for name, value in query.items() if value})
            then = {"from": page * PAGE + 1, "cursor": cursor} if cursor else {}
            yield Listed(rest, f"{place}?{urlencode({'sort': sort, **then})}")
            status, body = shop.get(rest)
            if status != OK:
                raise BenchmarkError(f"the server answered {status} for {rest}")
            cursor = msgspec.json.decode(body)["next"]
            if cursor is None:
                break


def _document(shop: Server, path: str) -> View:
    return View("rest", http_request("GET", path, {"Host": shop.address, "Accept": "application/json"}))


def _page(shop: Server, path: str) -> View:
    return View("html", http_request("GET", path, {"Host": shop.address, "Accept": "text/html"}))


def _figures(options: argparse.Namespace, load: Load) -> dict[str, Figure]:
    report = load.report
    looked, all_answers = _answers(report)
    server_us = load.server_seconds * 1e6 / max(report.answered, 1)
    client_us = (report.cpu_user_seconds + report.cpu_system_seconds) * 1e6 / max(all_answers, 1)
    figures: dict[str, Figure] = {
        "requests_per_second": all_answers / report.seconds,
        "journeys_per_second": report.journeys_per_second,
        "browsing_share": looked / max(all_answers, 1),
        "connections": options.connections,
        "products": options.products,
        "seconds": report.seconds,
    }
    kinds = {**report.views, "journey": report.latency, "journey_step": report.answers}
    for name, durations in kinds.items():
        figures |= percentiles(f"{name}_", durations)
    return figures | {
        "server_cpu_us_per_request": server_us,
        "client_cpu_us_per_request": client_us,
        "client_cpu_share": client_us / max(client_us + server_us, 0.001),
        "others_cpu_share": load.others_share,
        "longest_standstill_ms": load.standstill * 1e3,
        "failures": report.failed + report.outside_failed,
        "sold_out": report.sold_out + report.outside_sold_out,
    }


def _answers(report: JourneyReport) -> tuple[int, int]:
    """Within the measured window: how many things were looked at, and how many requests were answered in all."""
    looked = sum(durations.count for durations in report.views.values())
    return looked, looked + report.answers.count


def _print(load: Load, figures: dict[str, Figure]) -> None:
    def figure(name: str, digits: int = 0) -> str:
        return number(float(figures[name] or 0), digits)

    report = load.report
    print_table(
        f"mixed: {figure('requests_per_second')} requests a second",
        [
            ("purchases a second among them", figure("journeys_per_second", 1)),
            ("share of browsing", f"{figures['browsing_share']:.1%}"),
            ("server CPU us a request", figure("server_cpu_us_per_request", 1)),
            ("client CPU us a request", figure("client_cpu_us_per_request", 1)),
            ("client's share of both", f"{figures['client_cpu_share']:.1%}"),
            ("share of all processors that others used", f"{load.others_share:.1%}"),
            ("longest time that this program stood still, ms", figure("longest_standstill_ms")),
            ("server's largest memory, MiB", figure("server_peak_memory_mib")),
            ("failures", figure("failures")),
            ("differences found by verify", figure("verify_differences")),
        ],
    )
    kinds = {
        "documents (REST)": report.views["rest"],
        "pages (HTML)": report.views["html"],
        "steps of purchases": report.answers,
        "purchases, without browsing": report.latency,
    }
    rows = [
        (name, number(each.count), *(number(value, 1) for value in (each.p50_ms, each.p99_ms, each.p999_ms)))
        for name, each in kinds.items()
    ]
    print_table("ms", [("", "count", "p50", "p99", "p99.9"), *rows])
