"""Products that are generated, and slips that are made."""

import random
from itertools import islice

from benchmarks.search.catalogue import Catalogue
from benchmarks.search.typos import make_cases, slip


def test_the_same_seed_gives_the_same_products_in_any_number() -> None:
    few, more = list(Catalogue(3).entries(5)), list(Catalogue(3).entries(20))
    assert few == more[:5]
    assert few != list(Catalogue(4).entries(5))
    assert len({entry.id for entry in more}) == 20


def test_searches_have_one_word_or_two_of_a_product() -> None:
    typed = list(islice(Catalogue(3).typed(), 40))
    assert [len(text.split()) for text in typed] == [1, 2] * 20


def test_a_slip_changes_a_word_by_one_letter() -> None:
    chance = random.Random(1)  # noqa: S311 - it makes slips, and hides nothing
    for _ in range(300):
        made = slip(chance, "running")
        assert made != "running"
        assert abs(len(made) - len("running")) <= 1


def test_cases_mistype_a_long_word_of_a_title() -> None:
    for case in make_cases(list(Catalogue(3).entries(50)), 20, seed=1):
        assert len(case.word) >= 5
        assert case.word in case.title
        assert case.other in case.title
        assert case.typo in case.in_title(case.typo).split()
