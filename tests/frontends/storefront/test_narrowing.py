"""What the address of a list asks for, and the chips that take it back."""

import pytest

from mercato.contracts.search import Facet, FacetValue, Mark
from mercato.frontends.storefront.formats import Formats
from mercato.frontends.storefront.narrowing import (
    Labels,
    Narrowed,
    address_of,
    chips_of,
    groups_of,
    parts_of,
    read_narrowed,
)
from mercato.values.messages import Malformed

LABELS = Labels(Formats("en"), "EUR")


def test_an_address_asks_for_what_was_typed_and_for_filters() -> None:
    pairs = [("q", " red\x00 shoes "), ("brand", "A"), ("brand", "B"), ("option.Size", "42"), ("price", "1000-1999")]
    narrowed = read_narrowed([*pairs, ("notice", "added"), ("brand", "A"), ("in_stock", ""), ("option.", "x")])
    query = narrowed.search(limit=5)
    assert (query.q, query.brand, query.options) == ("red  shoes", ("A", "B"), {"Size": ("42",)})
    assert (query.price_min, query.price_max, query.in_stock, query.limit) == (1_000, 1_999, False, 5)


@pytest.mark.parametrize(
    ("price", "limits"), [("-999", (None, 999)), ("1000-", (1_000, None)), ("1000-1999", (1_000, 1_999))]
)
def test_a_price_is_a_range_with_one_side_or_two(price: str, limits: tuple[int | None, int | None]) -> None:
    query = Narrowed("", (("price", price),)).search()
    assert (query.price_min, query.price_max) == limits


@pytest.mark.parametrize("filters", [("price", "-"), ("price", "cheap"), ("rating", "9"), ("in_stock", "perhaps")])
def test_what_nobody_can_choose_is_refused(filters: tuple[str, str]) -> None:
    with pytest.raises(Malformed):
        Narrowed("", (filters,)).search()


def test_of_a_filter_of_which_there_may_be_one_the_first_counts() -> None:
    assert read_narrowed([("rating", "3"), ("rating", "4")]).filters == (("rating", "3"),)


def test_a_chip_leads_to_the_list_without_its_filter() -> None:
    facets = (Facet("category", "Category", (FacetValue("cat_1", "Shoes", 3, chosen=True),)),)
    narrowed = Narrowed("red", (("category", "cat_1"), ("price", "-999"), ("option.size", "4 2")))
    chips = chips_of(narrowed, facets, LABELS, "/search", (("q", "red"), ("sort", "")))
    assert [(chip.name, chip.text, chip.address) for chip in chips] == [
        ("Category", "Shoes", "/search?q=red&price=-999&option.size=4+2"),
        ("Price", "up to €9.99", "/search?q=red&category=cat_1&option.size=4+2"),
        ("Size", "4 2", "/search?q=red&category=cat_1&price=-999"),
    ]


def test_a_facet_that_narrows_nothing_is_not_shown() -> None:
    one = Facet("brand", "Brand", (FacetValue("A", "A", 3),))
    two = Facet("option.size", "Size", (FacetValue("S", "S", 2), FacetValue("M", "M", 1)))
    stock = Facet("in_stock", "In stock", (FacetValue("true", "true", 2), FacetValue("false", "false", 1)))
    prices = Facet("price", "Price", (FacetValue("-999", "", 2), FacetValue("1000-", "", 1)))
    groups = groups_of((one, two, stock, prices), Narrowed("", (("option.size", "M"),)), LABELS)
    assert [(group.name, group.single) for group in groups] == [
        ("option.size", False),
        ("in_stock", False),
        ("price", True),
    ]
    assert [(each.text, each.count, each.chosen) for each in groups[0].choices] == [("S", 2, False), ("M", 1, True)]
    assert [each.text for each in groups[1].choices] == ["In stock"]
    assert [each.text for each in groups[2].choices] == ["up to €9.99", "€10.00 and more"]
    chosen = Narrowed("", (("brand", "A"),))
    assert [group.name for group in groups_of((one,), chosen, LABELS)] == ["brand"]


def test_a_text_is_cut_where_its_marks_are() -> None:
    assert parts_of("Red shoes", (Mark(4, 9),)) == (("Red ", False), ("shoes", True))
    assert parts_of("Red", (Mark(0, 3),)) == (("Red", True),)
    assert parts_of("", ()) == ()


def test_an_address_has_no_parameters_that_say_nothing() -> None:
    assert address_of("/search", ("q", ""), ("sort", "")) == "/search"
    assert address_of("/search", ("q", "a&b")) == "/search?q=a%26b"
