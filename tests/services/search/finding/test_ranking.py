"""The second stage: what is known of candidates, and the order that follows."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.contracts.search import SearchRules
from mercato.services.search.finding.documents import document_of
from mercato.services.search.finding.features import FEATURES, features, read, scene
from mercato.services.search.finding.plan import Scored, candidate_of
from mercato.services.search.finding.ranking import BY_HAND, WEIGHTS, rank
from mercato.services.search.finding.store_rules import read_rules
from mercato.services.search.finding.understanding import Words, understand
from mercato.services.search.text.vocabulary import Vocabulary
from tests.services.search.entries import entry

DAY = 86_400_000
DOCUMENT = Path(__file__).parents[4] / "docs" / "algorithms" / "ranking.md"


def scored(title: str, **more: Any) -> Scored:
    return Scored(1.0, document_of(entry(more.pop("id", "p1"), title, **more)).payload)


def known(typed: str, *titles: str, now: int = 0, **more: Any) -> dict[str, float]:
    """The features of the first of these titles."""
    understood = understand(typed, read_rules(SearchRules()), Words(Vocabulary()))
    reads = [read(1.0, candidate_of(scored(title, **more)), understood.single_stems) for title in titles]
    return dict(zip(FEATURES, features(scene(understood, reads, now), reads[0]), strict=True))


def test_every_feature_has_a_weight_and_none_is_below_0() -> None:
    assert tuple(WEIGHTS) == FEATURES
    assert all(weight >= 0 for weight in WEIGHTS.values())
    assert set(BY_HAND) < set(FEATURES)


@pytest.mark.parametrize(
    ("feature", "typed", "better", "worse"),
    [
        ("title", "red shoes", "Red shoes", "Red boots"),
        ("adjacent", "red shoes", "Red shoes", "Shoes of red"),
        ("early", "shoes", "Shoes by Runwell", "Runwell anniversary edition shoes"),
        ("head", "phone case", "Phone case with strap", "Strap for phone case"),
        ("accessory", "phone", "Phone", "Case for phone"),
        ("audience", "boots women", "Boots for women", "Boots"),
        ("other_audience", "boots women", "Boots", "Boots for men"),
        ("colour", "red boots", "Red boots", "Boots"),
        ("other_colour", "red boots", "Boots", "Blue boots"),
        ("number", "bottle 12 oz", "Bottle 12oz", "Bottle"),
        ("other_number", "bottle 12 oz", "Bottle", "Bottle 16 oz"),
        ("avoided", "shoes without laces", "Shoes", "Shoes with laces"),
        ("kept_away", "shoes without laces", "Shoes without laces", "Shoes"),
        ("long_title", "shoes", "Shoes", "Shoes " + "and more " * 10),
    ],
)
def test_what_speaks_for_a_candidate_is_more(feature: str, typed: str, better: str, worse: str) -> None:
    assert known(typed, better)[feature] > known(typed, worse)[feature]


def test_a_brand_that_was_typed_speaks_against_others() -> None:
    assert known("runwell shoes", "Shoes", brand="Runwell")["brand"] == 1.0
    understood = understand("runwell shoes", read_rules(SearchRules()), Words(Vocabulary()))
    both = [
        read(1.0, candidate_of(scored("Shoes", brand=brand)), understood.single_stems) for brand in ("Other", "Runwell")
    ]
    about = scene(understood, both, 0)
    assert dict(zip(FEATURES, features(about, both[0]), strict=True))["other_brand"] == -1.0
    assert dict(zip(FEATURES, features(about, both[1]), strict=True))["other_brand"] == 0.0


def test_what_sells_is_in_stock_and_new_speaks_for_a_candidate() -> None:
    assert known("shoes", "Shoes", ratings=50)["popular"] > known("shoes", "Shoes")["popular"]
    assert known("shoes", "Shoes", available=True)["in_stock"] > known("shoes", "Shoes", available=False)["in_stock"]
    fresh = known("shoes", "Shoes", now=100 * DAY, created_at=99 * DAY)["fresh"]
    assert fresh > known("shoes", "Shoes", now=100 * DAY, created_at=10 * DAY)["fresh"] > 0.0
    assert (
        known("shoes", "Shoes", rating=480, ratings=3)["rating"]
        > known("shoes", "Shoes", rating=200, ratings=3)["rating"]
    )


def test_equal_candidates_are_in_the_order_of_their_ids() -> None:
    understood = understand("shoes", read_rules(SearchRules()), Words(Vocabulary()))
    hits = rank(understood, [scored("Shoes", id=each) for each in ("c", "a", "b")], {}, {}, 0)
    assert [hit.id for hit in hits] == ["a", "b", "c"]


def test_weights_change_the_order() -> None:
    understood = understand("shoes", read_rules(SearchRules()), Words(Vocabulary()))
    candidates = [scored("Shoes", id="a"), scored("A pair of shoes", id="b", ratings=90_000)]
    assert rank(understood, candidates, {}, {}, 0)[0].id == "a"
    assert rank(understood, candidates, {"popular": 5.0}, {}, 0)[0].id == "b"


def test_reasons_sum_to_the_score() -> None:
    understood = understand("red shoes", read_rules(SearchRules()), Words(Vocabulary()))
    hit = rank(understood, [scored("Red shoes", ratings=5, rating=300)], {}, {"p1": 2.0}, 0)[0]  # type: ignore[dict-item]
    assert sum(hit.reasons.values()) == pytest.approx(hit.score)
    assert msgspec.json.decode(msgspec.json.encode(hit), type=type(hit)) == hit


def test_the_document_has_the_weights_of_the_code() -> None:
    rows = re.findall(r"^\| (`.*?) \| .* \| ([\d., ]+) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    told: dict[str, float] = {}
    for names, weights in rows:
        told |= dict(zip(re.findall(r"`(\w+)`", names), map(float, weights.split(",")), strict=True))
    assert told == dict(WEIGHTS)
