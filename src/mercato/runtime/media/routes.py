"""How media are served, and how uploads to the folder come in.

What is shown was made by us, and is served as if it were not: no page can be made of it, nothing in it can run (S52).
"""

import re
from urllib.parse import urlsplit

import msgspec

from mercato.runtime.http.edge import Edge, host_name
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Endpoint, Route
from mercato.runtime.media.folder import UPLOADS, FolderMedia
from mercato.runtime.media.opening import public_origin
from mercato.runtime.media.store import LARGEST, PATH, MediaFault, MediaStore, UploadRefused, UploadTooLarge
from mercato.runtime.settings import Settings
from mercato.values.messages import Caller, NotFound, Unavailable

FOREVER = b"public, max-age=31536000, immutable"
FORWARDED = b"public, max-age=3600"

TYPES = {"webp": b"image/webp", "jpg": b"image/jpeg"}

_NAME = re.compile(r"([0-9a-f]{32})\.([a-z]{3,4})")
_STORE = re.compile(r"[A-Za-z0-9_-]{1,48}")
_HARMLESS = (
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"content-disposition", b"attachment"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
_CORS = (
    (b"access-control-allow-origin", b"*"),  # the ticket is the right, and no cookie is looked at
    (b"access-control-allow-methods", b"PUT"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-max-age", b"86400"),
)


class UploadQuery(msgspec.Struct, frozen=True):
    ticket: str


def media_routes(media: MediaStore, settings: Settings) -> tuple[Route, ...]:
    """The routes of this store of media. Only the folder takes uploads here."""
    served = _serve_of(media, settings)
    shown = Route("GET", PATH + "{store}/{name}", served, "Media", limit="none")
    if not isinstance(media, FolderMedia):
        return (shown,)
    upload = Route(
        "PUT",
        UPLOADS,
        _receive_of(media),
        "UploadFile",
        query=UploadQuery,
        refusals=(UploadRefused, UploadTooLarge, Unavailable),
        limit="write",
        description="Send the bytes of a file, as the upload that was asked for says.",
        streams=True,
        max_body=LARGEST,
    )
    return (
        shown,
        upload,
        Route("OPTIONS", UPLOADS, _allow, "UploadOptions", limit="none", hidden=True),
    )


def _serve_of(media: MediaStore, settings: Settings) -> Endpoint:
    origin = public_origin(settings.media_url)
    own = isinstance(media, FolderMedia)
    host = (urlsplit(origin).hostname or "") if origin else ""

    async def serve(_edge: Edge, request: Request, _caller: Caller) -> Reply:
        store, found = request.params["store"], _NAME.fullmatch(request.params["name"])
        if found is None or found[2] not in TYPES or not _STORE.fullmatch(store):
            raise NotFound("there is no such picture")
        key = f"{store}/{found[0]}"
        if origin and not (own and host_name(request.headers.get(b"host", b"")) == host):
            return _forward(media.url_of(key))
        etag = f'"{found[1]}"'.encode()
        if request.headers.get(b"if-none-match") == etag:
            return _shown(Reply(304, headers=((b"etag", etag),)))
        try:
            content = await media.get(key)
        except MediaFault as error:
            raise Unavailable("the store of media does not answer") from error
        return _shown(Reply(200, content, TYPES[found[2]], ((b"etag", etag),)))

    return serve


def _receive_of(media: FolderMedia) -> Endpoint:
    async def receive(_edge: Edge, request: Request, _caller: Caller) -> Reply:
        ticket = request.query_values().get("ticket", "")
        await media.receive(ticket, request.header(b"content-type"), request.stream())
        return Reply(204, headers=_CORS[:1])

    return receive


async def _allow(_edge: Edge, _request: Request, _caller: Caller) -> Reply:
    """What a browser asks before it sends a file from a page of another origin."""
    return Reply(204, headers=_CORS)


def _forward(url: str) -> Reply:
    """To the origin of its own; the shop's own never serves it."""
    reply = Reply(302, headers=((b"location", url.encode()),))
    reply.cache_control = FORWARDED
    return reply


def _shown(reply: Reply) -> Reply:
    reply.headers = (*reply.headers, *_HARMLESS)
    reply.cache_control = FOREVER
    return reply
