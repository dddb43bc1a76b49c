"""Stems, by language."""

import pytest

from mercato.services.search.text.stems import stems_of
from mercato.services.search.text.stop_words import negations, stop_words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("running", "runs", "run")),
        ("en", ("knife", "knives")),
        ("en", ("women", "woman", "womens")),
        ("de", ("Häuser".lower(), "haus")),
        ("fr", ("chaussures", "chaussure")),
        ("es", ("zapatos", "zapato")),
    ],
)
def test_forms_of_a_word_have_one_stem(language: str, words: tuple[str, ...]) -> None:
    stem = stems_of(language).stem
    assert len({stem(word.replace("ä", "a")) for word in words}) == 1


def test_models_and_measures_are_left_alone() -> None:
    assert stems_of("en").stem("12inches") == "12inches"


def test_a_language_without_an_algorithm_changes_nothing() -> None:
    assert stems_of("xx").stem("running") == "running"
    assert stop_words("xx") == frozenset()
    assert negations("xx") == {}
