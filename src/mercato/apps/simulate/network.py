"""The wire between the world and the shop: real bytes through the real protocol, on connections that fail."""

import asyncio
import random
from http import HTTPStatus
from typing import Any

import msgspec

from mercato.apps.simulate.loop import SimulatedLoop
from mercato.apps.simulate.process import ShopProcess
from mercato.apps.simulate.weather import Weather

SLOW = 2.0  # seconds that a message may take at most
AGAIN = 4.0  # seconds within which a repeated request arrives
PATIENCE = 8.0  # seconds after which a client no longer waits for an answer, beside what it asked to wait


class Lost(Exception):
    """No answer came: the request or the answer was lost, the connection died, or it took too long."""


class Answer(msgspec.Struct, frozen=True):
    """What came back. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """The code of a problem document, "" for anything else."""
        if not self.headers.get("content-type", "").startswith("application/problem"):
            return ""
        return str(self.json()["code"])


class Network:
    """Carries requests to the process that runs at the moment, if one does."""

    def __init__(self, loop: SimulatedLoop, weather: Weather, randomness: random.Random) -> None:
        self.calm = False
        self.process: ShopProcess | None = None
        self._loop = loop
        self._weather = weather
        self._random = randomness
        self._open: dict[Connection, None] = {}
        self._idle: dict[str, Connection] = {}

    def send(self, peer: str, data: bytes, wait: float) -> "asyncio.Future[Answer]":
        """Send a request; the future gets its answer, or Lost."""
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._loop.call_outside(wait + PATIENCE, _lose, future)
        if not self._happens(self._weather.lose_request):
            self._loop.call_outside(self._delay(), self._deliver, peer, data, future)
        if self._happens(self._weather.repeat_request):
            self._loop.call_outside(self._random.uniform(0.0, AGAIN), self._deliver, peer, data, None)
        return future

    def cut(self) -> None:
        """The process has died, and its connections with it."""
        connections, self._open, self._idle = self._open, {}, {}
        for connection in connections:
            connection.lose()

    def _deliver(self, peer: str, data: bytes, future: "asyncio.Future[Answer] | None") -> None:
        process = self.process
        if process is None or process.protocol is None:
            if future is not None:
                self._loop.call_outside(self._delay(), _lose, future)
            return
        connection = self._idle.pop(peer, None)
        if connection is None:
            connection = Connection(self, peer)
            process.run(connection.open, process.protocol)
        self._open[connection] = None
        connection.future = future
        if self._happens(self._weather.split_request):
            cut = self._random.randint(1, len(data) - 1)
            process.run(connection.protocol.data_received, data[:cut])
            self._loop.call_outside(self._delay(), self._rest, process, connection, data[cut:])
        else:
            process.run(connection.protocol.data_received, data)

    def _rest(self, process: ShopProcess, connection: "Connection", data: bytes) -> None:
        if process.alive and not connection.is_closing():
            process.run(connection.protocol.data_received, data)

    def answered(self, connection: "Connection", answer: Answer) -> None:
        """The process has written a whole answer."""
        if connection.future is not None and not self._happens(self._weather.lose_answer):
            self._loop.call_outside(self._delay(), _give, connection.future, answer)
        self._open.pop(connection, None)
        if connection.peer in self._idle or answer.headers.get("connection") == "close":
            connection.close()
        else:
            self._idle[connection.peer] = connection

    def closed(self, connection: "Connection") -> None:
        """The process has closed a connection: an idle one, or one without an answer."""
        if self._idle.get(connection.peer) is connection:
            del self._idle[connection.peer]
        if self._open.pop(connection, False) is None:
            connection.lose()

    def _delay(self) -> float:
        if self._happens(self._weather.slow):
            return self._random.uniform(0.0, SLOW)
        return self._random.expovariate(1 / self._weather.delay)

    def _happens(self, share: float) -> bool:
        return not self.calm and share > 0 and self._random.random() < share


class Connection(asyncio.Transport):
    """The process's end of a connection, for one request after the other. What is written is collected until it is a
    whole answer."""

    def __init__(self, network: Network, peer: str) -> None:
        super().__init__({"peername": (peer, 50_000)})
        self.peer = peer
        self.future: asyncio.Future[Answer] | None = None
        self.protocol: Any = None
        self._network = network
        self._written = b""
        self._closing = False

    def open(self, protocol: Any) -> None:
        self.protocol = protocol()
        self.protocol.connection_made(self)

    def write(self, data: Any) -> None:
        if self._closing:
            return
        self._written += data
        answer = _read(self._written)
        if answer is not None:
            self._written = b""
            self._network.answered(self, answer)

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)
        self._network.closed(self)

    abort = close

    def lose(self) -> None:
        """The other end will never hear anything."""
        self._closing = True
        if self.future is not None:
            _lose(self.future)

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        """Everything has been read already."""

    def resume_reading(self) -> None:
        """Everything has been read already."""


def written(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def _read(data: bytes) -> Answer | None:
    """The answer in these bytes, None while some are missing."""
    head, mark, body = data.partition(b"\r\n\r\n")
    if not mark:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    status = int(first.split(" ", 2)[1])
    empty = status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    length = 0 if empty else int(headers.get("content-length", "0"))
    return Answer(status, headers, body) if len(body) >= length else None


def _lose(future: "asyncio.Future[Answer]") -> None:
    if not future.done():
        future.set_exception(Lost())


def _give(future: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)
