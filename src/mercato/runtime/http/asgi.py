"""The ASGI dispatcher: every route, on Starlette's router. The lane (lane.py) is a short cut for the hot ones."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec
from starlette.routing import Match, Router
from starlette.routing import Route as StarletteRoute

from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.runtime.http.routes import BodyTooLarge
from mercato.runtime.http.wire import header_pairs
from mercato.values.messages import Anyone, Caller, Malformed, NotFound, Refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STORE_PREFIX = "/s/"
API_PREFIX = "/v1/"


class MethodNotAllowed(Refusal):
    status, code = 405, "method_not_allowed"
    advice = "See the Allow header for what this address takes."


class App:
    """The ASGI application over all routes of a process."""

    def __init__(self, edge: Edge, routes: Iterable[Route]) -> None:
        self._edge = edge
        self._by_name: dict[tuple[str, str], Route] = {}
        starlette = []
        for route in routes:
            self._by_name[route.method, route.path] = route
            starlette.append(StarletteRoute(route.path, endpoint=_Target(route), methods=[route.method]))
        self._router = Router(starlette)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        handle = _strip_store(scope)
        headers = _headers(scope)
        peer = _peer(scope)
        if self._edge.proxy is not None:
            peer = self._edge.proxy.caller(peer, headers.get(b"x-forwarded-for"))
        request = Request(scope["method"], scope["path"], scope["query_string"], headers, b"", peer)
        request.handle = handle
        route, params = self._match(scope)
        if route is None:
            refusing = _NO_ROUTE if params is None else _NO_METHOD
            if self._edge.page_of_refusal is not None and not request.path.startswith(API_PREFIX):
                refusing = msgspec.structs.replace(refusing, page=True)  # people, not programs, come to other addresses
            await _send(send, await self._edge.serve(refusing, request), head_only=scope["method"] == "HEAD")
            return
        request.params = params or {}
        if route.streams:
            request.stream = lambda: _parts(receive)
        elif not await _read_body(receive, request, route.max_body):
            await _send(send, await self._edge.serve(_TOO_LARGE, request))
            return
        reply = self._edge.turn_away(route, request) or await self._edge.serve(route, request)
        await _send(send, reply, head_only=scope["method"] == "HEAD")

    def _match(self, scope: Scope) -> tuple[Route | None, dict[str, str] | None]:
        """The route and its path parameters; (None, {}) where only the method is wrong, (None, None) for no path."""
        wrong_method = False
        for candidate in self._router.routes:
            match, child = candidate.matches(scope)
            if match is Match.FULL:
                return child["endpoint"].route, child["path_params"]
            wrong_method = wrong_method or match is Match.PARTIAL
        return None, {} if wrong_method else None


class _Target:
    """Names a route to Starlette's router; it is never called through it."""

    def __init__(self, route: Route) -> None:
        self.route = route

    def __call__(self, *_: Any) -> None:
        raise NotImplementedError("routes are served by App")


async def _refuse_unknown(_edge: Edge, _request: Request, _caller: Caller) -> Reply:
    raise NotFound("there is nothing at this address")


async def _refuse_method(_edge: Edge, _request: Request, _caller: Caller) -> Reply:
    raise MethodNotAllowed


async def _refuse_size(_edge: Edge, _request: Request, _caller: Caller) -> Reply:
    raise BodyTooLarge


_NO_ROUTE = Route("GET", "(none)", _refuse_unknown, "no_route", Anyone)
_NO_METHOD = Route("GET", "(method)", _refuse_method, "no_method", Anyone)
_LISTS = {b"cookie": b"; ", b"x-forwarded-for": b", "}  # headers whose lines are parts of one list
_TOO_LARGE = Route("POST", "(size)", _refuse_size, "too_large", Anyone)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in headers and name in _LISTS:
            headers[name] += _LISTS[name] + value
        else:
            headers.setdefault(name, value)
    return headers


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _strip_store(scope: Scope) -> str:
    """Take `/s/HANDLE` off the path; the handle, or "" where the store is found by host name."""
    path: str = scope["path"]
    if not path.startswith(STORE_PREFIX):
        return ""
    handle, slash, rest = path[len(STORE_PREFIX) :].partition("/")
    scope["path"] = slash + rest or "/"
    return handle


async def _read_body(receive: Receive, request: Request, most: int) -> bool:
    """Read the whole body; False as soon as it has more bytes than the route takes."""
    length = request.headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > most:
        return False
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return True
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            return False
        parts.append(part)
        if not message.get("more_body"):
            request.body = b"".join(parts)
            return True


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Malformed where the sender is gone before its end."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("the body ended early")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _send(send: Send, reply: Reply, *, head_only: bool = False) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": header_pairs(reply)})
    await send({"type": "http.response.body", "body": b"" if head_only else reply.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        kind = message["type"].rpartition(".")[2]
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return
