"""`import`: a catalogue's file into a running shop, by `mercato import` as a merchant calls it."""

import argparse
import csv
import time
from http.client import OK
from pathlib import Path

import msgspec

from benchmarks import processes
from benchmarks.load.client import JourneyJob, JourneyReport, start_journeys
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, Outcome, number, print_table, tell
from benchmarks.processes import Memory
from benchmarks.seed import Seed, Seeded, draft
from benchmarks.server import Server, server

GOAL = 5_000
LOOK = 0.1
PAGE = 100
SOLD = 500  # products that the shop has before, where there are shoppers
COLUMNS = (
    "Handle",
    "Title",
    "Body (HTML)",
    "Vendor",
    "Type",
    "Tags",
    "Published",
    "Option1 Name",
    "Option1 Value",
    "Variant SKU",
    "Variant Inventory Tracker",
    "Variant Inventory Qty",
    "Variant Price",
    "Image Src",
    "Image Alt Text",
    "Status",
)


class Imported(msgspec.Struct, frozen=True):
    """`memory` is the server's, read ten times a second; `after` is until prices were shown."""

    seconds: float
    after: float
    memory: list[Memory]
    cpu_seconds: float
    note: str


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=20_000, help="products of the file (20000)")
    parser.add_argument("--seconds", type=float, default=600, help="after which the import counts as failed (600)")
    parser.add_argument("--shoppers", type=int, default=0, help="who buy all the while what is sold already (0)")


def run(options: argparse.Namespace) -> Outcome:
    seed = Seed(SOLD, options.shoppers) if options.shoppers else Seed(0, 0)
    with server(seed, parent=options.folder) as (shop, seeded):
        file = shop.folder / "catalogue.csv"
        write_catalogue(file, options.products)
        shop.start()
        processes.forget_peak(shop.pid)
        tell(f"importing {options.products:,} products, {file.stat().st_size / 2**20:.1f} MiB")
        imported, report = _import_beside_shoppers(shop, seeded, file, options)
        peak = shop.memory().peak
        shop.stop()
        verified = shop.verify()
    memory, pace = imported.memory, options.products / imported.seconds
    before, half_way, end = memory[0], memory[len(memory) // 2], memory[-1]
    figures: dict[str, Figure] = {
        "products_per_second": pace,
        "products": options.products,
        "seconds": imported.seconds,
        "seconds_until_priced": imported.seconds + imported.after,
        "server_cpu_us_per_product": imported.cpu_seconds * 1e6 / options.products,
        "memory_before_mib": before.resident,
        "memory_half_way_mib": half_way.resident,
        "memory_at_the_end_mib": end.resident,
        "unmapped_memory_before_mib": before.anonymous,
        "unmapped_memory_half_way_mib": half_way.anonymous,
        "unmapped_memory_at_the_end_mib": end.anonymous,
        "peak_memory_mib": peak,
        "shoppers": options.shoppers,
        "journeys": report.completed + report.outside_completed if report else 0,
        "failures": report.failed + report.outside_failed if report else 0,
        "verify_differences": verified.differences,
    }
    _print(figures, imported)
    faults = [f"{failure.count} journeys failed at {failure.step}" for failure in (report.failures if report else ())]
    faults += [f"verify found {verified.differences} differences: {verified.lines[0]}"] if verified.differences else []
    return Outcome(figures, tuple(faults))


def write_catalogue(file: Path, products: int) -> None:
    """The products of a seed as a merchant's export would have them: a row for each variant."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(COLUMNS)
        for place in range(products):
            rows.writerows(_rows_of(place))


def _rows_of(place: int) -> list[list[str]]:
    product = draft(place)
    image = product.images[0]
    own = [product.title, product.description, product.vendor, product.type, "cotton, everyday", "TRUE"]
    rows: list[list[str]] = []
    for variant in product.variants:
        first = not rows
        price = f"{(variant.price or 0) // 100}.{(variant.price or 0) % 100:02d}"
        rows.append(
            [
                product.handle,
                *(own if first else [""] * len(own)),
                "Colour" if first else "",
                variant.options[0],
                variant.sku,
                "shopify",
                "100",
                price,
                *((image.url, image.alt, product.status) if first else ("", "", "")),
            ]
        )
    return rows


def _import_beside_shoppers(
    shop: Server, seeded: Seeded, file: Path, options: argparse.Namespace
) -> tuple[Imported, JourneyReport | None]:
    """Import while people buy. The file changes what they buy, too: its first products are those that are sold."""
    if not options.shoppers:
        return _import(shop, file, options), None
    build()
    job = JourneyJob(
        port=shop.port,
        tokens=seeded.tokens,
        variants=seeded.variants,
        connections=options.shoppers,
        seconds=options.seconds + 60,  # it is stopped long before
    )
    with start_journeys(job) as running:
        imported = _import(shop, file, options)
        running.stop()
        return imported, running.wait()


def _import(shop: Server, file: Path, options: argparse.Namespace) -> Imported:
    cpu, begun = shop.cpu_seconds(), time.monotonic()
    memory = [shop.memory()]
    command = shop.command("import", str(file))
    out = shop.folder / "import.out"
    with out.open("wb") as stream:
        process = processes.start(command, shop.folder, stream, shop.environment)
    try:
        while process.poll() is None:
            if time.monotonic() > begun + options.seconds:
                raise BenchmarkError(f"the import did not end within {options.seconds:g} s")
            time.sleep(LOOK)
            memory.append(shop.memory())
    finally:
        processes.end(process)
    seconds, note = time.monotonic() - begun, out.read_text(errors="replace").strip()
    if process.returncode:
        raise BenchmarkError(f"the import failed:\n{note}")
    after = _until_priced(shop, begun + options.seconds)
    return Imported(seconds, after, memory, shop.cpu_seconds() - cpu, note.splitlines()[-1])


def _until_priced(shop: Server, end: float) -> float:
    """Prices and stock follow the products by events: the newest come last."""
    begun = time.monotonic()
    while True:
        status, body = shop.get(f"/v1/products?sort=newest&limit={PAGE}")
        items = msgspec.json.decode(body)["items"] if status == OK else []
        if items and all(item["price_from"] is not None and item["available"] for item in items):
            return time.monotonic() - begun
        if time.monotonic() > end:
            raise BenchmarkError("the newest products have no price or no stock after all this time")
        time.sleep(LOOK)


def _print(figures: dict[str, Figure], imported: Imported) -> None:
    def figure(name: str, digits: int = 0) -> str:
        return number(float(figures[name] or 0), digits)

    print_table(
        f"import: {figure('products_per_second')} products a second (goal: {number(GOAL)})",
        [
            ("seconds, from the command to its end", figure("seconds", 2)),
            ("until the newest were shown with price and stock", figure("seconds_until_priced", 2)),
            ("server CPU us a product", figure("server_cpu_us_per_product")),
            ("server's memory before, MiB", figure("memory_before_mib")),
            ("half way", figure("memory_half_way_mib")),
            ("at the end", figure("memory_at_the_end_mib")),
            ("without mapped files, before", figure("unmapped_memory_before_mib")),
            ("half way", figure("unmapped_memory_half_way_mib")),
            ("at the end", figure("unmapped_memory_at_the_end_mib")),
            ("at most", figure("peak_memory_mib")),
            ("purchases all the while", figure("journeys")),
            ("and failed ones", figure("failures")),
            ("differences found by verify", figure("verify_differences")),
        ],
    )
    tell(imported.note)
