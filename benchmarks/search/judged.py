"""Judged searches: a catalogue, and for each search which products people have judged, and how good they found them.

A folder with `products.jsonl` or `products.jsonl.gz`, one product a line, and `judgments.csv` with the columns query,
product_id and grade, from 0 for wrong to 100 for just what was meant.
"""

import csv
import gzip
from collections.abc import Iterable, Mapping, Sequence
from math import log2
from pathlib import Path

import msgspec

from benchmarks.outcome import BenchmarkError
from mercato.services.search.domain import Entry
from mercato.values.ids import CategoryId, ProductId

STORE = "store_judged"
FULL = 100  # the highest grade

Gains = Mapping[str, float]


class Product(msgspec.Struct, frozen=True):
    """A line of the catalogue. Other fields are not looked at."""

    asin: str = ""
    id: str = ""
    title: str = ""
    description: str | None = None
    bullet_points: str | None = None
    brand: str | None = None
    color: str | None = None
    price: float | None = None
    category: list[str] | str | None = None
    rating: float | None = None
    rating_count: int | None = None


class Judged(msgspec.Struct, frozen=True):
    """`gains` of each search, by product: from 0 to 1."""

    entries: tuple[Entry, ...]
    gains: dict[str, dict[str, float]]


def read(path: Path) -> Judged:
    """From a folder, or from the file of judgments in it. Raises BenchmarkError."""
    folder = path if path.is_dir() else path.parent
    judgments = folder / "judgments.csv" if path.is_dir() else path
    products = next(
        (file for name in ("products.jsonl.gz", "products.jsonl") if (file := folder / name).exists()), None
    )
    if products is None or not judgments.exists():
        raise BenchmarkError(f"{folder} needs products.jsonl, or products.jsonl.gz, and judgments.csv")
    try:
        return Judged(tuple(_entries(products)), _gains(judgments))
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise BenchmarkError(f"{folder} is not in the format of judged searches: {error!r}") from error


def ndcg(found: Sequence[str], gains: Gains, depth: int = 10) -> float:
    """The gains of what was found, those further down counting less, as a share of what the best order would give.
    What was not judged gains nothing."""
    best = _discounted(sorted(gains.values(), reverse=True)[:depth])
    return _discounted([gains.get(product, 0.0) for product in found[:depth]]) / best if best else 0.0


def recall(found: Sequence[str], gains: Gains, depth: int = 50) -> float:
    """Which share of the products with the full grade is among the first ones found."""
    right = {product for product, gain in gains.items() if gain >= 1.0}
    return len(right.intersection(found[:depth])) / len(right) if right else 1.0


def _discounted(gains: Iterable[float]) -> float:
    return sum(gain / log2(place + 2) for place, gain in enumerate(gains))


def _entries(path: Path) -> Iterable[Entry]:
    decoder = msgspec.json.Decoder(Product, strict=False)
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for line in lines:
            if line.strip():
                yield _entry(decoder.decode(line))


def _entry(product: Product) -> Entry:
    names = product.category if isinstance(product.category, list) else [product.category or ""]
    names = [name for name in names if name]
    colour = product.color or ""
    return Entry(
        store=STORE,
        id=ProductId(product.asin or product.id),
        title=product.title,
        brand=product.brand or "",
        categories=tuple(CategoryId(" > ".join(names[: place + 1])) for place in range(len(names))),
        category_names=tuple(names),
        description=f"{product.description or ''}\n{product.bullet_points or ''}",
        options={"color": (colour,)} if colour else {},
        price=None if product.price is None else round(product.price * 100),
        available=True,
        rating=round((product.rating or 0) * 100),
        ratings=product.rating_count or 0,
    )


def _gains(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["query"], {})[row["product_id"]] = float(row["grade"]) / FULL
    return found
