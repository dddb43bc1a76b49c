"""`search`: searches of a large catalogue: what the engine takes for them, and what a shop answers through HTTP."""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.machine import Figure
from benchmarks.outcome import Outcome, number, print_table, tell
from benchmarks.processes import memory
from benchmarks.search.catalogue import STORE, Catalogue
from benchmarks.search.over_http import answered
from mercato.contracts.search import SearchRules
from mercato.services.search.adapters.tantivy_index import TantivyIndex
from mercato.services.search.domain import Entry, Filters, Wanted
from mercato.services.search.finding.finder import Finder

GOAL_P99_MS = 10.0
GOAL_SUGGEST_P99_MS = 5.0
_CHUNK = 20_000  # entries that are written at once
_WARM = 100  # searches that are not counted: they read the index from disk
_FACETS = ("brand", "category")
_FILTERS = (
    Filters(),
    Filters(price=(1_000, 10_000)),
    Filters(in_stock=True),
    Filters({"option.color": ("black", "blue")}, rating=400),
)


class Taken(msgspec.Struct, frozen=True):
    """How long each of them took, in milliseconds, by the clock and of the processor."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    def at(self, share: float) -> float:
        return sorted(self.wall)[int(len(self.wall) * share)]

    def cpu_at(self, share: float) -> float:
        return sorted(self.cpu)[int(len(self.cpu) * share)]

    def every_second(self, begin: int) -> "Taken":
        return Taken(self.wall[begin::2], self.cpu[begin::2])

    @property
    def mean_cpu(self) -> float:
        return sum(self.cpu) / len(self.cpu)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=1_000_000, help="of the catalogue (1000000)")
    parser.add_argument("--searches", type=int, default=2_000, help="of each kind (2000)")
    parser.add_argument("--index", type=Path, metavar="DIR", help="keep the index here, and take it when it is there")
    parser.add_argument("--http", type=int, default=0, metavar="N", help="also a shop of N products, through HTTP (0)")
    parser.add_argument("--seconds", type=float, default=10, help="of searching through HTTP (10)")


def run(options: argparse.Namespace) -> Outcome:
    catalogue = Catalogue()
    with _folder(options) as folder:
        built = _build(folder, catalogue, options.products)
        before = memory(os.getpid())
        index = TantivyIndex(folder)
        index.vocabulary(STORE)
        figures = built | _searched(Finder(index), catalogue, options.searches)
        figures |= _written(index, catalogue)
        after = memory(os.getpid())
        figures |= {"memory_mib": after.resident, "unmapped_memory_mib": after.anonymous}
        figures["unmapped_memory_before_mib"] = before.anonymous
        rows = [("with the mapped index", after.resident), ("without", after.anonymous), ("before", before.anonymous)]
        print_table("memory, MiB", [(name, number(value)) for name, value in rows])
        index.close()
    if options.http:
        figures |= answered(catalogue, options.http, options.seconds, options.folder)
    return Outcome(figures)


def _searched(finder: Finder, catalogue: Catalogue, searches: int) -> dict[str, Figure]:
    typed = list(islice(catalogue.typed(), _WARM + searches))
    asked = [
        Wanted(STORE, text, filters=_FILTERS[place // 2 % len(_FILTERS)], facets=_FACETS)
        for place, text in enumerate(typed)
    ]
    plain = [msgspec.structs.replace(each, facets=(), filters=Filters()) for each in asked]
    lengths = random.Random(3)  # noqa: S311 - it cuts words, and hides nothing
    begun = [text[: lengths.randint(1, len(text))] for text in typed]
    search = _take(finder.find, asked)
    kinds: dict[str, Taken] = {
        "search": search,
        "one_word": search.every_second(_WARM % 2),
        "two_words": search.every_second(1 - _WARM % 2),
        "plain": _take(finder.find, plain),
        "suggest": _take(lambda text: finder.suggest(STORE, text, 6, SearchRules()), begun),
    }
    names = {
        "search": "one or two words, a filter, two facets",
        "one_word": "of these, one word",
        "two_words": "of these, two words",
        "plain": "words alone",
        "suggest": "suggestions",
    }
    rows: list[tuple[str, ...]] = [("", "p50 ms", "p99 ms", "CPU ms", "its p99")]
    for name, taken in kinds.items():
        shown = (taken.at(0.5), taken.at(0.99), taken.mean_cpu, taken.cpu_at(0.99))
        rows.append((names[name], *(number(value, 2) for value in shown)))
    print_table(f"the engine alone, {searches:,} of each, one at a time", rows)
    figures: dict[str, Figure] = {}
    for name, taken in kinds.items():
        figures |= {f"{name}_p50_ms": round(taken.at(0.5), 3), f"{name}_p99_ms": round(taken.at(0.99), 3)}
        figures[f"cpu_us_per_{name}"] = round(taken.mean_cpu * 1_000)
        figures[f"cpu_p99_us_per_{name}"] = round(taken.cpu_at(0.99) * 1_000)
    return figures


Asked = TypeVar("Asked")


def _take(ask: Callable[[Asked], object], asked: Sequence[Asked]) -> Taken:
    for each in asked[:_WARM]:
        ask(each)
    wall, cpu = [], []
    for each in asked[_WARM:]:
        begun, worked = time.perf_counter(), time.process_time()
        ask(each)
        wall.append((time.perf_counter() - begun) * 1_000)
        cpu.append((time.process_time() - worked) * 1_000)
    return Taken(tuple(wall), tuple(cpu))


def _written(index: TantivyIndex, catalogue: Catalogue) -> dict[str, Figure]:
    """Commits of few changes, as in a shop that runs."""
    entries = list(islice(catalogue.entries(1_000), 200))
    taken = _take(lambda change: index.write([change], index.mark), [*entries, *entries[:_WARM]])
    print_table(
        "a commit of one change",
        [
            ("p50 ms", number(taken.at(0.5), 1)),
            ("p99 ms", number(taken.at(0.99), 1)),
            ("CPU ms", number(taken.mean_cpu, 1)),
        ],
    )
    return {"commit_p50_ms": round(taken.at(0.5), 2), "commit_p99_ms": round(taken.at(0.99), 2)}


def _build(folder: Path, catalogue: Catalogue, products: int) -> dict[str, Figure]:
    """Write the catalogue to the index, if it is not there yet."""
    index = TantivyIndex(folder)
    figures: dict[str, Figure] = {"products": products}
    if index.mark != products:
        if index.mark:
            index.take(index.rebuild())
        begun = time.perf_counter()
        done = 0
        for chunk in _chunks(catalogue.entries(products)):
            done += len(chunk)
            index.write(chunk, done)
            if done % (10 * _CHUNK) == 0:
                tell(f"{done:,} products written, {done / (time.perf_counter() - begun):,.0f} a second")
        figures["written_per_second"] = round(products / (time.perf_counter() - begun))
    index.close()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    figures["index_mib"] = round(size / 2**20)
    print_table("the index", [(name, f"{value:,}") for name, value in figures.items()])
    return figures


def _chunks(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while chunk := list(islice(entries, _CHUNK)):
        yield chunk


@contextmanager
def _folder(options: argparse.Namespace) -> Iterator[Path]:
    if options.index:
        options.index.mkdir(parents=True, exist_ok=True)
        yield options.index
    else:
        with tempfile.TemporaryDirectory(prefix="mercato-bench-", dir=options.folder) as name:
            yield Path(name)
