"""Planning: from what was understood to what an engine is asked."""

from collections.abc import Sequence

from mercato.services.search.finding.documents import ALL, Candidate
from mercato.services.search.finding.plan import Group, Part, Phrase, Term
from mercato.services.search.finding.understanding import CORRECTED, Need, Understood

FIELDS = {"title": 2.0, "brand": 1.5, "kind": 1.0, "more": 1.0, "exact": 2.0, "body": 0.6}  # what a match counts
_SHORT_FIELDS = ("title", "brand", "kind", "more", "exact")
_COMMON_FIELDS = ("title", "brand", "kind")
_TIE = 0.3
_ALIKE_WORDS = 12  # of a title, that others are compared by
COMMON = 5_000  # entries that have a word: beside a rarer word it is no reason to be found, and only these fields score


def groups_of(understood: Understood, some: bool = False) -> tuple[Group, ...]:
    """A group for each need. Where `some` are enough, common words only score beside rarer ones."""
    rare = some and any(0 < need.count <= COMMON for need in understood.needs)
    return tuple(_group(need, rare and need.count > COMMON) for need in understood.needs)


def least_of(groups: Sequence[Group]) -> int:
    """How many of the groups a hit must match where too few match all: one of two, two of three, three of four."""
    needed = sum(not group.optional for group in groups)
    return 1 if needed <= 2 else (2 * needed + 2) // 3  # noqa: PLR2004 - half of two is one


def likeness(candidate: Candidate) -> tuple[Group, ...]:
    """Ways to be like a product: the words of its title, and its brand."""
    words = dict.fromkeys(candidate.title.split()[:_ALIKE_WORDS])
    groups = [Group((Term("title", word), Term("kind", word, 0.5))) for word in words]
    return (*groups, *(Group((Term("brand", word, 0.5),)) for word in candidate.brand.split()[:2]))


def any_of(words: Sequence[str]) -> Group:
    """What has any of these words, as stems or as they are, wherever."""
    return Group(tuple(Term(ALL, word) for word in words))


def _group(need: Need, optional: bool) -> Group:
    parts: list[Part] = []
    matches: list[Part] = []
    for way in need.ways:
        fields = _COMMON_FIELDS if need.count > COMMON else _SHORT_FIELDS if way.weight == CORRECTED else tuple(FIELDS)
        if len(way.stems) == 1:
            stem, word = way.stems[0], way.words[0]
            words = {field: word if field == "exact" else stem for field in fields}
            parts += (Term(field, words[field], FIELDS[field] * way.weight) for field in fields)
            matches += (Term(ALL, each) for each in dict.fromkeys((stem, word)))
        else:
            phrases = [Phrase(field, way.stems, FIELDS[field] * way.weight) for field in fields if field != "exact"]
            parts += phrases
            matches += phrases
    return Group(tuple(parts), _TIE, tuple(matches), optional)
