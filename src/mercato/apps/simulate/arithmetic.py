"""The figures of a quote worked out a second time, in fractions, from the rates that its store began with."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mercato.contracts.pricing import Rates


def differences(quote: Any, rates: Rates) -> Iterator[str]:
    """What of a quote is not as it must be, a sentence each (I8)."""
    for line in quote["lines"]:
        amount = line["unit_price"] * line["quantity"] - line["discount"]
        tax = tax_of(amount, rates)
        if (line["tax"], line["total"]) != (tax, amount + _added(tax, rates)):
            yield f"a line over {amount} has {line['tax']} tax and costs {line['total']}, the tax is {tax}"
    tax = tax_of(rates.shipping, rates)
    if (quote["shipping"], quote["shipping_tax"]) != (rates.shipping, tax):
        yield f"shipping is {quote['shipping']} with {quote['shipping_tax']} tax, not {rates.shipping} with {tax}"
    total = sum(line["total"] for line in quote["lines"]) + rates.shipping + _added(tax, rates)
    if quote["total"] != total:
        yield f"its total is {quote['total']}, its lines and shipping make {total}"
    if quote["tax"] != sum(line["tax"] for line in quote["lines"]) + tax:
        yield f"its tax is {quote['tax']}, which is not that of its lines and shipping"


def tax_of(amount: int, rates: Rates) -> int:
    """The tax in an amount, or on top of it; what is rounded, half to even, is the net amount or the tax."""
    rate = Fraction(rates.tax_millionths, 1_000_000)
    return amount - round(amount / (1 + rate)) if rates.tax_included else round(amount * rate)


def _added(tax: int, rates: Rates) -> int:
    return 0 if rates.tax_included else tax
