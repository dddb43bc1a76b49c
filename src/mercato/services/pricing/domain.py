"""The arithmetic of a quote: pure, in whole minor units. docs/algorithms/quotes.md explains it with examples."""

from collections.abc import Sequence

import msgspec

from mercato.contracts.pricing import Rates, WantedLine
from mercato.values.commerce import OrderedLine
from mercato.values.money import share


class PricedLines(msgspec.Struct, frozen=True):
    """Lines with their totals and what the whole costs; `tax` contains that of shipping."""

    lines: tuple[OrderedLine, ...]
    shipping: int
    shipping_tax: int
    tax: int
    total: int


def tax_within(amount: int, millionths: int) -> int:
    """The tax that a price including it contains: amount - amount / (1 + rate), the net part rounded half to even."""
    divisor = 1_000_000 + millionths
    net, rest = divmod(amount * 1_000_000, divisor)
    if rest * 2 > divisor or (rest * 2 == divisor and net % 2):
        net += 1
    return amount - net


def tax_on(amount: int, rates: Rates) -> int:
    """The tax in `amount` where prices include it, else the tax on top of it."""
    return tax_within(amount, rates.tax_millionths) if rates.tax_included else share(amount, rates.tax_millionths)


def price_lines(wanted: Sequence[WantedLine], prices: dict[str, int], rates: Rates) -> PricedLines:
    """What the wanted lines cost at these unit prices and rates. Every price is there."""
    lines = tuple(_price_line(line, prices[line.variant_id], rates) for line in wanted)
    shipping_tax = tax_on(rates.shipping, rates)
    added = 0 if rates.tax_included else shipping_tax
    return PricedLines(
        lines=lines,
        shipping=rates.shipping,
        shipping_tax=shipping_tax,
        tax=sum(line.tax for line in lines) + shipping_tax,
        total=sum(line.total for line in lines) + rates.shipping + added,
    )


def _price_line(line: WantedLine, unit_price: int, rates: Rates) -> OrderedLine:
    amount = unit_price * line.quantity
    tax = tax_on(amount, rates)
    return OrderedLine(
        variant_id=line.variant_id,
        product_id=line.product_id,
        seller=line.seller,
        title=line.title,
        options=line.options,
        sku=line.sku,
        quantity=line.quantity,
        unit_price=unit_price,
        discount=0,
        tax=tax,
        total=amount if rates.tax_included else amount + tax,
    )
