"""Counts of engines as shoppers see them."""

from itertools import pairwise

from mercato.services.search.domain import Filters
from mercato.services.search.finding.facets import is_filtered, shown, without


def test_a_facet_is_counted_without_its_own_filter() -> None:
    filters = Filters({"brand": ("A",), "option.size": ("1",)}, price=(1, 2), rating=300, in_stock=True)
    assert without(filters, "brand") == Filters({"option.size": ("1",)}, price=(1, 2), rating=300, in_stock=True)
    assert without(filters, "price").price == (None, None)
    assert without(filters, "rating").rating == 0
    assert not without(filters, "in_stock").in_stock
    assert is_filtered(filters, "price")
    assert not is_filtered(filters, "seller")


def test_prices_become_few_ranges_without_gaps() -> None:
    counts = tuple((str(low), 10) for low in (0, 100, 200, 400, 1_000, 2_000, 5_000))
    ranges = shown({"price": counts})["price"]
    assert 1 < len(ranges) <= 7
    assert sum(count for _, count in ranges) == 70
    limits = [text.split("-") for text, _ in ranges]
    assert limits[0][0] == ""
    assert limits[-1][1] == ""
    assert all(int(upper) + 1 == int(lower) for (_, upper), (lower, _) in pairwise(limits))


def test_one_range_is_none() -> None:
    assert shown({"price": (("1000", 5),)})["price"] == ()


def test_stars_count_what_has_so_many_or_more() -> None:
    assert shown({"rating": (("400", 3), ("200", 2))})["rating"] == (("4", 3), ("3", 3), ("2", 5), ("1", 5))


def test_stock_is_yes_or_no() -> None:
    assert shown({"in_stock": (("1", 3), ("0", 2))})["in_stock"] == (("true", 3), ("false", 2))
