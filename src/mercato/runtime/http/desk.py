"""The desk: where requests come in that the acceptor, a process of its own, has read from its connections.

They come in batches and their replies leave in batches, so that many cost two system calls. What the acceptor does not
read itself it hands over with its socket: that connection is served here from then on, like any other.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.frames import Asked, Frames, FromAcceptor, FromShop, HotLine, Told, framed
from mercato.runtime.http.lane import LaneProtocol
from mercato.runtime.http.route import Route
from mercato.runtime.http.steps import Steps
from mercato.runtime.http.wire import Beginnings, whole

MOST_HANDED_OVER = 1 << 17  # bytes that were read of a connection before it was handed over


class Desk(asyncio.Protocol):
    """The shop's end of the channel. `state` is the server's, whose headers stand in every reply; while requests are
    served here, the desk is one of its connections, so that a graceful stop waits for them. `lost` is called when the
    acceptor has gone."""

    def __init__(self, edge: Edge, routes: Iterable[Route], state: Any, lost: Callable[[], None]) -> None:
        self._edge = edge
        self._routes = [route for route in routes if route.hot]
        self._state = state
        self._lost = lost
        self._loop: Any = edge.parts.loop
        self._frames = Frames(FromAcceptor)
        self._beginnings = Beginnings()
        self._serving: dict[int, Steps] = {}
        self._told: list[Told] = []
        self._closing = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        lines = [HotLine(route.method, route.path, route.cache is not None) for route in self._routes]
        self._transport.write(framed(FromShop(routes=lines)))
        self._state.connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Nobody is there who could be answered."""
        for steps in list(self._serving.values()):
            steps.cancel()
        self._state.connections.discard(self)
        if not self._closing:
            self._lost()

    def data_received(self, data: bytes) -> None:
        for batch in self._frames.feed(data):
            for connection in batch.gone:
                if connection in self._serving:
                    self._serving[connection].cancel()
            for asked in batch.asked:
                self._serve(asked)

    def shutdown(self) -> None:
        """The server stops: whoever is served gets a reply, and nobody new is let in."""
        self._closing = True
        self._transport.write(framed(FromShop(closing=True)))
        self._end_if_done()

    def _serve(self, asked: Asked) -> None:
        route = self._routes[asked.route]
        proxy, headers = self._edge.proxy, asked.headers
        peer = asked.peer if proxy is None else proxy.caller(asked.peer, headers.get(b"x-forwarded-for"))
        request = Request(route.method, asked.path, asked.query, headers, asked.body, peer)
        request.params = asked.params
        connection = asked.connection
        if (refusal := self._edge.turn_away(route, request)) is not None:
            self._tell(connection, refusal)
            return
        steps = Steps(self._loop, self._edge.serve(route, request), lambda reply: self._served(connection, reply))
        self._serving[connection] = steps
        steps.step()

    def _served(self, connection: int, reply: Reply | None) -> None:
        self._serving.pop(connection, None)
        if reply is None:
            self._send(Told(connection, b"", closing=True))
        else:
            self._tell(connection, reply)
        self._end_if_done()

    def _tell(self, connection: int, reply: Reply) -> None:
        beginning = self._beginnings.of(reply.status, self._state.default_headers)
        self._send(Told(connection, whole(beginning, reply, closing=self._closing), self._closing))

    def _send(self, told: Told) -> None:
        """Let a reply leave with all others that are ready soon."""
        if not self._told:
            self._loop.call_soon(self._flush)
        self._told.append(told)

    def _flush(self) -> None:
        told, self._told = self._told, []
        if told and not self._transport.is_closing():
            self._transport.write(framed(FromShop(told)))

    def _end_if_done(self) -> None:
        if self._closing and not self._serving:
            self._flush()
            self._transport.close()


class HandedOver:
    """Takes over connections, each with what was read of it. `make` makes the protocol that serves one."""

    def __init__(self, loop: Any, channel: socket.socket, make: Callable[[], LaneProtocol]) -> None:
        self._loop = loop
        self._channel = channel
        self._make = make
        self._tasks: set[asyncio.Task[None]] = set()
        loop.add_reader(channel.fileno(), self._take)

    def close(self) -> None:
        self._loop.remove_reader(self._channel.fileno())
        self._channel.close()

    def _take(self) -> None:
        try:
            data, handles, _, _ = socket.recv_fds(self._channel, MOST_HANDED_OVER, 1)
        except BlockingIOError:
            return
        if not handles:  # the acceptor has gone
            self._loop.remove_reader(self._channel.fileno())
            return
        task = self._loop.create_task(self._serve(socket.socket(fileno=handles[0]), data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket, data: bytes) -> None:
        connection.setblocking(False)

        def make() -> LaneProtocol:
            protocol = self._make()
            protocol.begin_with(data)
            return protocol

        await self._loop.connect_accepted_socket(make, connection)
