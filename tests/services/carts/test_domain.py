"""A guest's cart joins a user's: each of its lines once, however often that is done."""

import pytest
from msgspec.structs import replace

from mercato.contracts.carts import CartLocked
from mercato.services.carts.domain import CartDocument, Line, Merged, empty, merge
from mercato.values.ids import BuyerId, CartId, ProductId, VariantId

WHICH = Merged(CartId("crt_guest"), 3)


def line(variant: str, quantity: int) -> Line:
    return Line(VariantId(variant), ProductId("prod"), "", "Shirt", "", "", "shirt", "", quantity, 1_000)


def cart(*lines: Line, currency: str = "EUR") -> CartDocument:
    return CartDocument(BuyerId("usr_ann"), currency if lines else "", lines)


GUEST = replace(cart(line("a", 2), line("b", 1)), buyer=BuyerId("gst_one"))


def test_lines_are_added_to_those_that_are_there() -> None:
    merged = merge(cart(line("a", 1), line("c", 5)), GUEST, WHICH)
    assert merged.lines == (line("a", 3), line("c", 5), line("b", 1))
    assert (merged.buyer, merged.currency, merged.merged) == ("usr_ann", "EUR", WHICH)


def test_the_same_cart_of_a_guest_adds_nothing_a_second_time() -> None:
    once = merge(cart(line("a", 1)), GUEST, WHICH)
    assert merge(once, GUEST, WHICH) == once
    changed = replace(once, lines=(line("b", 9),))
    assert merge(changed, GUEST, WHICH) == changed


def test_the_same_cart_with_other_lines_is_added() -> None:
    once = merge(cart(), GUEST, WHICH)
    later = replace(WHICH, version=5)
    twice = merge(once, replace(GUEST, lines=(line("a", 4),)), later)
    assert (twice.lines, twice.merged) == ((line("a", 6), line("b", 1)), later)


def test_an_empty_cart_of_a_guest_leaves_no_trace() -> None:
    before = cart(line("a", 1))
    assert merge(before, empty(GUEST), WHICH) == before


def test_a_cart_in_another_currency_is_left_out() -> None:
    before = cart(line("a", 1), currency="USD")
    assert merge(before, GUEST, WHICH) == before


def test_a_locked_cart_takes_nothing() -> None:
    with pytest.raises(CartLocked):
        merge(replace(cart(line("a", 1)), locked_by="ord_one"), GUEST, WHICH)
