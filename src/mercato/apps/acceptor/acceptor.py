"""The loop of the acceptor: connections on one side, the shop's desk on the other.

A plain request for a hot route goes to the desk, with all others that came in the same moment. Whatever else a
connection says, the shop is handed its socket and serves it itself. Nothing is kept here that the shop needs: when the
shop is gone, so is the acceptor.
"""

import errno
import selectors
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from mercato.runtime.http import plain
from mercato.runtime.http.frames import Asked, Frames, FromAcceptor, FromShop, Told, framed
from mercato.runtime.http.hot import PERSONAL, HotRoutes
from mercato.values.clock import Clock

READ_AT_ONCE = 1 << 16  # bytes
CHANNEL_AT_ONCE = 1 << 20
IDLE = 75.0  # seconds after which a silent connection is closed
LOOK = 5.0  # seconds between two looks for silent ones
REST = 1.0  # seconds for which nobody is let in, where the system has no room for one more connection
ACCEPT_AT_ONCE = 64
PATIENCE = 2.0  # seconds for the rest of a reply, when the shop has closed

_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Connection:
    """`waits`: for its reply; what comes meanwhile is `held`. `unsent` is the rest of a reply."""

    __slots__ = ("closing", "held", "last", "number", "peer", "sock", "unsent", "waits")

    def __init__(self, number: int, sock: socket.socket, peer: str, now: float) -> None:
        self.number = number
        self.sock = sock
        self.peer = peer
        self.last = now
        self.waits = False
        self.closing = False
        self.held = b""
        self.unsent = b""


class Acceptor:
    """`listeners` are where connections come in, `channel` leads to the desk, `handover` hands connections over."""

    def __init__(
        self, listeners: Sequence[socket.socket], channel: socket.socket, handover: socket.socket, clock: Clock
    ) -> None:
        self._listeners = listeners
        self._channel = channel
        self._handover = handover
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._frames = Frames(FromShop)
        self._hot: HotRoutes[tuple[int, bool]] = HotRoutes()
        self._connections: dict[int, Connection] = {}
        self._number = 0
        self._asked: list[Asked] = []
        self._gone: list[int] = []
        self._unsent = b""
        self._now = self._looked = clock.elapsed()
        self._resting: list[socket.socket] = []
        self._rests_until = 0.0
        self._closing = False
        self._runs = True

    def run(self) -> None:
        """Until the shop is gone. One that has said before that it closes has answered everybody: those answers are
        still sent."""
        for listener in self._listeners:
            listener.setblocking(False)
            self._listen(listener)
        self._channel.setblocking(False)
        self._selector.register(self._channel, READ, self._hear)
        self._handover.setblocking(True)
        while self._runs:
            for key, events in self._selector.select(REST):
                key.data(events)
            self._flush()
            self._now = self._clock.elapsed()
            if self._resting and self._now > self._rests_until:
                self._go_on_listening()
            if self._now > self._looked + LOOK:
                self._end_silent_ones()
        if self._closing:
            self._send_the_rest()
        for connection in list(self._connections.values()):
            self._forget(connection)
        for sock in (*self._listeners, self._channel, self._handover):
            sock.close()
        self._selector.close()

    # Connections.

    def _listen(self, listener: socket.socket) -> None:
        self._selector.register(listener, READ, partial(self._accept, listener))

    def _accept(self, listener: socket.socket, _events: int) -> None:
        for _ in range(ACCEPT_AT_ONCE):
            try:
                sock, address = listener.accept()
            except OSError as error:  # none left, or one that was gone before
                if error.errno in _NO_ROOM:
                    self._rest(listener)
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._number += 1
            connection = Connection(self._number, sock, str(address[0]), self._now)
            self._connections[self._number] = connection
            self._selector.register(sock, READ, partial(self._ready, connection))

    def _rest(self, listener: socket.socket) -> None:
        """Connections wait in the system's line until there is room."""
        self._selector.unregister(listener)
        self._resting.append(listener)
        self._rests_until = self._now + REST

    def _go_on_listening(self) -> None:
        resting, self._resting = self._resting, []
        for listener in resting:
            self._listen(listener)

    def _ready(self, connection: Connection, events: int) -> None:
        if connection.number not in self._connections:  # it has ended since both were found ready
            return
        if events & WRITE:
            self._send(connection, b"")
            return
        data = _received(connection.sock, READ_AT_ONCE)
        if data is None:
            return
        if not data:
            self._end(connection)
        elif connection.waits or connection.unsent:
            self._hold(connection, data)
        else:
            self._take(connection, data)

    def _take(self, connection: Connection, data: bytes) -> None:
        """Ask the desk what is plain and hot, and for somebody in particular; hand everything else over."""
        connection.last = self._now
        try:
            first, headers, body = plain.read(data)
        except plain.Unusual:
            self._hand_over(connection, data)
            return
        found = self._hot.find(first)
        if found is None or (found.to[1] and not found.query and not PERSONAL & headers.keys()):
            self._hand_over(connection, data)
            return
        connection.waits = True
        self._asked.append(
            Asked(connection.number, found.to[0], found.path, found.query, found.params, headers, body, connection.peer)
        )

    def _hold(self, connection: Connection, data: bytes) -> None:
        """A pipelined request waits for the reply before it."""
        connection.held += data
        if len(connection.held) > READ_AT_ONCE:
            self._end(connection)

    def _hand_over(self, connection: Connection, data: bytes) -> None:
        """The shop serves this connection from here on."""
        with suppress(OSError):  # the shop is gone
            socket.send_fds(self._handover, [data], [connection.sock.fileno()])
        self._forget(connection)

    def _send(self, connection: Connection, data: bytes) -> None:
        data = connection.unsent + data
        try:
            sent = connection.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end(connection)
            return
        had, connection.unsent = bool(connection.unsent), data[sent:]
        if had != bool(connection.unsent):
            events = READ | WRITE if connection.unsent else READ
            self._selector.modify(connection.sock, events, partial(self._ready, connection))
        if not connection.unsent:
            self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        """The reply is out."""
        if connection.closing:
            self._end(connection)
        elif connection.held:
            data, connection.held = connection.held, b""
            self._take(connection, data)

    def _end(self, connection: Connection) -> None:
        if connection.waits:
            self._gone.append(connection.number)
        self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        del self._connections[connection.number]
        self._selector.unregister(connection.sock)
        connection.sock.close()

    def _end_silent_ones(self) -> None:
        self._looked = self._now
        for connection in list(self._connections.values()):
            if not connection.waits and not connection.unsent and self._now > connection.last + IDLE:
                self._end(connection)

    # The shop.

    def _hear(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if not events & READ:
            return
        data = _received(self._channel, CHANNEL_AT_ONCE)
        if data is None:
            return
        if not data:
            self._runs = False
            return
        for batch in self._frames.feed(data):
            for place, line in enumerate(batch.routes):
                self._hot.add(line.method, line.path, (place, line.shared))
            for told in batch.told:
                self._reply(told)
            if batch.closing:
                self._close()

    def _reply(self, told: Told) -> None:
        connection = self._connections.get(told.connection)
        if connection is None:  # it has gone meanwhile
            return
        connection.waits = False
        connection.last = self._now
        connection.closing = told.closing
        if told.data:
            self._send(connection, told.data)
        else:
            self._end(connection)

    def _close(self) -> None:
        """Let nobody new in; who waits still gets a reply."""
        self._closing = True
        for listener in self._listeners:
            if listener not in self._resting:
                self._selector.unregister(listener)
            listener.close()
        self._resting.clear()
        for connection in list(self._connections.values()):
            if not connection.waits and not connection.unsent:
                self._end(connection)

    def _send_the_rest(self) -> None:
        """Give slow readers a moment for the rest of their replies."""
        for connection in self._connections.values():
            if connection.unsent:
                connection.sock.settimeout(PATIENCE)
                with suppress(OSError):
                    connection.sock.sendall(connection.unsent)

    def _flush(self) -> None:
        """Tell the desk everything that has come up since the last time."""
        if self._asked or self._gone:
            self._unsent += framed(FromAcceptor(self._asked, self._gone))
            self._asked, self._gone = [], []
        if not self._unsent:
            return
        had = self._selector.get_key(self._channel).events
        try:
            self._unsent = self._unsent[self._channel.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._runs = False
            return
        events = READ | WRITE if self._unsent else READ
        if events != had:
            self._selector.modify(self._channel, events, self._hear)


def _received(sock: socket.socket, most: int) -> bytes | None:
    """What has come; b"" where nothing will come any more, None where nothing has come yet."""
    try:
        return sock.recv(most)
    except BlockingIOError:
        return None
    except OSError:
        return b""
