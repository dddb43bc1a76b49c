"""A request and its reply, the same for both dispatchers."""

from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from mercato.runtime.answers import Answer, encode, problem
from mercato.values.messages import Malformed, Refusal

JSON = b"application/json"
PROBLEM = b"application/problem+json"
HTML = b"text/html; charset=utf-8"
TEXT = b"text/plain; charset=utf-8"

LOWEST_REFUSAL = 400

MAX_BODY = 1 << 20
MAX_QUERY = 8_192


async def _nothing_more() -> AsyncIterator[bytes]:
    """The stream of a body that was read before."""
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


class Request:
    """A whole request. Header names are lower case; `path` has no store prefix; `params` are those of the route.

    Where the route streams, `body` is empty and `stream()` gives the parts as they come, once.
    """

    __slots__ = ("body", "handle", "headers", "id", "method", "params", "path", "peer", "query", "started", "stream")

    def __init__(
        self, method: str, path: str, query: bytes, headers: dict[bytes, bytes], body: bytes, peer: str
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
        self.params: dict[str, str] = {}
        self.id = ""
        self.handle = ""
        self.started = 0.0
        self.stream: Callable[[], AsyncIterator[bytes]] = _nothing_more

    def header(self, name: bytes) -> str:
        """A header's value, "" when it is absent. Bytes beyond ASCII are kept one to one (Latin-1)."""
        return self.headers.get(name, b"").decode("latin-1")

    def query_values(self) -> dict[str, str]:
        """The parameters of the query string. Raises Malformed for one that is given twice or is too long."""
        return _single_values(self.query_pairs(), "query parameter")

    def query_pairs(self) -> list[tuple[str, str]]:
        """The parameters of the query string as they were given, some perhaps several times. Raises Malformed."""
        if len(self.query) > MAX_QUERY:
            raise Malformed(f"the query string has more than {MAX_QUERY} bytes")
        return _pairs(self.query, "query parameter")

    def form(self) -> dict[str, str]:
        """The fields of a form. Raises Malformed for a field that is given twice, or for another content type."""
        if not self.header(b"content-type").startswith("application/x-www-form-urlencoded"):
            raise Malformed("a form is sent as application/x-www-form-urlencoded")
        return _single_values(_pairs(self.body, "form field"), "form field")

    def cookie(self, name: str) -> str:
        for part in self.header(b"cookie").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return ""

    def wait_seconds(self) -> float:
        """What `Prefer: wait=N` asks for, at most 30; 0 without it."""
        prefer = self.headers.get(b"prefer")
        return 0.0 if prefer is None else _wait_seconds(prefer)


class Reply:
    """Status, body and the headers that are not the same for all replies. `cache_control` None means no-store.

    The edge adds what the fixed headers follow from: `request`, the id of the request, whether this is a page, and the
    origin of its `images` where they have one of their own.
    """

    __slots__ = ("body", "cache_control", "code", "content_type", "headers", "images", "page", "request", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: bytes = JSON,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        code: str = "",
    ) -> None:
        self.cache_control: bytes | None = None
        self.page = False
        self.images = b""
        self.request = ""
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.code = code

    @classmethod
    def of(cls, record: Any, status: int = 200) -> "Reply":
        """A record as JSON, with an ETag when it has a version; None is an empty 204."""
        if record is None:
            return cls(204)
        version = getattr(record, "version", None)
        headers = ((b"etag", b'"%d"' % version),) if version is not None else ()
        return cls(status, encode(record), JSON, headers)

    @classmethod
    def of_answer(cls, answer: Answer) -> "Reply":
        """A stored answer, byte by byte."""
        body = answer.body or b""
        if body == b"null":
            return cls(204)
        if answer.status >= LOWEST_REFUSAL:
            return cls(answer.status, body, PROBLEM, code=msgspec.json.decode(body, type=_Code).code)
        return cls(answer.status, body)

    @classmethod
    def of_refusal(cls, refusal: Refusal, request: str) -> "Reply":
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if refusal.status in (429, 503):
            headers = ((b"retry-after", str(refusal.facts.get("retry_after", 1)).encode()),)
        elif refusal.status == HTTPStatus.UNAUTHORIZED:
            headers = ((b"www-authenticate", b"Bearer"),)
        return cls(refusal.status, problem(refusal, request), PROBLEM, headers, refusal.code)


class _Code(msgspec.Struct):
    code: str = ""


@lru_cache(maxsize=256)
def _wait_seconds(prefer: bytes) -> float:
    for preference in prefer.decode("latin-1").split(","):
        key, _, value = preference.strip().partition("=")
        if key == "wait" and value.isdecimal():
            return min(float(value), 30.0)
    return 0.0


def _pairs(text: bytes, what: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=300)
    except (UnicodeError, ValueError):
        raise Malformed(f"a {what} is not percent-encoded UTF-8") from None


def _single_values(pairs: list[tuple[str, str]], what: str) -> dict[str, str]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise Malformed(f"a {what} is given twice")
    return values
