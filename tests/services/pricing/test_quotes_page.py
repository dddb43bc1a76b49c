"""The examples of docs/algorithms/quotes.md, computed by the code."""

from pathlib import Path

import pytest

from mercato.contracts.pricing import Rates, WantedLine
from mercato.services.pricing.domain import price_lines
from mercato.values.ids import ProductId, VariantId

PAGE = Path(__file__).parents[3] / "docs" / "algorithms" / "quotes.md"


def _examples() -> list[list[str]]:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| with")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_page_has_examples() -> None:
    assert len(_examples()) == 5


@pytest.mark.parametrize("example", _examples(), ids=" ".join)
def test_the_example_is_what_the_code_computes(example: list[str]) -> None:
    prices, rate, lines, shipping, tax, total = example
    wanted: list[WantedLine] = []
    unit_prices: dict[str, int] = {}
    for number, line in enumerate(lines.split(", ")):
        amount, quantity = map(int, line.split(" x "))
        variant = VariantId(f"var_{number}")
        unit_prices[variant] = amount
        wanted.append(WantedLine(variant, ProductId("prod_0"), "owner", "A thing", "", "", quantity, amount))
    rates = Rates("EUR", int(rate), prices == "with tax", int(shipping))
    priced = price_lines(wanted, unit_prices, rates)
    assert (priced.tax, priced.total) == (int(tax), int(total))
    added = 0 if rates.tax_included else priced.shipping_tax
    assert priced.total == sum(line.total for line in priced.lines) + priced.shipping + added
