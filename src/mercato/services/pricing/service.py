"""The manifest of pricing."""

from mercato.contracts.catalog import FiguresGiven
from mercato.contracts.pricing import GetPrices, QuoteCart, SetPrices, SetRates, TellPricesAgain
from mercato.runtime.service import Ask, Handle, Listen, Service
from mercato.runtime.setup import Setup
from mercato.services.pricing import commands, listeners, queries, storage
from mercato.services.pricing.api import ROUTES


def service(_setup: Setup) -> Service:
    """Pricing, as this process runs it."""
    return Service(
        name="pricing",
        package="mercato.services.pricing",
        tables=storage.metadata,
        handlers=(
            Handle(SetPrices, commands.set_prices),
            Handle(SetRates, commands.set_rates),
            Handle(TellPricesAgain, commands.tell_prices_again),
        ),
        asks=(
            Ask(QuoteCart, queries.quote_cart, snapshot=False, keys=(queries.prices_and_rates,)),
            Ask(GetPrices, queries.get_prices),
        ),
        listeners=(
            Listen(FiguresGiven, listeners.when_figures_are_given_set_prices, reads=listeners.prices_of_figures),
        ),
        routes=ROUTES,
    )
