"""`typos`: whether products are found by words that were mistyped, and suggested while they are."""

import argparse
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks.machine import Figure
from benchmarks.outcome import Outcome, number, print_table, tell
from benchmarks.search.judged import STORE, read
from mercato.contracts.search import SearchRules
from mercato.services.search.adapters.tantivy_index import TantivyIndex
from mercato.services.search.domain import Entry, Wanted
from mercato.services.search.finding.finder import Finder
from mercato.services.search.text.analysis import words_of
from mercato.values.ids import ProductId

GOAL = 0.95
_TOP = 10
_SHORTEST = 5  # letters of a word that is mistyped
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_BEFORE_SLIP = 3  # letters of a beginning, the fewest that suggestions forgive a slip in


class Case(msgspec.Struct, frozen=True):
    """A word of a product's title, what became of it, another word of the title, and the title."""

    product: ProductId
    word: str
    typo: str
    other: str
    title: tuple[str, ...]

    def in_title(self, word: str) -> str:
        return " ".join(word if each == self.word else each for each in self.title)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a folder with products.jsonl(.gz) and judgments.csv")
    parser.add_argument("--cases", type=int, default=1_000, help="words that are mistyped (1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the words and of the slips (1)")
    parser.add_argument("--misses", type=int, default=0, help="print so many cases that were not found (0)")


def run(options: argparse.Namespace) -> Outcome:
    entries = read(options.file).entries
    cases = make_cases(entries, options.cases, options.seed)
    tell(f"{len(cases)} words of {len(entries)} products")
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        index = TantivyIndex(Path(place))
        index.write(entries, 1)
        figures = _figures(Finder(index), cases, options.misses)
        index.close()
    return Outcome(figures)


def make_cases(entries: Sequence[Entry], number_of_cases: int, seed: int) -> list[Case]:
    """Cases from titles that have a long word and another one; the same seed gives the same."""
    chance = random.Random(seed)  # noqa: S311 - it makes slips, and hides nothing
    found: list[Case] = []
    while len(found) < number_of_cases:
        entry = chance.choice(entries)
        title = words_of(entry.title)
        long = [word for word in title if len(word) >= _SHORTEST and word.isascii() and word.isalpha()]
        if not long:
            continue
        word = chance.choice(long)
        others = [each for each in title if each != word and len(each) > 2]  # noqa: PLR2004 - shorter ones say nothing
        if others:
            found.append(Case(entry.id, word, slip(chance, word), chance.choice(others), tuple(title)))
    return found


def slip(chance: random.Random, word: str) -> str:
    """One letter too many, too few, another one, or two of them exchanged: never the word itself."""
    while True:
        place = chance.randrange(len(word))
        before, letter, after = word[:place], word[place], word[place + 1 :]
        other = chance.choice(_LETTERS)
        made = chance.choice(
            (
                before + after,
                before + other + letter + after,
                before + other + after,
                before + after[:1] + letter + after[1:],
            )
        )
        if made != word:
            return made


def _figures(finder: Finder, cases: Sequence[Case], misses: int) -> dict[str, Figure]:
    ways: dict[str, Callable[[Case, str], str]] = {
        "title": lambda case, word: case.in_title(word),
        "with_another_word": lambda case, word: f"{case.other} {word}",
        "alone": lambda _, word: word,
    }
    figures: dict[str, Figure] = {}
    rows = [("", "spelled right", "mistyped", "of those found when right")]
    for name, typed in ways.items():
        right = [_finds(finder, case, typed(case, case.word)) for case in cases]
        wrong = [_finds(finder, case, typed(case, case.typo)) for case in cases]
        kept = [was for was, before in zip(wrong, right, strict=True) if before]
        figures |= {f"found_{name}_share": _share(wrong), f"found_{name}_of_right_share": _share(kept)}
        rows.append((name, f"{_share(right):.3f}", f"{_share(wrong):.3f}", f"{_share(kept):.3f}"))
        lost = [case for case, before, was in zip(cases, right, wrong, strict=True) if before and not was]
        for case in lost[:misses]:
            tell(f"not found: {typed(case, case.typo)!r} for {case.word!r}")
    meant = [_means(finder, case, case.typo) for case in cases]
    figures["word_meant_share"] = _share(meant)
    suggested = [_suggests(finder, case) for case in cases]
    figures["suggested_share"] = _share(suggested)
    print_table("products found among the first ten (share of cases)", rows)
    print_table(
        "besides",
        [
            ("the mistyped word alone finds products with the word that was meant", number(_share(meant), 3)),
            ("the word is suggested after a mistyped beginning of three letters or more", number(_share(suggested), 3)),
        ],
    )
    return figures


def _finds(finder: Finder, case: Case, typed: str) -> bool:
    return case.product in [hit.id for hit in finder.find(Wanted(STORE, typed, limit=_TOP)).hits]


def _means(finder: Finder, case: Case, typed: str) -> bool:
    """Whether the words that were searched for have the one that was meant."""
    return case.word in finder.find(Wanted(STORE, typed, limit=_TOP)).words


def _suggests(finder: Finder, case: Case) -> bool:
    """Typing the mistyped word letter by letter, from the third on and to its end, suggests the word at some point."""
    ends = range(_BEFORE_SLIP, len(case.typo) + 1)
    typed = [case.typo[:end] for end in ends if not case.word.startswith(case.typo[:end])]
    return any(
        term.split()[0] == case.word
        for begin in typed
        for term in finder.suggest(STORE, begin, 10, SearchRules()).terms
    )


def _share(answers: Sequence[bool]) -> float:
    return round(sum(answers) / len(answers), 4) if answers else 1.0
