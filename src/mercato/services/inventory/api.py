"""Routes of inventory."""

from mercato.contracts.inventory import AdjustStock, GetStock
from mercato.runtime.http.routes import Route, asks, does

ROUTES: tuple[Route, ...] = (
    does("POST", "/v1/inventory/{variant_id}", AdjustStock),
    asks("GET", "/v1/inventory/{variant_id}", GetStock),
)
