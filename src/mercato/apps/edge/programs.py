"""The programs that configurations can be made for."""

from collections.abc import Callable

from mercato.apps.edge.haproxy import haproxy
from mercato.apps.edge.kong import kong
from mercato.apps.edge.layout import Layout
from mercato.apps.edge.nginx import nginx
from mercato.apps.edge.table import Gate, Way, gates_of
from mercato.apps.edge.traefik import traefik

Files = dict[str, str]  # contents by name

PROGRAMS: dict[str, Callable[[tuple[Gate, ...], Layout], Files]] = {
    "nginx": nginx,
    "traefik": traefik,
    "kong": kong,
    "haproxy": haproxy,
}


def configuration(program: str, ways: tuple[Way, ...], layout: Layout) -> Files:
    """The files of a program. Raises ValueError for a layout that names a service without routes."""
    return PROGRAMS[program](gates_of(ways, layout), layout)
