"""The lane: hot routes below ASGI. A subclass of uvicorn's protocol that takes whole, plain requests itself.

It takes a request only when the connection is idle, the bytes hold exactly one whole request of plain form (a length
or no body, no transfer coding, no upgrade, no expectation) and its route is hot. Everything else goes to uvicorn with
the same bytes, so both ways must answer alike: a generated test compares them.
"""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_LEAVE_TO_ASGI = frozenset({b"transfer-encoding", b"upgrade", b"expect", b"te", b"trailer"})
_MAX_HELD = 1 << 20
_LONGEST_KNOWN = 1_024
_MOST_KNOWN = 8_192


class HotRoutes:
    """The hot routes by method and path: a whole path, or a fixed beginning and one last parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[bytes, Route] = {}
        self._prefixed: dict[bytes, tuple[Route, str]] = {}
        self.known: dict[bytes, _Known] = {}
        for route in routes:
            if not route.hot:
                continue
            line = f"{route.method} {route.path}".encode()
            if not route.params:
                self._exact[line] = route
                continue
            (param,) = route.params
            prefix, _, rest = line.partition(b"{")
            if rest != param.encode() + b"}":
                raise ValueError(f"{route.path}: a hot route has at most one parameter, at its end")
            self._prefixed[prefix] = (route, param)

    def remember(self, data: bytes, route: Route, request: Request) -> None:
        if len(data) <= _LONGEST_KNOWN:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[data] = _Known(route, request)

    def find(self, line: bytes) -> tuple[Route, dict[str, str]] | None:
        """The route of `METHOD PATH`, without query string."""
        route = self._exact.get(line)
        if route is not None:
            return route, {}
        cut = line.rfind(b"/") + 1
        found = self._prefixed.get(line[:cut])
        if found is None or cut == len(line) or b"%" in line:
            return None
        return found[0], {found[1]: line[cut:].decode("latin-1")}


class _Known:
    """A request that was read before, byte by byte the same."""

    __slots__ = ("_request", "route")

    def __init__(self, route: Route, request: Request) -> None:
        self.route = route
        self._request = request

    def request(self, peer: str) -> Request:
        known = self._request
        request = Request(known.method, known.path, known.query, known.headers, known.body, peer)
        request.params = known.params
        return request


class _Reading:
    """Callbacks of one httptools parser: collects one request."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.complete = 0
        self.plain = True

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in self.headers or name in _LEAVE_TO_ASGI:
            self.plain = False
        self.headers[name] = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1


class LaneProtocol(HttpToolsProtocol):
    """One connection. `edge` and `hot` are set on the subclass that `lane_protocol` makes."""

    edge: ClassVar[Edge]
    hot: ClassVar[HotRoutes]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = _Reading()
        self._lane_parser = httptools.HttpRequestParser(self._reading)
        self._in_message = False
        self._busy = False
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._held = b""
        self._peer = ""
        self._last = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is done for a caller who is gone: what it has sent is begun in full or not at all."""
        if self._busy and self._task is not None:
            self._task.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_message = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._in_message = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self._busy:
            self._hold(data)
            return
        if not self._in_message and (self.cycle is None or self.cycle.response_complete):
            taken = self._take(data)
            if taken is not None:
                self._last = self.loop.time()
                route, request, keep_alive = taken
                kept = self.edge.serve_kept(route, request) if route.cache is not None else None
                if (reply := kept or self.edge.turn_away(route, request)) is not None:
                    self._send(reply, keep_alive)
                    return
                self._busy = True
                self._task = self.loop.create_task(self._answer(*taken))
                self.tasks.add(self._task)
                self._task.add_done_callback(self.tasks.discard)
                return
        super().data_received(data)

    def shutdown(self) -> None:
        if self._busy:
            self._closing = True
        else:
            super().shutdown()

    def _take(self, data: bytes) -> tuple[Route, Request, bool] | None:
        """The hot route and the request in these bytes, if they are exactly one plain request for it.

        The bytes of a request for a kept reply are remembered: the same bytes read the same.
        """
        known = self.hot.known.get(data)
        if known is not None:
            return known.route, known.request(self._peer), True
        end = data.find(b" ", 8 if data.startswith(b"DELETE ") else 5)
        head = data.find(b"\r\n\r\n") + 4
        if end < 0 or head < 4:  # noqa: PLR2004 - find's -1 and the four bytes of the mark
            return None
        target, _, query = data[:end].partition(b"?")
        found = self.hot.find(target)
        if found is None:
            return None
        reading, parser = self._reading, self._lane_parser
        reading.reset()
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            reading.plain = False
        whole = reading.complete == 1 and head + len(reading.body) == len(data)
        keep_alive = whole and parser.should_keep_alive()
        if not whole or not reading.plain or parser.get_http_version() != "1.1":
            self._lane_parser = httptools.HttpRequestParser(reading)
            return None
        route, params = found
        method, _, path = target.partition(b" ")
        request = Request(
            method.decode("latin-1"), path.decode("latin-1"), query, reading.headers, reading.body, self._peer
        )
        request.params = params
        if not keep_alive:
            self._lane_parser = httptools.HttpRequestParser(reading)
        elif route.cache is not None:
            self.hot.remember(data, route, request)
        return route, request, keep_alive

    async def _answer(self, route: Route, request: Request, keep_alive: bool) -> None:
        reply = await self.edge.serve(route, request)
        self._busy = False
        if not self.transport.is_closing():
            self._send(reply, keep_alive)

    def _send(self, reply: Reply, keep_alive: bool) -> None:
        self.server_state.total_requests += 1
        keep_alive = keep_alive and not self._closing
        self.transport.write(_wire(reply, self.server_state.default_headers, keep_alive=keep_alive))
        if not keep_alive:
            self.transport.close()
            return
        if self._held:
            data, self._held = self._held, b""
            self.data_received(data)
        elif self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle)

    def _end_if_idle(self) -> None:
        """Close a connection that was silent for the time of keep-alive: one timer for many requests of the lane."""
        left = self._last + self.timeout_keep_alive - self.loop.time()
        if self._busy or left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(max(left, 1.0), self._end_if_idle)
        else:
            self.timeout_keep_alive_handler()

    def _hold(self, data: bytes) -> None:
        """Bytes that came before the answer was out: a pipelined request, kept until then."""
        self._held += data
        if len(self._held) > _MAX_HELD:
            self.transport.close()


def lane_protocol(edge: Edge, routes: Iterable[Route]) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` setting."""
    return type("Lane", (LaneProtocol,), {"edge": edge, "hot": HotRoutes(routes)})


def _wire(reply: Reply, default_headers: list[tuple[bytes, bytes]], *, keep_alive: bool) -> bytes:
    parts = [_STATUS_LINES[reply.status]]
    for name, value in default_headers:
        parts += (name, b": ", value, b"\r\n")
    if reply.status not in (204, 304):
        parts += (
            b"content-type: ",
            reply.content_type,
            b"\r\ncontent-length: ",
            str(len(reply.body)).encode(),
            b"\r\n",
        )
    for name, value in reply.headers:
        parts += (name, b": ", value, b"\r\n")
    if not keep_alive:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n")
    if reply.status not in (204, 304):
        parts.append(reply.body)
    return b"".join(parts)
