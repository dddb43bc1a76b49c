"""What pricing does about others' events."""

from mercato.contracts.catalog import FiguresGiven
from mercato.runtime.service import Names
from mercato.runtime.transaction import Transaction
from mercato.services.pricing import storage
from mercato.services.pricing.commands import save_price
from mercato.values.commerce import PricedVariant
from mercato.values.messages import Caller


def when_figures_are_given_set_prices(tx: Transaction, event: FiguresGiven, _caller: Caller) -> None:
    for figures in event.figures:
        if figures.price is not None:
            price = PricedVariant(figures.variant_id, figures.price, figures.compare_at)
            save_price(tx, event.product_id, event.currency, price)


def prices_of_figures(event: FiguresGiven) -> Names:
    return ((storage.PRICES, [figures.variant_id for figures in event.figures]),)
