"""Routes of inventory."""

from mercato.contracts.inventory import AdjustStock, GetStock
from mercato.runtime.http.route import Route
from mercato.runtime.http.routes import asks, does

ROUTES: tuple[Route, ...] = (
    does("POST", "/v1/inventory/{variant_id}", AdjustStock),
    asks("GET", "/v1/inventory/{variant_id}", GetStock),
)
