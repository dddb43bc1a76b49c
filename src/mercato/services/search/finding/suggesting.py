"""Suggesting: what a shopper may be typing, from the words of the store and the titles of what is popular."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import log1p
from typing import Literal

import msgspec

from mercato.services.search.finding.documents import Candidate
from mercato.services.search.finding.plan import Group, Term
from mercato.services.search.finding.planning import groups_of
from mercato.services.search.finding.store_rules import StoreRules
from mercato.services.search.finding.understanding import MOST_TYPED, Words, understand
from mercato.services.search.text.analysis import words_of
from mercato.services.search.text.stop_words import stop_words
from mercato.services.search.text.vocabulary import Near, Vocabulary

_MOST_WORDS = 8  # of what is typed
_COMPLETIONS = 8
_AFTER_OTHERS = 24  # completions of a word that stands after others: they narrow it
_BESIDE = 4.0  # times as much counts an ending that stands straight behind the other words
_MOST_ENTRIES = 15_000  # that words may have together, to be searched for while somebody types
_TOLERANT_FROM = 3  # letters
_FEW_OF = 500  # one entry of so many has a common word
_FEW = 200  # entries at most that have a rare one
_SLIP = 0.05  # how much less likely it is that a word was mistyped
_WHOLE = 4.0  # how much more likely that, if it was, it has been typed to its end
_FIELDS = {"title": 2.0, "brand": 1.5}


class Completion(msgspec.Struct, frozen=True):
    """What was typed before the last word, what the last word may become, and what both are searched by. Products
    with a word alone are in the order of what sells: it says too little for any other one."""

    before: tuple[str, ...]
    endings: tuple[Near, ...]
    groups: tuple[Group, ...]

    @property
    def sort(self) -> Literal["relevance", "popular"]:
        return "relevance" if self.before else "popular"


def complete(typed: str, rules: StoreRules, vocabulary: Vocabulary) -> Completion | None:
    """None where no word of the store goes on like this."""
    words = words_of(typed[:MOST_TYPED])[:_MOST_WORDS]
    if not words:
        return None
    last = words[-1]
    endings = _endings(last, vocabulary, typed[-1:].isspace(), _COMPLETIONS if len(words) == 1 else _AFTER_OTHERS)
    if not endings:
        return None
    before = understand(" ".join(words[:-1]), rules, Words(vocabulary))
    mended = before.mended.split() if before.mended else words[:-1]
    stem = rules.stems.stem
    parts = [Term(field, stem(each.word), weight) for each in _affordable(endings) for field, weight in _FIELDS.items()]
    return Completion(tuple(mended), endings, (*groups_of(before), Group(tuple(parts), tie=0.1)))


def terms_of(completion: Completion, candidates: Sequence[Candidate], limit: int) -> tuple[str, ...]:
    """Whole searches: the endings, and what follows them in titles of candidates. After other words only what
    stands with them in a title."""
    begin = " ".join(completion.before)
    words = {each.word: log1p(each.count) for each in completion.endings}
    if not begin:
        alone = [each.word for each in completion.endings]
        longer = _pairs(words, candidates)[:limit]
        return _mixed(alone, longer, limit)
    found: dict[str, float] = {}
    for candidate in candidates:
        popularity, own = _popularity(candidate), candidate.words.split()
        for before, word in dict.fromkeys(pairwise(own)):
            if word in words and word not in completion.before and word not in _STOPS:
                term = f"{begin} {word}"
                beside = _BESIDE if before == completion.before[-1] else 1.0
                found[term] = found.get(term, 0.0) + popularity * beside
    return tuple(sorted(found, key=lambda term: (-found[term], term))[:limit])


def _endings(last: str, vocabulary: Vocabulary, whole: bool, most: int) -> tuple[Near, ...]:
    """Words that the last one may become. Where few entries have such a word, slips count too, each for far less."""
    if whole and vocabulary.count(last):
        return (Near(last, vocabulary.count(last)),)
    found = vocabulary.starting(last, most)
    if len(last) < _TOLERANT_FROM or sum(near.count for near in found) > min(_FEW, vocabulary.entries // _FEW_OF):
        return found
    chances = {near: float(near.count) for near in found}
    for near in (*vocabulary.starting_near(last, most), *vocabulary.near(last)):
        chances.setdefault(near, near.count * _SLIP * (_WHOLE if len(near.word) <= len(last) + 1 else 1.0))
    return tuple(sorted(chances, key=lambda near: (-chances[near], near.word))[:most])


def _affordable(endings: Sequence[Near]) -> list[Near]:
    """The first of them, as many as can be searched for at once; at least one."""
    found, entries = [endings[0]], endings[0].count
    for each in endings[1:]:
        entries += each.count
        if entries > _MOST_ENTRIES:
            break
        found.append(each)
    return found


def _pairs(words: dict[str, float], candidates: Sequence[Candidate]) -> list[str]:
    """Pairs of words that begin with one of these, by the popularity of the candidates that have them: of at least
    two."""
    found: dict[str, float] = {}
    seen: Counter[str] = Counter()
    for candidate in candidates:
        popularity, own = _popularity(candidate), candidate.words.split()
        for first, second in dict.fromkeys(pairwise(own)):
            if first in words and second.isalpha() and len(second) > 2 and second not in _STOPS:  # noqa: PLR2004
                term = f"{first} {second}"
                found[term] = found.get(term, 0.0) + popularity
                seen[term] += 1
    return sorted((term for term in found if seen[term] > 1), key=lambda term: (-found[term], term))


def _popularity(candidate: Candidate) -> float:
    return 1.0 + log1p(candidate.ratings + candidate.sold)


def _mixed(alone: Sequence[str], longer: Sequence[str], limit: int) -> tuple[str, ...]:
    """Words first, at most half of the place where there are longer terms."""
    room = max(1, limit - min(len(longer), limit // 2))
    return (*alone[:room], *longer)[:limit]


_STOPS = stop_words("en")
