"""All services of Mercato: a new one is one line here."""

from collections.abc import Callable, Iterable

from mercato.runtime.service import Service
from mercato.runtime.setup import Setup
from mercato.services.carts.service import service as carts
from mercato.services.catalog.service import service as catalog
from mercato.services.inventory.service import service as inventory
from mercato.services.notifications.service import service as notifications
from mercato.services.orders.service import service as orders
from mercato.services.payments.service import service as payments
from mercato.services.pricing.service import service as pricing
from mercato.services.search.service import service as search
from mercato.services.stores.service import service as stores
from mercato.services.users.service import service as users

MakeService = Callable[[Setup], Service]

SERVICES: tuple[MakeService, ...] = (
    stores,
    users,
    catalog,
    pricing,
    inventory,
    carts,
    orders,
    payments,
    search,
    notifications,
)


# What is no service and may be served by a process of its own.
FACES = ("storefront",)


def service_names() -> tuple[str, ...]:
    """The names of all services, without making them."""
    return tuple(make.__module__.split(".")[-2] for make in SERVICES)


def make_services(setup: Setup, makers: Iterable[MakeService] = SERVICES) -> tuple[Service, ...]:
    return tuple(make(setup) for make in makers)
