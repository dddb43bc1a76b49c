"""Routes of notifications."""

from mercato.contracts.notifications import ListDeliveries
from mercato.runtime.http.routes import Route, asks

ROUTES: tuple[Route, ...] = (asks("GET", "/v1/notifications", ListDeliveries),)
