"""Planning: from what was understood to what an engine is asked."""

from collections.abc import Sequence

from mercato.services.search.finding.documents import Candidate
from mercato.services.search.finding.plan import Group, Part, Phrase, Term
from mercato.services.search.finding.understanding import CORRECTED, Need, Understood

FIELDS = {"title": 2.0, "brand": 1.5, "kind": 1.0, "more": 1.0, "body": 0.6}  # what a match in each field counts
_SHORT_FIELDS = ("title", "brand", "kind", "more")  # corrected words are looked for in these only
_EXACT = 2.0  # what a whole form or code counts
_TIE = 0.3
_ALIKE_WORDS = 12  # of a title, that others are compared by


def groups_of(understood: Understood) -> tuple[Group, ...]:
    return tuple(_group(need) for need in understood.needs)


def least_of(groups: Sequence[Group]) -> int:
    """How many of the groups a hit must match where too few match all: one of two, two of three, three of five."""
    return 1 if len(groups) <= 2 else (2 * len(groups) + 2) // 3  # noqa: PLR2004 - half of two is one


def likeness(candidate: Candidate) -> tuple[Group, ...]:
    """Ways to be like a product: the words of its title, and its brand."""
    words = dict.fromkeys(candidate.title.split()[:_ALIKE_WORDS])
    groups = [Group((Term("title", word), Term("kind", word, 0.5))) for word in words]
    return (*groups, *(Group((Term("brand", word, 0.5),)) for word in candidate.brand.split()[:2]))


def _group(need: Need) -> Group:
    parts: list[Part] = []
    for way in need.ways:
        fields = _SHORT_FIELDS if way.weight == CORRECTED else tuple(FIELDS)
        if len(way.stems) == 1:
            parts += (Term(field, way.stems[0], FIELDS[field] * way.weight) for field in fields)
            parts += (Term(field, way.words[0], _EXACT * way.weight) for field in ("forms", "codes"))
        else:
            parts += (Phrase(field, way.stems, FIELDS[field] * way.weight) for field in fields)
    return Group(tuple(parts), tie=_TIE)
