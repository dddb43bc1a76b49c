"""The lane: hot routes below ASGI. A subclass of uvicorn's protocol that takes whole, plain requests itself.

It takes a request only when the connection is idle, the bytes hold exactly one whole request of plain form (plain.py)
and its route is hot. Everything else goes to uvicorn with the same bytes, so both ways must answer alike: a generated
test compares them.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mercato.runtime.http import plain
from mercato.runtime.http.cached import Kept
from mercato.runtime.http.edge import Edge, host_name
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.hot import PERSONAL, HotRoutes
from mercato.runtime.http.plain import Headers
from mercato.runtime.http.route import Route
from mercato.runtime.http.steps import Steps
from mercato.runtime.http.wire import Beginnings, whole
from mercato.runtime.telemetry import RouteMetrics

_MAX_HELD = 1 << 20
_LONGEST_KNOWN = 1_024
_MOST_KNOWN = 8_192


class Known:
    """What a request asks for whose bytes were read before, and the reply that was kept for it when it was last sent.

    `store` and `kept` hold as long as the directory has counted no more `changes` and the reply is not forgotten.
    """

    __slots__ = ("changes", "forwarded", "host", "if_none_match", "kept", "metrics", "path", "route", "store")

    def __init__(self, route: Route, metrics: RouteMetrics, path: str, headers: Headers) -> None:
        self.route = route
        self.metrics = metrics
        self.path = path
        self.host = host_name(headers.get(b"host", b""))
        self.if_none_match = headers.get(b"if-none-match")
        self.forwarded = headers.get(b"x-forwarded-for")
        self.changes = -1
        self.store = ""
        self.kept: Kept | None = None


class KnownRequests(dict[bytes, Known]):
    """The latest requests for replies that may be kept, byte by byte: the same bytes read the same."""

    def remember(self, data: bytes, known: Known) -> None:
        if len(data) <= _LONGEST_KNOWN:
            if len(self) >= _MOST_KNOWN:
                self.clear()
            self[data] = known


class LaneProtocol(HttpToolsProtocol):
    """One connection. `edge`, `hot`, `known` and `beginnings` are set on the subclass that `lane_protocol` makes."""

    edge: ClassVar[Edge]
    hot: ClassVar[HotRoutes[Route]]
    known: ClassVar[KnownRequests]
    beginnings: ClassVar[Beginnings]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._serving: Steps | None = None
        self._in_message = False
        self._closing = False
        self._begun = b""
        self._held = b""
        self._peer = ""
        self._last = 0.0

    def begin_with(self, data: bytes) -> None:
        """The connection was accepted by somebody else, who has read this of it: it comes before everything else."""
        self._begun = data

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""
        if self._begun:
            self.data_received(self._begun)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is done for a caller who is gone: what it has sent is begun in full or not at all."""
        if self._serving is not None:
            self._serving.cancel()
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
            known = self.known.get(data)
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
        peer = self._peer if edge.proxy is None else edge.proxy.caller(self._peer, known.forwarded)
        ended = edge.clock.elapsed()
        edge.note((known.metrics, request, known.store, status, ended - started, ended, peer, "", ""))
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
        route = found.to
        if route.cache is not None and not found.query and not PERSONAL & headers.keys():
            known = Known(route, self.edge.metrics(route), found.path, headers)
            self.known.remember(data, known)
            if self._answer_known(known):
                return True
        proxy = self.edge.proxy
        peer = self._peer if proxy is None else proxy.caller(self._peer, headers.get(b"x-forwarded-for"))
        request = Request(route.method, found.path, found.query, headers, body, peer)
        request.params = found.params
        if (refusal := self.edge.turn_away(route, request)) is not None:
            self._send(refusal)
            return True
        self._serving = Steps(self.loop, self.edge.serve(route, request), self._served)
        self._serving.step()
        return True

    def _served(self, reply: Reply | None) -> None:
        self._serving = None
        if reply is None:
            self.transport.close()  # there will be no reply: nobody should wait for it
        elif not self.transport.is_closing():
            self._send(reply)

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
    hot: HotRoutes[Route] = HotRoutes()
    for route in routes:
        if route.hot:
            hot.add(route.method, route.path, route)
    parts = {"edge": edge, "hot": hot, "known": KnownRequests(), "beginnings": Beginnings()}
    return type("Lane", (LaneProtocol,), parts)
