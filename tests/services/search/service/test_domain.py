"""Trees of categories, entries, and what matches in the texts that shoppers see."""

from typing import NamedTuple

import pytest

from mercato.contracts.search import Mark
from mercato.services.search.domain import SNIPPET, Matching, above, below, path_of
from mercato.services.search.text.analysis import words_of


class Category(NamedTuple):
    id: str
    parent_id: str | None
    name: str


SHOES, BOOTS, HIGH, HATS = (
    Category("shoes", None, "Shoes"),
    Category("boots", "shoes", "Boots"),
    Category("high", "boots", "High boots"),
    Category("hats", None, "Hats"),
)
TREE = {each.id: each for each in (SHOES, BOOTS, HIGH, HATS)}


def matching(typed: str) -> Matching:
    words = words_of(typed)
    return Matching(words, "en", len(words))


def marked(text: str, marks: tuple[Mark, ...]) -> list[str]:
    return [text[mark.start : mark.end] for mark in marks]


def test_a_category_has_those_below_and_those_above_it() -> None:
    assert below("boots", TREE.values()) == ["boots", "high"]
    assert above("high", TREE) == [HIGH, BOOTS, SHOES]
    assert path_of("high", TREE) == "Shoes > Boots > High boots"


def test_a_tree_that_bites_its_tail_ends() -> None:
    first, second = Category("a", "b", "A"), Category("b", "a", "B")
    tree = {"a": first, "b": second}
    assert above("a", tree) == [first, second]
    assert below("a", tree.values()) == ["a", "b"]


def test_every_form_of_a_word_is_marked_and_neighbours_are_one_mark() -> None:
    text = "Running shoes, a shoe to run in"
    assert marked(text, matching("run shoes").marks(text)) == ["Running shoes", "shoe", "run"]


def test_nothing_typed_marks_nothing() -> None:
    assert matching("").of_product("Shoes", "Shoes") == ((), "", ())


def test_a_title_with_all_that_was_typed_needs_no_snippet() -> None:
    assert matching("red shoes").of_product("Red shoes", "Red shoes for walking")[1:] == ("", ())


@pytest.mark.parametrize("place", [0, 3_000, 7_900])
def test_a_snippet_stands_around_a_match_and_ends_with_whole_words(place: int) -> None:
    filling = "word " * 2_000
    text = f"{filling[:place]}waterproof {filling[place:]}"[:8_000]
    _, snippet, marks = matching("waterproof").of_product("Boots", text)
    assert marked(snippet, marks) == ["waterproof"]
    assert len(snippet) <= SNIPPET + len("…  …")
    assert set(snippet.replace("…", "").split()) <= {"word", "waterproof"}


def test_signs_of_patterns_in_what_is_typed_are_only_signs() -> None:
    assert matching("c++ (a+)+$ [x").of_product("A title", "some text")[1:] == ("", ())
