"""A guest's cart joins a user's: each of its lines once, however often that is done."""

import pytest
from msgspec.structs import replace

from mercato.contracts.carts import CartLocked
from mercato.services.carts.domain import CartDocument, Line, Merged, empty, hand_over, merge
from mercato.values.ids import BuyerId, CartId, ProductId, VariantId

GUEST_ID = CartId("cart_one")


def line(variant: str, quantity: int) -> Line:
    return Line(VariantId(variant), ProductId("prod"), "", "Shirt", "", "", "shirt", "", quantity, 1_000)


def cart(*lines: Line, currency: str = "EUR") -> CartDocument:
    return CartDocument(BuyerId("usr_ann"), currency if lines else "", lines)


GUEST = replace(cart(line("a", 2), line("b", 1)), buyer=BuyerId("gst_one"))


def test_lines_are_added_to_those_that_are_there() -> None:
    merged = merge(cart(line("a", 1), line("c", 5)), GUEST, GUEST_ID)
    assert merged.lines == (line("a", 3), line("c", 5), line("b", 1))
    assert (merged.buyer, merged.currency) == ("usr_ann", "EUR")
    assert merged.merged == Merged(GUEST_ID, 0, {VariantId("a"): 2, VariantId("b"): 1})


def test_the_same_cart_of_a_guest_adds_nothing_a_second_time() -> None:
    once = merge(cart(line("a", 1)), GUEST, GUEST_ID)
    assert merge(once, GUEST, GUEST_ID) == once
    changed = replace(once, lines=(line("b", 9),))
    assert merge(changed, GUEST, GUEST_ID) == changed


def test_what_a_guest_has_added_meanwhile_is_added() -> None:
    once = merge(cart(), GUEST, GUEST_ID)
    twice = merge(once, replace(GUEST, lines=(line("a", 5), line("c", 1))), GUEST_ID)
    assert twice.lines == (line("a", 5), line("b", 1), line("c", 1))
    thrice = merge(twice, replace(GUEST, lines=(line("a", 5), line("b", 2))), GUEST_ID)
    assert thrice.lines == (line("a", 5), line("b", 2), line("c", 1))


def test_what_a_guest_adds_after_the_cart_was_handed_over_is_added() -> None:
    once = merge(cart(), GUEST, GUEST_ID)
    later = hand_over(GUEST)
    assert (later.lines, later.currency, later.handed_over) == ((), "", 1)
    twice = merge(once, replace(later, lines=(line("a", 2),), currency="EUR"), GUEST_ID)
    assert twice.lines == (line("a", 4), line("b", 1))
    assert twice.merged == Merged(GUEST_ID, 1, {VariantId("a"): 2})


def test_another_cart_is_added_as_a_whole() -> None:
    once = merge(cart(), GUEST, GUEST_ID)
    assert merge(once, GUEST, CartId("cart_two")).lines == (line("a", 4), line("b", 2))


def test_an_empty_cart_of_a_guest_leaves_no_trace() -> None:
    before = cart(line("a", 1))
    assert merge(before, empty(GUEST), GUEST_ID) == before


def test_a_cart_in_another_currency_is_left_out() -> None:
    before = cart(line("a", 1), currency="USD")
    assert merge(before, GUEST, GUEST_ID) == before


def test_a_locked_cart_takes_nothing() -> None:
    with pytest.raises(CartLocked):
        merge(replace(cart(line("a", 1)), locked_by="ord_one"), GUEST, GUEST_ID)
