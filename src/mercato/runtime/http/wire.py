"""A reply as it leaves: pairs for ASGI, bytes for the lane. Both say the same; a generated test compares them."""

from functools import lru_cache
from http import HTTPStatus

from mercato.runtime.http.exchange import Reply

Pairs = list[tuple[bytes, bytes]]

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_BODILESS = (204, 304)

_API: Pairs = [(b"x-content-type-options", b"nosniff")]
_PAGE: Pairs = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
_SOURCES = (
    b"default-src 'none'; img-src 'self' https: data:%b; style-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)


def header_pairs(reply: Reply) -> Pairs:
    """All headers of a finished reply but those of the server, such as the date."""
    pairs: Pairs = []
    if reply.status not in _BODILESS:
        pairs += ((b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body)))
    fixed = _fixed(reply.cache_control, reply.images, page=reply.page)
    return [*pairs, *reply.headers, *fixed, (b"x-request-id", reply.request.encode())]


def header_lines(reply: Reply) -> bytes:
    """The same as lines; the last one, `x-request-id`, still without its value."""
    lines = _fixed_lines(reply.cache_control, reply.images, reply.page)
    for pair in reply.headers:
        lines = b"%b: %b\r\n%b" % (*pair, lines)
    if reply.status in _BODILESS:
        return lines
    return b"content-type: %b\r\ncontent-length: %d\r\n%b" % (reply.content_type, len(reply.body), lines)


def whole(beginning: bytes, reply: Reply, *, closing: bool) -> bytes:
    """A finished reply from its first to its last byte. `closing`: it is the last one of its connection."""
    ending = b"\r\nconnection: close\r\n\r\n" if closing else b"\r\n\r\n"
    body = b"" if reply.status in _BODILESS else reply.body
    return b"".join((beginning, header_lines(reply), reply.request.encode(), ending, body))


class Beginnings:
    """Status line and the server's own headers. The server makes these once a second, so they are joined only then."""

    def __init__(self) -> None:
        self._server_headers: Pairs = []
        self._by_status: dict[int, bytes] = {}

    def of(self, status: int, server_headers: Pairs) -> bytes:
        if server_headers is not self._server_headers:
            self._server_headers = server_headers
            self._by_status.clear()
        beginning = self._by_status.get(status)
        if beginning is None:
            lines = (b"%b: %b\r\n" % pair for pair in server_headers)
            beginning = self._by_status[status] = _STATUS_LINES[status] + b"".join(lines)
        return beginning


def _fixed(cache_control: bytes | None, images: bytes, *, page: bool) -> Pairs:
    caching = (b"cache-control", b"no-store" if cache_control is None else cache_control)
    if not page:
        return [caching, *_API]
    return [caching, *_PAGE, (b"content-security-policy", _SOURCES % (b" " + images if images else b""))]


@lru_cache(maxsize=64)
def _fixed_lines(cache_control: bytes | None, images: bytes, page: bool) -> bytes:
    return b"".join(b"%b: %b\r\n" % pair for pair in _fixed(cache_control, images, page=page)) + b"x-request-id: "
