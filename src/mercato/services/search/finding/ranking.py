"""Ranking: the second stage, which orders the first candidates of the text search by all that is known of them.

The score of a hit is the sum of its features, each times its weight. `bench relevance --learn` learned the weights
from judged searches, but for those that are set by hand.
"""

from collections.abc import Mapping, Sequence
from math import log
from operator import mul

from mercato.services.search.domain import FoundHit
from mercato.services.search.finding.features import FEATURES, Read, Scene, features, read, scene
from mercato.services.search.finding.plan import Scored, candidate_of
from mercato.services.search.finding.understanding import Understood
from mercato.values.ids import ProductId

CANDIDATES = 48  # so many are ordered by the second stage; the others follow in the order of their text scores

WEIGHTS: Mapping[str, float] = {
    "text": 0.45,
    "title": 0.39,
    "anywhere": 0.48,
    "all_anywhere": 0.16,
    "adjacent": 0.05,
    "early": 0.32,
    "head": 0.17,
    "kind_head": 0.2,
    "accessory": 0.05,
    "kind": 0.25,
    "brand": 0.41,
    "other_brand": 0.41,
    "audience": 0.16,
    "other_audience": 0.1,
    "colour": 0.18,
    "other_colour": 0.24,
    "number": 0.1,
    "other_number": 0.11,
    "avoided": 0.3,
    "kept_away": 0.17,
    "category": 0.88,
    "alike": 0.31,
    "long_title": 0.13,
    "popular": 0.05,
    "rating": 0.03,
    "in_stock": 0.15,
    "fresh": 0.05,
}
BY_HAND = ("popular", "rating", "in_stock", "fresh")  # what no judgment tells is set by what shops want
BOOST = "boost"  # the part of a score that a merchant's boost gives: the logarithm of it, times this weight
_BOOST_WEIGHT = 1.0
_LEAST_BOOST = 1e-6


def rank(
    understood: Understood,
    scored: Sequence[Scored],
    weights: Mapping[str, float],
    boosts: Mapping[ProductId, float],
    now: int,
) -> list[FoundHit]:
    """All of `scored`, which are in the order of their text scores, by their scores; equal ones by their ids."""
    typed = understood.single_stems
    reads = [read(each.score, candidate_of(each), typed) for each in scored]
    known = scene(understood, reads, now)
    table = [weights.get(name, weight) for name, weight in WEIGHTS.items()]
    hits = [_hit(known, each, table, boosts) for each in reads]
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))


def _hit(known: Scene, each: Read, table: Sequence[float], boosts: Mapping[ProductId, float]) -> FoundHit:
    parts = list(map(mul, table, features(known, each)))
    score = sum(parts)
    reasons = {name: part for name, part in zip(FEATURES, parts, strict=True) if part}
    boost = boosts.get(each.candidate.id)
    if boost is not None:
        reasons[BOOST] = _BOOST_WEIGHT * log(max(boost, _LEAST_BOOST))
        score += reasons[BOOST]
    return FoundHit(each.candidate.id, score, reasons)
