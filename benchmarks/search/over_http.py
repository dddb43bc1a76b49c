"""A shop whose catalogue was generated and imported, searched by several shoppers at a time through HTTP."""

import csv
import time
from http.client import OK
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import msgspec

from benchmarks import processes
from benchmarks.import_catalogue import COLUMNS
from benchmarks.load.client import RepeatJob, RepeatReport, http_request, repeat
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, number, print_table, tell
from benchmarks.search.catalogue import Catalogue
from benchmarks.seed import Seed
from benchmarks.server import Server, server
from mercato.services.search.domain import Entry

GOAL = 2_000
_LOOK = 0.5  # seconds
_MOST_SECONDS = 3_600.0  # for the import and what follows from it
_SEARCHES = 40_000  # drawn as shoppers would: common words come again, pairs hardly ever
_REPEATED = 500  # of them, asked for again and again: what a shop keeps is then answered from memory
_CONNECTIONS = 8
_FILTERS = ("", "&price_min=1000&price_max=10000", "&in_stock=true", "&rating=4")


def answered(catalogue: Catalogue, products: int, seconds: float, parent: Path | None) -> dict[str, Figure]:
    build()
    with server(Seed(0, 0), parent=parent) as (shop, _):
        file = shop.folder / "catalogue.csv"
        _write(file, catalogue, products)
        shop.start()
        tell(f"importing {products:,} products")
        _import(shop, file)
        _until_found(shop, products)
        typed = list(islice(catalogue.typed(), _SEARCHES))
        searches = [
            f"/v1/search?q={quote(text)}&facets=brand,category{_FILTERS[place // 2 % len(_FILTERS)]}"
            for place, text in enumerate(typed)
        ]
        begun = [f"/v1/suggest?prefix={quote(text[: 1 + place % len(text)])}" for place, text in enumerate(typed)]
        found = _ask(shop, searches, seconds)
        again = _ask(shop, searches[:_REPEATED], seconds)
        suggested = _ask(shop, begun, seconds)
        resident = shop.memory().resident
        shop.stop()
    figures: dict[str, Figure] = {
        "http_products": products,
        "searches_per_second": round(found.requests_per_second),
        "http_search_p99_ms": found.latency.p99_ms,
        "repeated_searches_per_second": round(again.requests_per_second),
        "http_repeated_search_p99_ms": again.latency.p99_ms,
        "suggestions_per_second": round(suggested.requests_per_second),
        "http_suggest_p99_ms": suggested.latency.p99_ms,
        "shop_memory_mib": resident,
    }
    rows = [(name, number(float(value or 0), 1)) for name, value in figures.items()]
    print_table(f"through HTTP (goal: {GOAL:,} searches a second)", rows)
    return figures


def _write(file: Path, catalogue: Catalogue, products: int) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(COLUMNS)
        rows.writerows(_row(place, entry) for place, entry in enumerate(catalogue.entries(products)))


def _row(place: int, entry: Entry) -> tuple[str, ...]:
    price = entry.price or 0
    return (
        f"product-{place}",
        entry.title,
        f"<p>{entry.description}</p>",
        entry.brand,
        entry.type,
        "",
        "TRUE",
        "Color",
        entry.options["color"][0],
        entry.codes[0],
        "shopify",
        "100" if entry.available else "0",
        f"{price // 100}.{price % 100:02d}",
        "",
        "",
        "active",
    )


def _import(shop: Server, file: Path) -> None:
    out = shop.folder / "import.out"
    with out.open("wb") as stream:
        process = processes.start(shop.command("import", str(file)), shop.folder, stream, shop.environment)
    try:
        process.wait(_MOST_SECONDS)
    finally:
        processes.end(process)
    if process.returncode:
        raise BenchmarkError(f"the import failed:\n{out.read_text(errors='replace').strip()}")


def _until_found(shop: Server, products: int) -> None:
    end = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < end:
        status, body = shop.get("/v1/search?limit=1")
        if status == OK and msgspec.json.decode(body)["total"] >= products:
            return
        time.sleep(_LOOK)
    raise BenchmarkError("the search has not found all products after all this time")


def _ask(shop: Server, paths: list[str], seconds: float) -> RepeatReport:
    headers = {"Host": shop.address, "Accept": "application/json"}
    requests = [http_request("GET", path, headers) for path in paths]
    report = repeat(
        RepeatJob(port=shop.port, requests=requests, connections=_CONNECTIONS, seconds=seconds, warmup=seconds / 5)
    )
    wrong = {status: count for status, count in report.statuses.items() if status != OK}
    if wrong:
        raise BenchmarkError(f"the shop has answered with {wrong}")
    return report
