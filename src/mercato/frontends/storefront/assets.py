"""Files that every page needs: served from the package under names that change with their content."""

import hashlib
from importlib.resources import files

from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.values.messages import Caller, NotFound

FOREVER = b"public, max-age=31536000, immutable"

_TYPES = {"css": b"text/css; charset=utf-8", "svg": b"image/svg+xml"}


class Assets:
    """`addresses` has for each file name the path where it is served."""

    def __init__(self) -> None:
        self._contents: dict[str, tuple[bytes, bytes]] = {}
        self.addresses: dict[str, str] = {}
        for entry in (files("mercato.frontends.storefront") / "static").iterdir():
            stem, _, suffix = entry.name.rpartition(".")
            if stem and suffix in _TYPES:
                content = entry.read_bytes()
                name = f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"
                self._contents[name] = (content, _TYPES[suffix])
                self.addresses[entry.name] = f"/static/{name}"

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/static/{name}", self._serve, "Asset", limit="none"),)

    async def _serve(self, _edge: Edge, request: Request, _caller: Caller) -> Reply:
        found = self._contents.get(request.params["name"])
        if found is None:
            raise NotFound("there is no such file")
        content, content_type = found
        return forever(Reply(200, content, content_type))


def forever(reply: Reply) -> Reply:
    """A reply that is the same for ever: a new content has a new address."""
    reply.cache_control = FOREVER
    return reply
