"""A server of a shop whose connections are held by an acceptor."""

import asyncio
import socket
import subprocess
import sys
from typing import Any

from mercato.apps.listening import listen
from mercato.apps.shop import Shop, ShopServer
from mercato.runtime.http.desk import Desk, HandedOver
from mercato.runtime.http.lane import LaneProtocol

MOST_TO_END = 5.0  # seconds that an acceptor has for its end


class ServerBehindAcceptor(ShopServer):
    """Listens, starts the acceptor, and serves what that sends and hands over. Where the acceptor has gone, it accepts
    connections itself: the shop stays open. `acceptor` is its process."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.server_config())
        self._shop = shop
        self._listeners: list[socket.socket] = []
        self.acceptor: Any = None
        self._handed_over: Any = None
        self._accepting: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's. Raises OSError where the address is taken."""
        self._listeners = sockets or listen(self.config.host, self.config.port)
        await super().startup(sockets=[])
        channel, handover = self._start_acceptor()
        self._handed_over = HandedOver(self._shop.parts.loop, handover, self._protocol)
        desk = Desk(self._shop.edge, self._shop.routes, self.server_state, self._accept_ourselves)
        await self._shop.parts.loop.create_connection(lambda: desk, sock=channel)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's: whoever is served gets a reply."""
        await super().shutdown(sockets=self._listeners)
        self._handed_over.close()
        try:
            self.acceptor.wait(MOST_TO_END)
        except subprocess.TimeoutExpired:
            self.acceptor.kill()
            self.acceptor.wait()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listeners[0].getsockname()[1]
        return port

    def _start_acceptor(self) -> tuple[socket.socket, socket.socket]:
        """Our ends of its channel and of the socket by which it hands connections over."""
        channel, their_channel = socket.socketpair()
        handover, their_handover = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        theirs = [each.fileno() for each in (their_channel, their_handover, *self._listeners)]
        command = [sys.executable, "-P", "-m", "mercato.apps.acceptor", *map(str, theirs)]
        self.acceptor = subprocess.Popen(command, pass_fds=theirs, stdin=subprocess.DEVNULL)  # noqa: S603 - our own words
        their_channel.close()
        their_handover.close()
        for ours in (channel, handover):
            ours.setblocking(False)
        return channel, handover

    def _protocol(self) -> LaneProtocol:
        """A connection that is served here."""
        make: Any = self.config.http_protocol_class
        protocol: LaneProtocol = make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        return protocol

    def _accept_ourselves(self) -> None:
        if not self.should_exit:
            self._shop.parts.telemetry.log.error("acceptor_lost", advice="the shop accepts connections itself")
            self._accepting = self._shop.parts.loop.create_task(self._accept())

    async def _accept(self) -> None:
        for listener in self._listeners:
            server = await self._shop.parts.loop.create_server(self._protocol, sock=listener)
            self.servers.append(server)
