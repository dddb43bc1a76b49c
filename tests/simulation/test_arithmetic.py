"""The second look at a quote's figures agrees with the first, and sees each figure that is not right."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.apps.simulate.arithmetic import differences
from mercato.contracts.pricing import Rates, WantedLine
from mercato.services.pricing.domain import price_lines
from mercato.values.ids import ProductId, VariantId

RATES = (Rates("EUR", 190_000, True, 490), Rates("JPY", 81_000, False, 333))


def quoted(rates: Rates, lines: list[tuple[int, int]]) -> Any:
    """What pricing makes of pairs of price and quantity, as a client reads it."""
    wanted = [
        WantedLine(VariantId(f"var_{place}"), ProductId("prod"), "owner", "", "", "", quantity, price)
        for place, (price, quantity) in enumerate(lines)
    ]
    prices = {f"var_{place}": price for place, (price, _) in enumerate(lines)}
    return msgspec.to_builtins(price_lines(wanted, prices, rates))


@given(
    st.sampled_from(RATES),
    st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 1_000)), min_size=1, max_size=4),
)
def test_pricing_and_the_simulator_agree(rates: Rates, lines: list[tuple[int, int]]) -> None:
    assert list(differences(quoted(rates, lines), rates)) == []


@pytest.mark.parametrize("rates", RATES, ids=lambda rates: rates.currency)
@pytest.mark.parametrize("figure", ["shipping", "shipping_tax", "tax", "total"])
def test_a_figure_that_is_wrong_is_seen(rates: Rates, figure: str) -> None:
    quote = quoted(rates, [(1_999, 3), (1_001, 2)])
    quote[figure] += 1
    assert list(differences(quote, rates)) != []


@pytest.mark.parametrize("figure", ["tax", "total", "discount"])
def test_a_line_that_is_wrong_is_seen(figure: str) -> None:
    quote = quoted(RATES[0], [(1_999, 3)])
    quote["lines"][0][figure] += 1
    assert len(list(differences(quote, RATES[0]))) >= 1
