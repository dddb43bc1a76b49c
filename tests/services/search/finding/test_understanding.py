"""What is understood of what shoppers type."""

import pytest

from mercato.contracts.search import SearchRules
from mercato.services.search.finding.store_rules import read_rules
from mercato.services.search.finding.understanding import MOST_WORDS, Understood, Words, understand
from mercato.services.search.text.vocabulary import Vocabulary

COUNTS = {"": 1_000, "running": 300, "shoes": 500, "laces": 50, "card": 400, "cart": 3, "red": 90, "bottle": 70}


def read(typed: str, *, bold: bool = False, elsewhere: int = 0) -> Understood:
    return understand(typed, read_rules(SearchRules()), Words(Vocabulary(COUNTS.items()), lambda _: elsewhere), bold)


def stems(understood: Understood) -> list[str]:
    return [need.stem for need in understood.needs]


def test_stop_words_are_left_out_but_never_all() -> None:
    assert stems(read("the shoes for running")) == ["shoe", "run"]
    assert stems(read("for the")) == ["for", "the"]


def test_a_word_counts_once() -> None:
    assert stems(read("shoes shoe Shoes")) == ["shoe"]


@pytest.mark.parametrize("typed", ["shoes without laces", "shoes no laces"])
def test_what_is_not_wanted_is_not_looked_for(typed: str) -> None:
    assert stems(read(typed)) == ["shoe"]
    assert read(typed).avoided == ("lace",)


def test_a_search_of_nothing_but_a_negation_keeps_it() -> None:
    assert stems(read("without")) == ["without"]
    assert stems(read("without laces")) == ["without", "lace"]


def test_the_thing_itself_is_the_last_word_before_what_it_is_for() -> None:
    understood = read("red shoes for running")
    assert stems(understood)[understood.head] == "shoe"
    understood = read("running shoes")
    assert stems(understood)[understood.head] == "shoe"


def test_a_word_that_nothing_has_stands_for_what_was_meant() -> None:
    understood = read("runnign shoes")
    assert stems(understood)[0] == "run"
    assert understood.needs[0].meant == "running"
    assert understood.mended == "running shoes"
    assert understood.needs[0].count == 300


def test_a_word_that_only_descriptions_have_is_kept() -> None:
    assert read("runnign", elsewhere=1).mended == ""


def test_a_rare_word_is_doubted_only_boldly() -> None:
    assert read("cart").mended == ""
    doubted = read("cart", bold=True)
    assert doubted.mended == "card"
    assert doubted.needs[0].stem == "cart"
    assert read("shoes", bold=True).mended == ""


def test_only_so_many_words_are_looked_at() -> None:
    assert len(read(" ".join(f"word{place}" for place in range(300))).needs) == MOST_WORDS
