"""Texts become words that are equal where they mean the same."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mercato.services.search.text.analysis import LONGEST_TEXT, analyse, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Women's RUNNING shoes", ["women", "running", "shoes"]),
        ("L'Oréal", ["loreal"]),
        ("12 oz", ["12oz"]),
        ("12oz", ["12oz"]),
        ("12 ounces", ["12oz"]),
        ("12-ounce", ["12oz"]),
        ('24"', ["24inch"]),
        ("24 inches", ["24inch"]),
        ("24-in", ["24inch"]),
        ("24 in stock", ["24", "in", "stock"]),
        ("1.5 litres", ["1.5l"]),
        ("1,5 l", ["1.5l"]),
        ("1,000 count", ["1000count"]),
        ("1/2 inch", ["1/2inch"]),
        ("XXL", ["2xl"]),
        ("2XL", ["2xl"]),
        ("xx-large", ["2xl"]),
        ("x large", ["xl"]),
        ("5xl", ["5xl"]),
        ("T-shirt", ["t", "shirt"]),
        ("AC/DC", ["ac", "dc"]),
        ("", []),
        ("!?*", []),
        ("\x00\x01", []),
    ],
)
def test_a_text_becomes_its_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("T-shirt", "tshirt"),
        ("WH-1000XM4", "wh1000xm4"),
        ("WH-1000XM4", "1000"),
        ("WH-1000XM4", "xm4"),
        ("wi-fi", "wifi"),
        ("12 oz", "12"),
    ],
)
def test_a_text_is_found_by_other_forms_too(text: str, form: str) -> None:
    assert form in analyse(text).forms


@pytest.mark.parametrize("text", ["Red shoes", "Café L'Oréal 12 oz, T-shirt", '24" x 1,000', "靴と鞄 red"])
def test_each_word_says_where_it_stands(text: str) -> None:
    places = [(word.start, word.end) for word in analyse(text).words]
    assert places == sorted(places)
    assert all(0 <= start < end <= len(text) for start, end in places)


def test_a_compound_says_how_many_words_it_has() -> None:
    assert [word.compound for word in analyse("a wh-1000xm4 b").words] == [0, 2, 1, 0]


def test_only_so_much_of_a_text_is_looked_at() -> None:
    assert len(words_of("ab " * LONGEST_TEXT)) == -(-LONGEST_TEXT // 3)


def test_scripts_without_spaces_become_pairs() -> None:
    assert words_of("運動靴") == ["運動", "動靴"]


@given(st.text(max_size=300))
@example("\u00de\u3400")  # folded it is longer
def test_any_text_can_be_analysed(text: str) -> None:
    found = analyse(text)
    assert all(word.text and not any(letter.isspace() for letter in word.text) for word in found.words)
    assert all(0 <= word.start < word.end <= len(text) for word in found.words)
    assert all(form and not any(letter.isspace() for letter in form) for form in found.forms)
    assert analyse(text) == found


@given(st.text(max_size=100))
def test_case_changes_no_ascii_word(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    assert words_of(plain.upper()) == words_of(plain.lower())
