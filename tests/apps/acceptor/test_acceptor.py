"""The acceptor's loop between a shop, which the test plays, and its clients."""

import errno
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mercato.apps.acceptor.acceptor import IDLE, LOOK, REST, Acceptor
from mercato.runtime.http.frames import Asked, Frames, FromAcceptor, FromShop, HotLine, Told, framed
from mercato.values.clock import ManualClock

TOKEN = b"Authorization: Bearer t\r\n"
CART = b"GET /v1/cart HTTP/1.1\r\nHost: shop\r\n" + TOKEN + b"\r\n"
PRODUCT = b"GET /v1/products/prod_1 HTTP/1.1\r\nHost: shop\r\n%b\r\n"
ROUTES = [HotLine("GET", "/v1/cart", shared=False), HotLine("GET", "/v1/products/{product_id}", shared=True)]
LONG = bytes(5_000_000)  # more than sockets hold
SECONDS = 10.0  # for which a test waits


class Listener(socket.socket):
    """One that lets nobody in while there is no `room`."""

    room = True
    refused = 0
    gate: threading.Event | None = None  # for which an acceptor stands still

    def accept(self) -> tuple[socket.socket, Any]:
        if self.gate is not None:
            self.gate.wait(SECONDS)
        if not self.room:
            self.refused += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


class Stage:
    """An acceptor in a thread, and the shop's ends of its sockets."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        listener = self.listener = Listener()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        self._address = listener.getsockname()
        self.channel, channel = socket.socketpair()
        self.handover, handover = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for own in (self.channel, self.handover):
            own.settimeout(SECONDS)
        self._frames = Frames(FromAcceptor)
        acceptor = Acceptor([listener], channel, handover, self.clock)
        self._sockets = [listener, channel, handover, self.channel, self.handover]
        self.thread = threading.Thread(target=acceptor.run)
        self.thread.start()
        self.tell(FromShop(routes=ROUTES))

    def tell(self, batch: FromShop) -> None:
        self.channel.sendall(framed(batch))

    def hear(self) -> FromAcceptor:
        while True:
            for batch in self._frames.feed(self.channel.recv(1 << 20)):
                heard: FromAcceptor = batch
                return heard

    def ask(self, data: bytes = CART) -> tuple[socket.socket, Asked]:
        """A client, and what the shop is asked for it."""
        client = self.connect()
        client.sendall(data)
        (asked,) = self.hear().asked
        return client, asked

    def connect(self) -> socket.socket:
        client = socket.create_connection(self._address, SECONDS)
        self._sockets.append(client)
        return client

    def close(self) -> None:
        self.channel.close()
        self.thread.join(SECONDS)
        for each in self._sockets:
            each.close()
        assert not self.thread.is_alive()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def _read(client: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (part := client.recv(1 << 20)):
        found += part
    return found


def test_a_plain_request_is_asked_and_its_reply_sent(stage: Stage) -> None:
    client, asked = stage.ask(PRODUCT % TOKEN)
    assert (asked.route, asked.path, asked.params) == (1, "/v1/products/prod_1", {"product_id": "prod_1"})
    assert asked.headers == {b"host": b"shop", b"authorization": b"Bearer t"}
    assert asked.peer == "127.0.0.1"
    stage.tell(FromShop([Told(asked.connection, b"one", closing=False)]))
    assert _read(client, 3) == b"one"
    client.sendall(CART)
    (again,) = stage.hear().asked
    assert (again.connection, again.route) == (asked.connection, 0)
    stage.tell(FromShop([Told(asked.connection, b"two", closing=True)]))
    assert _read(client, 4) == b"two"


@pytest.mark.parametrize(
    "sent",
    [
        CART[:30],
        CART.replace(b"/v1/cart", b"/v1/orders"),
        CART.replace(b"HTTP/1.1", b"HTTP/1.0"),
        b"\x16\x03\x01",
        PRODUCT % b"",  # the shop keeps its reply for everybody
    ],
)
def test_everything_else_is_handed_over_with_its_connection(stage: Stage, sent: bytes) -> None:
    client = stage.connect()
    client.sendall(sent)
    data, handles, _, _ = socket.recv_fds(stage.handover, 1 << 17, 1)
    assert data == sent
    with socket.socket(fileno=handles[0]) as connection:
        connection.sendall(b"from the shop")
        assert _read(client, 13) == b"from the shop"
        assert connection.getpeername() == client.getsockname()


def test_a_pipelined_request_waits_for_the_reply_before_it(stage: Stage) -> None:
    client, asked = stage.ask()
    client.sendall(CART)
    other, beside = stage.ask()  # the second one has not come
    assert beside.connection != asked.connection
    stage.tell(FromShop([Told(asked.connection, b"one", closing=False)]))
    (second,) = stage.hear().asked
    assert second.connection == asked.connection
    assert _read(client, 3) == b"one"
    other.close()
    assert stage.hear().gone == [beside.connection]


def test_who_is_gone_is_told_and_its_late_reply_dropped(stage: Stage) -> None:
    client, asked = stage.ask()
    client.close()
    assert stage.hear() == FromAcceptor([], [asked.connection])
    stage.tell(FromShop([Told(asked.connection, b"late", closing=False)]))
    _, next_one = stage.ask()
    assert next_one.connection != asked.connection


def test_a_reply_that_will_never_come_closes_the_connection(stage: Stage) -> None:
    client, asked = stage.ask()
    stage.tell(FromShop([Told(asked.connection, b"", closing=True)]))
    assert _read(client, 1) == b""


def test_a_connection_that_ends_while_it_has_something_to_say_does_no_harm(stage: Stage) -> None:
    client, asked = stage.ask()
    stage.listener.gate = gate = threading.Event()
    other = stage.connect()
    time.sleep(0.1)  # it stands still now, and finds both of these together
    stage.tell(FromShop([Told(asked.connection, b"last", closing=True)]))
    client.sendall(CART)
    time.sleep(0.1)
    gate.set()
    stage.listener.gate = None
    other.sendall(CART)
    (again,) = stage.hear().asked
    assert again.connection != asked.connection


def test_a_slow_reader_gets_its_whole_reply_and_holds_up_nobody(stage: Stage) -> None:
    slow, asked = stage.ask()
    stage.tell(FromShop([Told(asked.connection, LONG, closing=False)]))
    quick, beside = stage.ask()
    stage.tell(FromShop([Told(beside.connection, b"quick", closing=False)]))
    assert _read(quick, 5) == b"quick"
    slow.sendall(CART)  # before it has read
    assert _read(slow, len(LONG)) == LONG
    (again,) = stage.hear().asked
    assert again.connection == asked.connection


def test_silent_connections_are_closed_and_waiting_ones_are_not(stage: Stage) -> None:
    silent, (waiting, asked) = stage.connect(), stage.ask()
    stage.clock.advance(int((IDLE + LOOK + 1) * 1_000))
    stage.tell(FromShop())  # something happens, so that it looks
    stage.tell(FromShop())
    assert _read(silent, 1) == b""
    stage.tell(FromShop([Told(asked.connection, b"late", closing=False)]))
    assert _read(waiting, 4) == b"late"


def test_a_shop_that_closes_lets_nobody_in_and_its_last_replies_arrive_whole(stage: Stage) -> None:
    idle, (client, asked) = stage.connect(), stage.ask()
    stage.tell(FromShop(closing=True))
    assert _read(idle, 1) == b""
    found: list[Any] = []
    reading = threading.Thread(target=lambda: found.append(_read(client, len(LONG))))
    stage.tell(FromShop([Told(asked.connection, LONG, closing=True)]))
    stage.channel.shutdown(socket.SHUT_RDWR)
    reading.start()
    stage.thread.join(SECONDS)
    reading.join(SECONDS)
    assert found == [LONG]
    with pytest.raises(ConnectionRefusedError):
        stage.connect()


def test_where_there_is_no_room_connections_wait_and_nothing_is_tried_all_the_time(stage: Stage) -> None:
    stage.listener.room = False
    client = stage.connect()
    client.sendall(CART)
    while not stage.listener.refused:
        time.sleep(0.01)
    for _ in range(5):
        stage.tell(FromShop())
        time.sleep(0.01)
    assert stage.listener.refused == 1
    stage.listener.room = True
    stage.clock.advance(int((REST + 1) * 1_000))
    stage.tell(FromShop())
    (asked,) = stage.hear().asked
    assert asked.path == "/v1/cart"


def test_it_ends_with_its_shop(stage: Stage) -> None:
    client, _ = stage.ask()
    stage.channel.close()
    stage.thread.join(SECONDS)
    assert not stage.thread.is_alive()
    assert client.recv(1) == b""
