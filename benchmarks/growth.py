"""`growth`: the same purchases in shops with more and more products, and with more and more orders of before.

Two series share the smallest shop: one grows in products, one in orders. Each larger shop is measured in turns with the
smallest (A B A B), so that a slow moment of the machine hurts both, and its figures are the ratios of its rounds.

Shops grow by copies of what a thousand products, made by the API, and a thousand real purchases left (footprint.py).
Old orders are those of the last day: their answers are still kept under their keys, and their events in the logs.
"""

import argparse
import shutil
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import CREATED
from pathlib import Path

import msgspec

from benchmarks.buy import faults_of, measure, wait_for_receipts
from benchmarks.footprint import Footprint, Work, is_quiet, size_of
from benchmarks.load.client import JourneyJob, RepeatJob, http_request, journeys, repeat
from benchmarks.load.program import build
from benchmarks.machine import Figure
from benchmarks.outcome import BenchmarkError, Outcome, number, print_table, tell
from benchmarks.processes import Memory
from benchmarks.seed import STOCK, Seed, Seeded, draft
from benchmarks.server import Server, server

GOAL = 0.9  # times the smallest shop's pace
PATTERN = 1_000  # products and purchases that are made in earnest, and then copied
ROOM = 1.3  # times what copies should take, because pages of a file are never full
MOST_TO_SETTLE = 120.0  # seconds
LOOK = 0.25

PRODUCT_TABLES = {
    "catalog": frozenset({"products", "prices", "availability", "listing"}),
    "pricing": frozenset({"prices"}),
    "inventory": frozenset({"stock", "movements"}),
    "carts": frozenset({"variants", "prices"}),
    "search": frozenset({"entries", "variants", "prices", "stock", "sold", "marks"}),
}
PURCHASE_TABLES = {
    "carts": frozenset({"documents"}),
    "catalog": frozenset({"availability"}),
    "inventory": frozenset({"stock", "reservations", "movements"}),
    "orders": frozenset({"orders", "bodies", "ordered_carts", "answers", "transitions", "idempotency"}),
    "payments": frozenset({"dues", "payments", "idempotency"}),
    "notifications": frozenset({"deliveries"}),
    "search": frozenset({"sold"}),
}
BUYERS = frozenset({"usr", "cart"})
NUMBERED = r"(?:work-shirt-|WS-|Work Shirt No\. )([0-9]+)"  # as in seed.draft


class Size(msgspec.Struct, frozen=True):
    products: int
    orders: int

    def __str__(self) -> str:
        return f"{self.products:,} products, {self.orders:,} orders"


class Measured(msgspec.Struct, frozen=True):
    """One run of the load. Processor time is that of a journey and of its receipt, whenever that was written."""

    pace: float
    cpu_us: float
    p99_ms: float
    failures: int
    faults: tuple[str, ...]


class Shop(msgspec.Struct, frozen=True):
    """What was seen of one shop. `memory` is the server's after the last round, `mib` the size of its databases, and
    `differences` is None where verify was not asked."""

    rounds: tuple[Measured, ...]
    memory: Memory
    mib: float
    differences: int | None
    faults: tuple[str, ...]


class Grown(msgspec.Struct, frozen=True):
    """A shop of some size, and the smallest one, which was measured in turns with it."""

    size: Size
    own: Shop
    least: Shop

    def ratio(self, read: Callable[[Measured], float]) -> float:
        """The median of what `read` says of each round, as a multiple of what it says of the smallest shop."""
        pairs = zip(self.own.rounds, self.least.rounds, strict=True)
        return statistics.median(read(own) / max(read(other), 0.001) for own, other in pairs)


class Patterns(msgspec.Struct, frozen=True):
    """What products and purchases leave, and how many bytes one of each takes."""

    products: Footprint
    purchases: Footprint
    product_bytes: float
    purchase_bytes: float


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=_sizes, default=(10_000, 100_000, 1_000_000), help=_LIST.format("10000,..."))
    parser.add_argument("--orders", type=_sizes, default=(0, 100_000, 1_000_000), help=_LIST.format("0,100000,..."))
    parser.add_argument("--seconds", type=float, default=10, help="how long is measured in a round (10)")
    parser.add_argument("--warmup", type=float, default=3, help="seconds of load before that (3)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each shop beside the smallest (3)")
    parser.add_argument("--connections", type=int, default=256, help="shoppers at a time (256)")
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait for a round's last receipts (60)")
    parser.add_argument("--verify", type=int, default=100_000, metavar="N", help="verify shops with up to N of each")


_LIST = "sizes in thousands, the smallest first ({})"


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in text.split(","))
    if list(sizes) != sorted(set(sizes)) or any(size % PATTERN for size in sizes):
        raise argparse.ArgumentTypeError(f"sizes are multiples of {PATTERN}, each larger than the one before: {text}")
    return sizes


def run(options: argparse.Namespace) -> Outcome:
    build()
    smallest = Size(options.products[0], options.orders[0])
    if not smallest.products:
        raise BenchmarkError("a shop without products sells nothing: --products begins with 1000 or more")
    larger = [msgspec.structs.replace(smallest, products=products) for products in options.products[1:]]
    larger += [msgspec.structs.replace(smallest, orders=orders) for orders in options.orders[1:]]
    seed = Seed(0, max(PATTERN, options.connections), scarce=1, pieces=STOCK)
    with server(seed, parent=options.folder) as (shop, seeded):
        patterns = _patterns(shop, seeded)
        _require_room(shop.folder, patterns, [smallest, *larger])
        _grow(shop, patterns, smallest, Size(0, 0))
        grown = [_measure_alone(options, shop, seeded, smallest)] if not larger else []
        for size in larger:
            with _copy(shop, "larger") as other, _copy(shop, "smallest") as least:
                _grow(other, patterns, size, smallest)
                grown.append(_measure_beside(options, seeded, (size, smallest), (other, least)))
    figures = _figures(smallest, grown, patterns)
    _print(smallest, grown, figures)
    faults = [f"{each.size}: {fault}" for each in grown for fault in each.own.faults]
    faults += [f"{smallest}: {fault}" for each in grown if each.size != smallest for fault in each.least.faults]
    return Outcome(figures, tuple(faults))


# How shops grow.


def _patterns(shop: Server, seeded: Seeded) -> Patterns:
    """Have products made and purchases paid in copies of a shop that has next to nothing, and look at what is left."""
    with _copy(shop, "stocked") as stocked:
        work = _worked(stocked, lambda: _make_products(stocked, seeded))
        made = msgspec.structs.replace(work, tables=PRODUCT_TABLES, numbered=NUMBERED)
        products = Footprint(shop.data, stocked.data, made)
        with _copy(stocked, "bought") as bought:
            work = _worked(bought, lambda: _make_purchases(bought, seeded))
            paid = msgspec.structs.replace(work, tables=PURCHASE_TABLES, renewed=BUYERS)
            purchases = Footprint(stocked.data, bought.data, paid)
            sizes = [size_of(each.data) for each in (shop, stocked, bought)]
        shutil.rmtree(shop.data)
        stocked.data.rename(shop.data)
    return Patterns(products, purchases, (sizes[1] - sizes[0]) / PATTERN, (sizes[2] - sizes[1]) / PATTERN)


def _worked(shop: Server, work: Callable[[], None]) -> Work:
    """Let `work` be done in an open shop, with all that follows from it."""
    begun = time.time_ns() // 1_000_000
    shop.start()
    work()
    end = time.monotonic() + MOST_TO_SETTLE
    while not is_quiet(shop.data) and time.monotonic() < end:
        time.sleep(LOOK)
    shop.stop()
    if not is_quiet(shop.data):
        raise BenchmarkError(
            f"{MOST_TO_SETTLE:g} s after its products or purchases the shop still had events to read or work to do: "
            "run it again on a quieter machine"
        )
    return Work(begun, time.time_ns() // 1_000_000, PATTERN, {})


def _make_products(shop: Server, seeded: Seeded) -> None:
    headers = {"Host": shop.address, "Content-Type": "application/json", "Authorization": f"Bearer {seeded.api_key}"}
    drafts = [msgspec.json.encode({"product": draft(place)}) for place in range(PATTERN)]
    requests = [http_request("POST", "/v1/products", headers, made) for made in drafts]
    report = repeat(RepeatJob(port=shop.port, requests=requests, connections=32, limit=PATTERN, seconds=120.0))
    if report.statuses != {CREATED: PATTERN}:
        raise BenchmarkError(f"{PATTERN} products were to be made by the API, which answered {report.statuses}")


def _make_purchases(shop: Server, seeded: Seeded) -> None:
    """Each by another shopper, so that each leaves what a first purchase leaves."""
    report = journeys(
        JourneyJob(
            port=shop.port,
            tokens=seeded.tokens[:PATTERN],
            variants=_variants(shop.data),
            connections=min(64, PATTERN),
            limit=PATTERN,
            seconds=120.0,
        )
    )
    if report.completed != PATTERN:
        raise BenchmarkError(f"of {PATTERN} purchases {report.completed} were completed: {report.failures}")


def _variants(data: Path) -> tuple[str, ...]:
    """Everything that can be bought."""
    with closing(sqlite3.connect(data / "carts.db")) as connection:
        return tuple(variant for (variant,) in connection.execute("SELECT variant_id FROM variants WHERE on_sale = 1"))


def _require_room(folder: Path, patterns: Patterns, sizes: list[Size]) -> None:
    """Raise BenchmarkError where the largest shop, beside the smallest twice, has no room on this disk."""

    def needs(size: Size) -> float:
        return ROOM * (size.products * patterns.product_bytes + size.orders * patterns.purchase_bytes)

    wanted, free = 2 * needs(sizes[0]) + max(map(needs, sizes)), shutil.disk_usage(folder).free
    tell(
        f"a product takes {number(patterns.product_bytes)} bytes and an order {number(patterns.purchase_bytes)}: "
        f"{wanted / 2**30:.1f} GiB are needed at most, {free / 2**30:.1f} GiB are free"
    )
    if wanted > free:
        raise BenchmarkError(
            f"{folder} has {free / 2**30:.1f} GiB free and the shops need {wanted / 2**30:.1f} GiB: "
            "name another disk with --folder, or fewer --products and --orders"
        )


def _grow(shop: Server, patterns: Patterns, size: Size, now: Size) -> None:
    """Give a closed shop as many products and orders as `size` says; it has those of `now`, and at least a pattern."""
    begun = time.monotonic()
    products = range(max(now.products // PATTERN, 1), size.products // PATTERN)  # the pattern itself is there
    orders = range(now.orders // PATTERN + 1, size.orders // PATTERN + 1)
    for footprint, copies in ((patterns.products, products), (patterns.purchases, orders)):
        if copies:
            footprint.copy_into(shop.data, copies)
    more = (len(products) + len(orders)) * PATTERN
    pace = more / max(time.monotonic() - begun, 0.001)
    tell(f"{size}: {size_of(shop.data) / 2**20:,.0f} MiB, {more:,} more, {number(pace)} a second")


@contextmanager
def _copy(shop: Server, name: str) -> Iterator[Server]:
    """A copy of a closed shop, without its mails and logs, removed when the block ends."""
    made = Server(shop.folder / name)
    try:
        shutil.copytree(shop.data, made.data, ignore=shutil.ignore_patterns("mail", "*.log"))
        yield made
        made.stop()
    finally:
        made.kill()
        shutil.rmtree(made.folder, ignore_errors=True)


# How they are measured.


def _measure_alone(options: argparse.Namespace, shop: Server, seeded: Seeded, size: Size) -> Grown:
    shop.start()
    rounds = [_measure(options, shop, seeded, _variants(shop.data)) for _ in range(options.rounds)]
    closed = _close(options, shop, size, rounds)
    return Grown(size, closed, closed)


def _measure_beside(
    options: argparse.Namespace, seeded: Seeded, sizes: tuple[Size, Size], shops: tuple[Server, Server]
) -> Grown:
    """Rounds of the larger and the smallest shop in turns. Both are open all the while, and one of them is idle."""
    rounds: tuple[list[Measured], list[Measured]] = ([], [])
    variants = [_variants(shop.data) for shop in shops]
    for shop in shops:
        shop.start()
    for _ in range(options.rounds):
        for shop, own, found in zip(shops, variants, rounds, strict=True):
            found.append(_measure(options, shop, seeded, own))
    larger, least = (_close(options, *each) for each in zip(shops, sizes, rounds, strict=True))
    grown = Grown(sizes[0], larger, least)
    pace, cpu = grown.ratio(lambda measured: measured.pace), grown.ratio(lambda measured: measured.cpu_us)
    tell(f"{sizes[0]}: {pace:.2f} of the smallest shop's pace, {cpu:.2f} of its processor time")
    return grown


def _measure(options: argparse.Namespace, shop: Server, seeded: Seeded, variants: tuple[str, ...]) -> Measured:
    job = JourneyJob(
        port=shop.port,
        tokens=seeded.tokens,
        variants=variants,
        connections=options.connections,
        seconds=options.seconds,
        warmup=options.warmup,
    )
    load = measure(shop, job)
    backlog = wait_for_receipts(shop, load, options.patience)
    report = load.report
    return Measured(
        report.journeys_per_second,
        (load.server_seconds + backlog.cpu_seconds) * 1e6 / max(load.journeys, 1),
        report.latency.p99_ms,
        report.failed + report.outside_failed,
        tuple(faults_of(load, backlog, None)),
    )


def _close(options: argparse.Namespace, shop: Server, size: Size, rounds: list[Measured]) -> Shop:
    """Close a shop that was measured, and see whether all is well in its folder."""
    memory = shop.memory()
    shop.stop()
    verified = shop.verify() if max(size.products, size.orders) <= options.verify else None
    faults = [fault for measured in rounds for fault in measured.faults]
    if verified and verified.differences:
        faults.append(f"verify found {verified.differences} differences, the first: {verified.lines[0]}")
    differences = verified.differences if verified else None
    return Shop(tuple(rounds), memory, size_of(shop.data) / 2**20, differences, tuple(faults))


def _figures(smallest: Size, grown: list[Grown], patterns: Patterns) -> dict[str, Figure]:
    shops = [shop for each in grown for shop in (each.own, each.least)]
    figures: dict[str, Figure] = {
        "smallest_products": smallest.products,
        "smallest_orders": smallest.orders,
        **{f"smallest_{name}": value for name, value in _figures_of([each.least for each in grown]).items()},
        "bytes_per_product": patterns.product_bytes,
        "bytes_per_order": patterns.purchase_bytes,
        "failures": sum(measured.failures for shop in shops for measured in shop.rounds),
        "verify_differences": sum(shop.differences or 0 for shop in shops),
    }
    for each in grown:
        own = {
            **_figures_of([each.own]),
            "journeys_ratio": each.ratio(lambda measured: measured.pace),
            "server_cpu_ratio": each.ratio(lambda measured: measured.cpu_us),
            "verified": each.own.differences is not None,
        }
        figures |= {f"{_name(each.size, smallest)}_{name}": value for name, value in own.items()}
    return figures


def _figures_of(shops: list[Shop]) -> dict[str, Figure]:
    """Of shops of one size: medians of their rounds, and the largest memory."""
    rounds = [measured for shop in shops for measured in shop.rounds]
    return {
        "journeys_per_second": statistics.median(measured.pace for measured in rounds),
        "server_cpu_us_per_journey": statistics.median(measured.cpu_us for measured in rounds),
        "p99_ms": statistics.median(measured.p99_ms for measured in rounds),
        "server_memory_mib": max(shop.memory.resident for shop in shops),
        "server_own_memory_mib": max(shop.memory.anonymous for shop in shops),
        "folder_mib": max(shop.mib for shop in shops),
    }


def _name(size: Size, smallest: Size) -> str:
    if size == smallest:
        return "alone"
    return f"orders_{size.orders}" if size.products == smallest.products else f"products_{size.products}"


def _print(smallest: Size, grown: list[Grown], figures: dict[str, Figure]) -> None:
    def row(title: str, prefix: str) -> tuple[str, ...]:
        ratios = [figures.get(f"{prefix}_{name}_ratio") for name in ("journeys", "server_cpu")]
        names = ("journeys_per_second", "server_cpu_us_per_journey", "p99_ms")
        memory = ("server_memory_mib", "server_own_memory_mib", "folder_mib")
        values = [number(float(figures[f"{prefix}_{name}"] or 0)) for name in (*names, *memory)]
        return (title, *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios), *values)

    head = ("", "pace", "CPU", "journeys/s", "CPU us", "p99 ms", "memory MiB", "without files", "folder MiB")
    rows = [head, row(str(smallest), "smallest")]
    rows += [row(str(each.size), _name(each.size, smallest)) for each in grown if each.size != smallest]
    rows.append(("goal", f"{GOAL:.2f}", f"{1 / GOAL:.2f}", *[""] * 6))
    print_table("growth: purchases in larger shops; pace and CPU as multiples of the smallest shop's", rows)
