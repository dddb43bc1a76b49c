"""What may be asked of pricing."""

from mercato.contracts.pricing import (
    QUOTE_LIFE,
    EmptyCart,
    GetPrices,
    NotForSale,
    PriceRose,
    Quote,
    QuoteCart,
    Quoted,
    Rates,
)
from mercato.runtime.access.sealed import seal
from mercato.runtime.database.statements import as_list
from mercato.runtime.reader import Reader
from mercato.runtime.service import Names
from mercato.services.pricing import storage
from mercato.services.pricing.domain import price_lines
from mercato.values.commerce import PricedVariant
from mercato.values.ids import StoreId, VariantId
from mercato.values.messages import Caller, Forbidden


def quote_cart(reader: Reader, query: QuoteCart, caller: Caller) -> Quoted:
    if not caller.is_staff and query.buyer != caller.buyer:
        raise Forbidden("a quote is for the caller's own cart")
    if not query.lines:
        raise EmptyCart
    prices = _prices(reader, query)
    missing = [line.variant_id for line in query.lines if line.variant_id not in prices]
    if missing:
        raise NotForSale(variant_ids=missing)
    risen = {
        line.variant_id: prices[line.variant_id]
        for line in query.lines
        if prices[line.variant_id] > line.accepted_price
    }
    if risen:
        raise PriceRose(prices=risen, currency=query.currency)
    rates = _rates(reader, query.currency)
    priced = price_lines(query.lines, prices, rates)
    quote = Quote(
        store=StoreId(caller.store),
        buyer=query.buyer,
        cart_id=query.cart_id,
        cart_version=query.cart_version,
        currency=query.currency,
        lines=priced.lines,
        shipping=priced.shipping,
        shipping_tax=priced.shipping_tax,
        tax=priced.tax,
        tax_included=rates.tax_included,
        total=priced.total,
        destination=query.destination,
        expires_at=reader.now + QUOTE_LIFE,
    )
    return Quoted(quote, seal(reader.keyring, "quote", quote))


def get_prices(reader: Reader, query: GetPrices, _caller: Caller) -> tuple[PricedVariant, ...]:
    rows = reader.all(storage.LIST_PRICES, currency=query.currency, variant_ids=as_list(query.variant_ids))
    return tuple(PricedVariant(VariantId(row.variant_id), row.amount, row.compare_at) for row in rows)


def prices_and_rates(_reader: Reader, query: QuoteCart, _caller: Caller) -> Names:
    ids = [line.variant_id for line in query.lines]
    return ((storage.PRICES, ids), (storage.RATES, (query.currency,)))


def price_in(reader: Reader, variant_id: str, currency: str) -> storage.PriceRow | None:
    """What a variant costs in a currency."""
    return next((row for row in reader.rows(storage.PRICES, variant_id) if row.currency == currency), None)


def _prices(reader: Reader, query: QuoteCart) -> dict[str, int]:
    """Unit prices by variant."""
    found = (price_in(reader, line.variant_id, query.currency) for line in query.lines)
    return {row.variant_id: row.amount for row in found if row is not None}


def _rates(reader: Reader, currency: str) -> Rates:
    """The rates of a store; without any, prices include no tax and shipping is free."""
    row = reader.row(storage.RATES, currency)
    if row is None:
        return Rates(currency, 0, True, 0)
    return Rates(currency, row.tax_millionths, bool(row.tax_included), row.shipping)
