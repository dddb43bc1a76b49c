"""Which service has which routes, found out without starting anything."""

import asyncio
import tempfile
from pathlib import Path

from mercato.apps.edge.layout import STOREFRONT
from mercato.apps.edge.table import Way, ways_of
from mercato.apps.services import make_services
from mercato.apps.shop import make_parts
from mercato.frontends.storefront.assets import Assets
from mercato.frontends.storefront.mounting import PAGES
from mercato.frontends.storefront.pictures.serving import picture_routes
from mercato.runtime.http.exchange import Reply
from mercato.runtime.http.route import Route
from mercato.runtime.service import Service
from mercato.runtime.settings import Settings
from mercato.runtime.setup import Setup


def project_ways() -> tuple[Way, ...]:
    """The rows of all services, made in an empty data folder that is thrown away."""
    return asyncio.run(_make())


def routes_by_service(services: tuple[Service, ...]) -> dict[str, tuple[Route, ...]]:
    """All routes; the storefront's come last."""
    pages = tuple(
        Route(method, path, _unused, page.__name__, allow=allow, limit=limit, page=True)
        for method, path, page, allow, limit in PAGES
    )
    front = (*pages, *Assets().routes(), *picture_routes())
    return {**{service.name: service.routes for service in services}, STOREFRONT: front}


async def _make() -> tuple[Way, ...]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), access_log="off")
        parts = make_parts(settings, asyncio.get_running_loop())
        services = make_services(Setup(settings, parts))
        try:
            return ways_of(routes_by_service(services))
        finally:
            for service in services:
                if service.close is not None:
                    service.close()
            parts.pools.close()
            parts.telemetry.close()


async def _unused(*_: object) -> Reply:
    raise NotImplementedError("these rows are read, not served")
