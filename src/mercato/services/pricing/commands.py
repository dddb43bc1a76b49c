"""What may be changed in pricing."""

from mercato.contracts.pricing import PriceChanged, Rates, RatesChanged, SetPrices, SetRates, TellPricesAgain
from mercato.runtime.database.statements import as_list
from mercato.runtime.transaction import Transaction
from mercato.services.pricing import storage
from mercato.services.pricing.queries import price_in
from mercato.values.commerce import PricedVariant
from mercato.values.ids import ProductId, VariantId
from mercato.values.messages import Caller

MOST_PRICES = 100_000  # of the variants that are told of at once


def set_prices(tx: Transaction, command: SetPrices, _caller: Caller) -> None:
    for price in command.prices:
        save_price(tx, command.product_id, command.currency, price)


def save_price(tx: Transaction, product_id: ProductId, currency: str, price: PricedVariant) -> None:
    """Store a price and tell others, if it differs from the one that is stored."""
    known = price_in(tx, price.variant_id, currency)
    if known is not None and (known.amount, known.compare_at) == (price.amount, price.compare_at):
        return
    version = known.version + 1 if known else 1
    row = storage.PriceRow(price.variant_id, currency, product_id, price.amount, price.compare_at, version)
    if known is None:
        tx.add(storage.PRICES, row)
    else:
        tx.change(storage.PRICES, known, row)
    event = PriceChanged(price.variant_id, product_id, currency, price.amount, price.compare_at)
    tx.emit(event, price.variant_id, version)


def tell_prices_again(tx: Transaction, command: TellPricesAgain, _caller: Caller) -> None:
    for row in tx.all(storage.LIST_PRICES_OF_THESE, limit=MOST_PRICES, variant_ids=as_list(command.variant_ids)):
        event = PriceChanged(
            VariantId(row.variant_id), ProductId(row.product_id), row.currency, row.amount, row.compare_at
        )
        tx.emit(event, row.variant_id, row.version)


def set_rates(tx: Transaction, command: SetRates, _caller: Caller) -> Rates:
    rates = command.rates
    known = tx.row(storage.RATES, rates.currency)
    version = known.version + 1 if known else 1
    row = storage.RatesRow(rates.currency, rates.tax_millionths, int(rates.tax_included), rates.shipping, version)
    if known is None:
        tx.add_first(storage.RATES, row)
    else:
        tx.change(storage.RATES, known, row)
    tx.emit(RatesChanged(rates), tx.store, version)
    return rates
