"""What the files below deploy/edge/ must say, made from the code."""

from mercato.apps.edge.layout import Layout
from mercato.apps.edge.listing import routes_by_service
from mercato.apps.edge.programs import PROGRAMS, configuration
from mercato.apps.edge.table import ways_of
from tools.check.project import with_services

# Two front-ends, two processes of catalog and of orders, one of payments; the front-ends do the rest.
LAYOUT = Layout(
    storefront=("10.0.0.11:8000", "10.0.0.12:8000"),
    services={
        "catalog": ("10.0.0.21:8000", "10.0.0.22:8000"),
        "orders": ("10.0.0.31:8000", "10.0.0.32:8000"),
        "payments": ("10.0.0.41:8000",),
    },
    listen="0.0.0.0:8080",
    host="shop.example",
)


def generated() -> dict[str, str]:
    """The content of each file, by its path below deploy/edge/."""
    ways = with_services(lambda services: ways_of(routes_by_service(services)))
    return {
        f"{program}/{name}": text for program in PROGRAMS for name, text in configuration(program, ways, LAYOUT).items()
    }
