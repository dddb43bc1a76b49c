"""`relevance`: how good what is found is, by searches that people have judged; what each part of the method gives."""

import argparse
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

import msgspec

from benchmarks.machine import Figure
from benchmarks.outcome import Outcome, number, print_table, tell
from benchmarks.search.judged import STORE, Judged, ndcg, read, recall
from benchmarks.search.learning import Example, Weights, learn, order
from benchmarks.search.on_server import HELP, index_on
from mercato.contracts.search import SearchRules
from mercato.services.search.adapters.tantivy_index import TantivyIndex
from mercato.services.search.domain import Entry, Found, Wanted
from mercato.services.search.finding.features import FEATURES
from mercato.services.search.finding.finder import Finder
from mercato.services.search.finding.ranking import BY_HAND, CANDIDATES, WEIGHTS

GOAL = 0.66
FOLDS = 5
SHUFFLES = 3
_WORST = 10
_NO_LANGUAGE = "xx"  # without stems and stop words

STEPS = (
    ("words and their order", ("text", "title", "anywhere", "all_anywhere", "adjacent", "early")),
    ("what kind of thing", ("head", "kind_head", "accessory", "kind")),
    ("brand", ("brand", "other_brand")),
    ("for whom, colour", ("audience", "other_audience", "colour", "other_colour")),
    ("numbers and units", ("number", "other_number")),
    ("what is not wanted", ("avoided", "kept_away")),
    ("like the leaders", ("category", "alike", "long_title")),
    ("popularity, stock, newness", BY_HAND),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a folder with products.jsonl(.gz) and judgments.csv")
    parser.add_argument("--ablate", action="store_true", help="print what each part of the method gives")
    parser.add_argument("--on", metavar="URL", help=HELP)
    parser.add_argument("--learn", action="store_true", help="print the weights that these searches would give")


def run(options: argparse.Namespace) -> Outcome:
    judged = read(options.file)
    tell(f"{len(judged.entries)} products, {len(judged.gains)} searches")
    with _finder(judged.entries, options.folder) as finder:
        pages = {query: _ids(finder.find(Wanted(STORE, query, limit=100))) for query in judged.gains}
        examples = [_example(finder, query, gains) for query, gains in judged.gains.items()]
    figures = _figures(judged, pages, examples)
    _print(judged, pages, figures)
    if options.on:
        figures |= _on_server(judged, pages, options.on)
    if options.ablate:
        _print_steps(judged, examples, options.folder)
    if options.learn:
        weights = learn(examples, _learned(FEATURES), _fixed())
        print_table("weights by these searches", [(name, number(weights[name], 2)) for name in FEATURES])
    return Outcome(figures)


def _figures(judged: Judged, pages: Mapping[str, Sequence[str]], examples: Sequence[Example]) -> dict[str, Figure]:
    within = [
        ndcg(sorted(each.products, key=lambda id_: -judged.gains[each.query].get(id_, 0.0)), judged.gains[each.query])
        for each in examples
    ]
    return {
        "ndcg_at_10": round(_mean(judged, pages, ndcg), 4),
        "ndcg_at_10_cross_validated": round(_cross_validated(judged, examples, FEATURES), 4),
        "ndcg_at_10_text_only": round(_mean(judged, {each.query: each.products for each in examples}, ndcg), 4),
        "ndcg_at_10_best_order_of_candidates": round(fmean(within), 4),
        "recall_at_50": round(_mean(judged, pages, recall), 4),
        "searches": len(judged.gains),
        "products": len(judged.entries),
    }


def _on_server(judged: Judged, pages: Mapping[str, Sequence[str]], url: str) -> dict[str, Figure]:
    """What a server finds, beside `pages`."""
    with index_on(url) as index:
        index.write(judged.entries, 1)
        finder = Finder(index)
        found = {query: _ids(finder.find(Wanted(STORE, query, limit=100))) for query in judged.gains}
    figures: dict[str, Figure] = {
        "server_ndcg_at_10": round(_mean(judged, found, ndcg), 4),
        "server_recall_at_50": round(_mean(judged, found, recall), 4),
        "searches_with_the_same_first_ten": sum(found[query][:10] == page[:10] for query, page in pages.items()),
    }
    print_table("the same on a server", [(name, str(value)) for name, value in figures.items()])
    return figures


def _print(judged: Judged, pages: Mapping[str, Sequence[str]], figures: Mapping[str, Figure]) -> None:
    print_table("relevance", [(name, str(value)) for name, value in figures.items()])
    titles = {str(entry.id): entry.title for entry in judged.entries}
    scores = {query: ndcg(pages[query], gains) for query, gains in judged.gains.items()}
    print("\nthe worst searches, and what stood on top (with its gain)")
    for query in sorted(scores, key=lambda each: scores[each])[:_WORST]:
        print(f"  {scores[query]:.3f}  {query}")
        for product in pages[query][:3]:
            gain = judged.gains[query].get(product)
            print(f"           {'-' if gain is None else f'{gain:.2f}':>4}  {titles[product][:90]}")


def _print_steps(judged: Judged, examples: Sequence[Example], folder: Path | None) -> None:
    """Each line adds something to the one before; the second stage is cross-validated."""
    rows = [
        ("plain words, one field", _text_only(judged, map(_one_field, judged.entries), _NO_LANGUAGE, folder)),
        ("+ stems, stop words", _text_only(judged, map(_one_field, judged.entries), "en", folder)),
        ("+ fields", _text_only(judged, map(_unknown, judged.entries), "en", folder)),
        ("+ popularity in the text score", _text_only(judged, judged.entries, "en", folder)),
    ]
    names: list[str] = []
    for text, more in STEPS:
        names += more
        rows.append((f"+ {text}", _cross_validated(judged, examples, names)))
    before = 0.0
    table = []
    for text, value in rows:
        table.append((text, number(value, 4), f"{value - before:+.4f}" if before else ""))
        before = value
    print_table("what each step gives (nDCG@10)", table)


def _cross_validated(judged: Judged, examples: Sequence[Example], names: Sequence[str]) -> float:
    """The mean over searches whose own judgments the weights have not seen: of five parts each is ranked by what the
    other four have taught, in three divisions."""
    found: list[float] = []
    for shuffle in range(SHUFFLES):
        mixed = random.Random(shuffle).sample(examples, len(examples))  # noqa: S311 - it divides, and hides nothing
        for fold in range(FOLDS):
            fixed = {name: weight for name, weight in _fixed().items() if name in names}
            rest = [each for place, each in enumerate(mixed) if place % FOLDS != fold]
            weights = learn(rest, _learned(names), fixed)
            found += (ndcg(order(each, weights), judged.gains[each.query]) for each in mixed[fold::FOLDS])
    return fmean(found)


def _example(finder: Finder, query: str, gains: Mapping[str, float]) -> Example:
    """With every weight 1, the parts of a score are the features; by text alone candidates keep its order."""
    ones: Weights = dict.fromkeys(FEATURES, 1.0)
    hits = finder.find(Wanted(STORE, query, limit=CANDIDATES, explain=True, rules=SearchRules(weights=ones))).hits
    hits = tuple(sorted(hits, key=lambda hit: -hit.reasons.get("text", 0.0)))
    return Example(
        query,
        tuple(hit.id for hit in hits),
        tuple(hit.reasons for hit in hits),
        tuple(gains.get(hit.id, 0.0) for hit in hits),
    )


def _text_only(judged: Judged, entries: Iterable[Entry], language: str, folder: Path | None) -> float:
    weights: Weights = dict.fromkeys(FEATURES, 0.0) | {"text": 1.0}
    rules = SearchRules(language=language, weights=weights)
    spoken = [msgspec.structs.replace(entry, language=language) for entry in entries]
    with _finder(spoken, folder) as finder:
        pages = {query: _ids(finder.find(Wanted(STORE, query, limit=10, rules=rules))) for query in judged.gains}
    return _mean(judged, pages, ndcg)


def _one_field(entry: Entry) -> Entry:
    colours = " ".join(value for values in entry.options.values() for value in values)
    texts = (entry.title, entry.brand, *entry.category_names, colours, entry.description)
    return Entry(store=entry.store, id=entry.id, title="", description="\n".join(texts), available=True)


def _unknown(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, ratings=0, rating=0)


@contextmanager
def _finder(entries: Iterable[Entry], folder: Path | None) -> Iterator[Finder]:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        index = TantivyIndex(Path(place))
        try:
            index.write(tuple(entries), 1)
            yield Finder(index)
        finally:
            index.close()


def _mean(
    judged: Judged, pages: Mapping[str, Sequence[str]], measure: Callable[[Sequence[str], Mapping[str, float]], float]
) -> float:
    return fmean(measure(pages[query], gains) for query, gains in judged.gains.items())


def _learned(names: Iterable[str]) -> list[str]:
    return [name for name in names if name not in BY_HAND]


def _fixed() -> Weights:
    return {name: WEIGHTS[name] for name in BY_HAND}


def _ids(found: Found) -> list[str]:
    return [hit.id for hit in found.hits]
