"""Routes of notifications."""

from mercato.contracts.notifications import ListDeliveries
from mercato.runtime.http.route import Route
from mercato.runtime.http.routes import asks

ROUTES: tuple[Route, ...] = (asks("GET", "/v1/notifications", ListDeliveries),)
