"""What an order takes out of a cart that was changed before its lock, and what comes back when it is cancelled."""

import msgspec
import pytest

from mercato.services.carts import domain
from mercato.services.carts.domain import CartDocument, Offer
from mercato.values.commerce import OrderedLine
from mercato.values.ids import BuyerId, OrderId, ProductId, VariantId

ORDER = OrderId("ord_one")


def offer(name: str, currency: str = "EUR") -> Offer:
    return Offer(VariantId(name), ProductId("prod"), "", "Shirt", "S", "", "shirt", "", currency, 1_000)


def ordered(name: str, quantity: int) -> OrderedLine:
    return OrderedLine(
        VariantId(name), ProductId("prod"), "", "Shirt", "S", "", quantity, 1_000, 0, 0, 1_000 * quantity
    )


@pytest.fixture
def cart() -> CartDocument:
    return domain.add(CartDocument(buyer=BuyerId("usr_ann")), offer("var_a"), 2)


def test_a_cart_that_was_emptied_by_its_order_comes_back_with_its_currency(cart: CartDocument) -> None:
    taken = domain.take_out(cart, ORDER, (ordered("var_a", 2),))
    assert (taken.lines, taken.currency) == ((), "")
    assert domain.reopen(taken, ORDER) == cart


def test_lines_of_another_currency_do_not_come_back(cart: CartDocument) -> None:
    taken = domain.take_out(cart, ORDER, (ordered("var_a", 2),))
    refilled = domain.add(taken, offer("var_b", "USD"), 1)
    reopened = domain.reopen(refilled, ORDER)
    assert reopened == msgspec.structs.replace(refilled, taken={})


def test_what_comes_back_joins_what_is_there_now(cart: CartDocument) -> None:
    taken = domain.take_out(cart, ORDER, (ordered("var_a", 1),))
    reopened = domain.reopen(domain.add(taken, offer("var_b"), 3), ORDER)
    assert [(line.variant_id, line.quantity) for line in reopened.lines] == [("var_a", 2), ("var_b", 3)]
