"""The lane: hot routes below ASGI. A subclass of uvicorn's protocol that takes whole, plain requests itself.

It takes a request only when the connection is idle, the bytes hold exactly one whole request of plain form (plain.py)
and its route is hot. Everything else goes to uvicorn with the same bytes, so both ways must answer alike: a generated
test compares them.
"""

import asyncio
import re
from collections.abc import Coroutine, Iterable
from typing import Any, ClassVar, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mercato.runtime.http import plain
from mercato.runtime.http.cached import Kept
from mercato.runtime.http.edge import Edge, host_name
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.plain import Headers
from mercato.runtime.http.route import Route
from mercato.runtime.http.wire import Beginnings, whole
from mercato.runtime.telemetry import RouteMetrics

_MAX_HELD = 1 << 20
_LONGEST_KNOWN = 1_024
_MOST_KNOWN = 8_192
# A request with one of these is answered for itself alone, and so is one with a query string.
_PERSONAL = frozenset({b"authorization", b"x-request-id"})
_TARGET = re.compile(rb"(/[\w/.~-]*)(?:\?([\w/.~&=+%,:-]*))?")  # bytes: \w is ASCII


class Found(NamedTuple):
    """Where a first line leads."""

    route: Route
    path: str
    query: bytes
    params: dict[str, str]


class Known:
    """What a request asks for whose bytes were read before, and the reply that was kept for it when it was last sent.

    `store` and `kept` hold as long as the directory has counted no more `changes` and the reply is not forgotten.
    """

    __slots__ = ("changes", "host", "if_none_match", "kept", "metrics", "path", "route", "store")

    def __init__(self, route: Route, metrics: RouteMetrics, path: str, headers: Headers) -> None:
        self.route = route
        self.metrics = metrics
        self.path = path
        self.host = host_name(headers.get(b"host", b""))
        self.if_none_match = headers.get(b"if-none-match")
        self.changes = -1
        self.store = ""
        self.kept: Kept | None = None


class HotRoutes:
    """The hot routes by their first line: a whole path, or a fixed beginning and one last parameter.

    `known` has the latest requests for replies that may be kept, byte by byte: the same bytes read the same.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[bytes, Found] = {}
        self._prefixed: dict[bytes, tuple[Route, str]] = {}
        self.known: dict[bytes, Known] = {}
        for route in routes:
            if not route.hot:
                continue
            line = f"{route.method} {route.path}".encode()
            if not route.params:
                self._exact[line + b" HTTP/1.1"] = Found(route, route.path, b"", {})
                continue
            (param,) = route.params
            prefix, _, rest = line.partition(b"{")
            if rest != param.encode() + b"}":
                raise ValueError(f"{route.path}: a hot route has at most one parameter, at its end")
            self._prefixed[prefix] = (route, param)

    def remember(self, data: bytes, known: Known) -> None:
        if len(data) <= _LONGEST_KNOWN:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[data] = known

    def find(self, line: bytes) -> Found | None:
        """Where a request with this first line goes; None where that is no hot route, or its address not plain."""
        found = self._exact.get(line)
        if found is not None or not line.endswith(b" HTTP/1.1"):
            return found
        method, _, address = line[:-9].partition(b" ")
        target = _TARGET.fullmatch(address)
        if target is None:
            return None
        path, query = target[1], target[2] or b""
        exact = self._exact.get(b"%b %b HTTP/1.1" % (method, path))
        if exact is not None:
            return exact._replace(query=query)
        cut = path.rfind(b"/") + 1
        prefixed = self._prefixed.get(b"%b %b" % (method, path[:cut]))
        if prefixed is None or cut == len(path):
            return None
        route, param = prefixed
        return Found(route, path.decode(), query, {param: path[cut:].decode()})


class LaneProtocol(HttpToolsProtocol):
    """One connection. `edge`, `hot` and `beginnings` are set on the subclass that `lane_protocol` makes."""

    edge: ClassVar[Edge]
    hot: ClassVar[HotRoutes]
    beginnings: ClassVar[Beginnings]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._serving: Coroutine[Any, None, Reply] | None = None
        self._in_message = False
        self._awaited: asyncio.Future[Any] | None = None
        self._closing = False
        self._held = b""
        self._peer = ""
        self._last = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is done for a caller who is gone: what it has sent is begun in full or not at all."""
        if self._awaited is not None:
            self._awaited.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_message = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._in_message = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self._serving is not None:
            self._hold(data)
            return
        if self._is_idle():
            known = self.hot.known.get(data)
            if (known is not None and self._answer_known(known)) or self._take(data):
                return
        super().data_received(data)

    def _is_idle(self) -> bool:
        """No request is on its way in, none on its way out, and the client reads what it is sent."""
        return (
            not self._in_message and (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused
        )

    def shutdown(self) -> None:
        if self._serving is not None:
            self._closing = True
        else:
            super().shutdown()

    def _answer_known(self, known: Known) -> bool:
        """Answer a request that was read before, byte by byte the same, if its reply is kept."""
        edge = self.edge
        self._last = started = edge.clock.elapsed()
        kept = known.kept
        if kept is None or kept.forgotten or known.changes != edge.directory.changes:
            kept = self._find_kept(known)
            if kept is None:
                return False
        status, before, after = kept.unchanged if known.if_none_match == kept.etag else kept.whole
        beginning = self.beginnings.of(status, self.server_state.default_headers)
        request = edge.new_request_id("req")
        self.transport.write(b"".join((beginning, before, request.encode(), after)))
        ended = edge.clock.elapsed()
        edge.note((known.metrics, request, known.store, status, ended - started, ended, self._peer, "", ""))
        if self.timeout_keep_alive_task is None:
            self._await_the_next()
        return True

    def _find_kept(self, known: Known) -> Kept | None:
        known.changes = self.edge.directory.changes
        found = self.edge.find_kept(known.route, known.host, known.path)
        known.store, known.kept = ("", None) if found is None else found
        return known.kept

    def _take(self, data: bytes) -> bool:
        """Serve these bytes, if they are exactly one plain request for a hot route."""
        try:
            first, headers, body = plain.read(data)
        except plain.Unusual:
            return False
        found = self.hot.find(first)
        if found is None:
            return False
        route = found.route
        if route.cache is not None and not found.query and not _PERSONAL & headers.keys():
            known = Known(route, self.edge.metrics(route), found.path, headers)
            self.hot.remember(data, known)
            if self._answer_known(known):
                return True
        request = Request(route.method, found.path, found.query, headers, body, self._peer)
        request.params = found.params
        if (refusal := self.edge.turn_away(route, request)) is not None:
            self._send(refusal)
            return True
        self._serving = self.edge.serve(route, request)
        self._step()
        return True

    def _step(self, _awaited: Any = None) -> None:
        """Go on with the request that is served, until it waits for a future or has its reply.

        A task would do the same for a higher price. So a hot endpoint is in no task: it cannot use `asyncio.timeout`.
        """
        assert self._serving is not None, "a request is being served"
        self._awaited = None
        try:
            awaited: Any = self._serving.send(None)
        except StopIteration as done:
            self._serving = None
            if not self.transport.is_closing():
                self._send(done.value)
        except asyncio.CancelledError:
            self._serving = None
            self.transport.close()  # its caller is gone, or nobody will answer any more
        except BaseException:
            self._serving = None
            self.transport.close()  # there will be no reply: nobody should wait for it
            raise
        else:
            if awaited is None:  # it only lets others go first
                self.loop.call_soon(self._step)
            else:
                self._awaited = awaited
                awaited.add_done_callback(self._step)

    def _send(self, reply: Reply) -> None:
        beginning = self.beginnings.of(reply.status, self.server_state.default_headers)
        self.transport.write(whole(beginning, reply, closing=self._closing))
        if self._closing:
            self.transport.close()
            return
        self._last = self.edge.clock.elapsed()
        if self._held:
            data, self._held = self._held, b""
            self.data_received(data)
        elif self.timeout_keep_alive_task is None:
            self._await_the_next()

    def _await_the_next(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle)

    def _end_if_idle(self) -> None:
        """Close a connection that was silent for the time of keep-alive: one timer for many requests of the lane."""
        left = self._last + self.timeout_keep_alive - self.edge.clock.elapsed()
        if self._serving is not None or left > 0:
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
    return type("Lane", (LaneProtocol,), {"edge": edge, "hot": HotRoutes(routes), "beginnings": Beginnings()})
