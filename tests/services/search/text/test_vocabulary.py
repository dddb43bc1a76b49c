"""Which words there are, and which are near to what was typed."""

import random

import pytest

from mercato.services.search.text.vocabulary import Near, Vocabulary

COUNTS = {"": 100, "running": 30, "runner": 5, "run": 12, "water": 40, "proof": 20, "waterproof": 8, "shoes": 60}


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(COUNTS.items())


def test_the_empty_word_counts_the_entries(vocabulary: Vocabulary) -> None:
    assert vocabulary.entries == 100
    assert vocabulary.count("") == 0
    assert len(vocabulary) == len(COUNTS) - 1


def test_words_are_counted_once_an_entry(vocabulary: Vocabulary) -> None:
    vocabulary.add(["shoes", "boots"])
    assert vocabulary.entries == 101
    assert vocabulary.count("shoes") == 61
    assert vocabulary.count("boots") == 1
    assert vocabulary.starting("boo", 5) == (Near("boots", 1),)


def test_beginnings_give_the_most_frequent_words_first(vocabulary: Vocabulary) -> None:
    assert vocabulary.starting("run", 2) == (Near("running", 30), Near("run", 12))
    assert vocabulary.starting("xyz", 2) == ()


@pytest.mark.parametrize(
    "typo", ["runing", "runnning", "runnign", "rumning", "unning", "urnning", "runnin", "runningg"]
)
def test_one_slip_is_forgiven(vocabulary: Vocabulary, typo: str) -> None:
    assert Near("running", 30) in vocabulary.near(typo)


def test_two_slips_are_not_and_a_word_is_not_near_to_itself(vocabulary: Vocabulary) -> None:
    assert vocabulary.near("rumnimg") == []
    assert Near("running", 30) not in vocabulary.near("running")


def test_every_slip_of_every_word_is_forgiven(vocabulary: Vocabulary) -> None:
    chance = random.Random(1)  # noqa: S311 - it makes slips, and hides nothing
    letters = "aeghinoprstuw"
    for word in COUNTS:
        for _ in range(50 if word else 0):
            place = chance.randrange(len(word))
            slips = (
                word[:place] + word[place + 1 :],
                word[:place] + chance.choice(letters) + word[place:],
                word[:place] + chance.choice(letters) + word[place + 1 :],
                word[:place] + word[place + 1 : place + 2] + word[place : place + 1] + word[place + 2 :],
            )
            for slip in slips:
                assert slip == word or word in {near.word for near in vocabulary.near(slip)}


def test_a_new_word_is_near_at_once_and_its_count_is_the_latest(vocabulary: Vocabulary) -> None:
    assert vocabulary.near("zebar") == []
    for count in (1, 2):
        vocabulary.add(["zebra"])
        assert vocabulary.near("zebar") == [Near("zebra", count)]


def test_beginnings_with_a_slip_give_words_too(vocabulary: Vocabulary) -> None:
    assert vocabulary.starting_near("wtaer", 3)[0].word == "water"


def test_a_word_is_split_where_both_parts_are_words(vocabulary: Vocabulary) -> None:
    assert vocabulary.split("waterproof") == ("water", "proof")
    assert vocabulary.split("running") is None
