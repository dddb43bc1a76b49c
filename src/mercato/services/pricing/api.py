"""Routes of pricing. Quotes are made by `POST /v1/cart/quote`, which belongs to carts."""

from mercato.contracts.pricing import SetPrices, SetRates
from mercato.runtime.http.route import Route
from mercato.runtime.http.routes import does

ROUTES: tuple[Route, ...] = (
    does("PUT", "/v1/prices/{product_id}", SetPrices),
    does("PUT", "/v1/rates", SetRates),
)
