"""What may be changed in pricing."""

from mercato.contracts.pricing import PriceChanged, Rates, RatesChanged, SetPrices, SetRates
from mercato.runtime.transaction import Transaction
from mercato.services.pricing import storage
from mercato.values.commerce import PricedVariant
from mercato.values.ids import ProductId
from mercato.values.messages import Caller


def set_prices(tx: Transaction, command: SetPrices, _caller: Caller) -> None:
    for price in command.prices:
        save_price(tx, command.product_id, command.currency, price)


def save_price(tx: Transaction, product_id: ProductId, currency: str, price: PricedVariant) -> None:
    """Store a price and tell others, if it differs from the one that is stored."""
    known = tx.one(storage.FIND_PRICE, variant_id=price.variant_id, currency=currency)
    if known is not None and (known.amount, known.compare_at) == (price.amount, price.compare_at):
        return
    version = known.version + 1 if known else 1
    tx.defer(
        storage.SAVE_PRICE,
        variant_id=price.variant_id,
        currency=currency,
        product_id=product_id,
        amount=price.amount,
        compare_at=price.compare_at,
        version=version,
    )
    event = PriceChanged(price.variant_id, product_id, currency, price.amount, price.compare_at)
    tx.emit(event, price.variant_id, version)


def set_rates(tx: Transaction, command: SetRates, _caller: Caller) -> Rates:
    rates = command.rates
    known = tx.one(storage.FIND_RATES, currency=rates.currency)
    version = known.version + 1 if known else 1
    tx.defer(
        storage.SAVE_RATES,
        currency=rates.currency,
        tax_millionths=rates.tax_millionths,
        tax_included=int(rates.tax_included),
        shipping=rates.shipping,
        version=version,
    )
    tx.emit(RatesChanged(rates), tx.store, version)
    return rates
