"""A link: the connection to one other process, made again whenever it is lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from mercato.runtime.parts import Parts
from mercato.runtime.pausing import pause
from mercato.runtime.peers.frames import (
    VERSION,
    BadFrame,
    Goodbye,
    Hello,
    News,
    Opening,
    Refused,
    Replied,
    Sealing,
    Sent,
    Wants,
    Welcome,
)
from mercato.runtime.peers.names import refusal_of
from mercato.runtime.slow_work.breaker import Breaker
from mercato.values.messages import Malformed

PAUSES = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)  # seconds between tries to connect
CONNECTING = 2.0  # seconds
SWEEP = 0.1


class Lost(Exception):
    """The link broke, or was silent for too long. `sent`: the message may have been taken."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


class Waiting(msgspec.Struct):
    """A message whose reply is awaited until `end`."""

    future: "asyncio.Future[Any]"
    end: float


class Link:
    """`introduction` is what this process says of itself; `heard` is called with the news that it wants, `joined` when
    the connection stands."""

    def __init__(
        self,
        parts: Parts,
        address: tuple[str, int],
        introduction: Hello,
        heard: Callable[[News], None],
        joined: Callable[["Link"], None],
    ) -> None:
        self.address = address
        self.services: tuple[str, ...] = ()
        self.breaker = Breaker(parts.clock)
        self._parts = parts
        self._loop = parts.loop
        self._introduction = introduction
        self._heard = heard
        self._joined = joined
        self._line: _Line | None = None
        self._stopped = False
        self._tries = 0
        self._number = 0
        self._waiting: dict[int, Waiting] = {}
        self._sweeping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = self._loop.create_task(self._connect())

    def stop(self) -> None:
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
        if self._line is not None:
            self._line.close()
        self.lost("it was closed")

    @property
    def ready(self) -> bool:
        """Whether a message may be sent to this process."""
        return self._line is not None and self._line.ready and not self.breaker.pause

    @property
    def busy(self) -> int:
        return len(self._waiting)

    def send(self, sent: Sent) -> "asyncio.Future[Any]":
        """The reply as bytes; a refusal is raised, and Lost where there is none."""
        self._number += 1
        self.breaker.lets_through()
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting[self._number] = Waiting(future, self._loop.time() + sent.patience)
        line = self._line
        assert line is not None, "only a link that is ready is given messages"
        line.put(msgspec.structs.replace(sent, number=self._number))
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP, self._sweep)
        return future

    def want(self, wants: dict[str, tuple[str, ...]]) -> None:
        """Hear of these types of events from now on, before what is sent after this is done."""
        self._introduction = msgspec.structs.replace(self._introduction, wants=wants)
        if self._line is not None and self._line.ready:
            self._line.put(Wants(wants))

    # What the connection says.

    def welcomed(self, line: "_Line", welcome: Welcome) -> Hello:
        self._line = line
        self.services = welcome.services
        self._tries = 0
        return msgspec.structs.replace(self._introduction, drawn=self._parts.ids.secret())

    def stands(self) -> None:
        self._joined(self)

    def take(self, item: Any) -> None:
        match item:
            case Replied():
                if (waiting := self._answered(item.number)) is not None:
                    waiting.future.set_result(item.body)
            case Refused():
                if (waiting := self._answered(item.number)) is not None:
                    waiting.future.set_exception(refusal_of(item.code, item.detail, item.facts))
            case News():
                self._heard(item)
            case _:
                raise BadFrame(f"{type(item).__name__} at this moment")

    def too_long(self, item: Any) -> None:
        """A message that fits into no frame was not sent."""
        waiting = self._waiting.pop(item.number, None) if isinstance(item, Sent) else None
        if waiting is not None and not waiting.future.done():
            waiting.future.set_exception(Malformed("the message is too long"))

    def lost(self, why: str) -> None:
        """Nothing that was sent will be answered."""
        self._line = None
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            if not each.future.done():
                each.future.set_exception(Lost(why, sent=True))
        if not self._stopped:
            self._task = self._loop.create_task(self._connect())

    def _answered(self, number: int) -> Waiting | None:
        waiting = self._waiting.pop(number, None)
        self.breaker.succeeded()
        return waiting if waiting is not None and not waiting.future.done() else None

    async def _connect(self) -> None:
        while not self._stopped:
            seconds = PAUSES[min(self._tries, len(PAUSES) - 1)]
            self._tries += 1
            try:
                connecting = self._loop.create_connection(lambda: _Line(self, self._parts), *self.address)
                _, line = await asyncio.wait_for(connecting, CONNECTING)
            except (OSError, TimeoutError):
                await pause(self._loop, seconds)
                continue
            self._loop.call_later(CONNECTING, line.require_welcome)
            return

    def _sweep(self) -> None:
        now = self._loop.time()
        for number, waiting in list(self._waiting.items()):
            if waiting.future.done():
                del self._waiting[number]
            elif waiting.end <= now:
                del self._waiting[number]
                self.breaker.failed()
                waiting.future.set_exception(Lost("it did not answer in time", sent=True))
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            self._loop.call_later(SWEEP, self._sweep)


class _Line(asyncio.Protocol):
    """One connection of a link."""

    def __init__(self, link: Link, parts: Parts) -> None:
        self._link = link
        self._parts = parts
        self._sealing = Sealing(parts.keyring, b"in")
        self._opening = Opening(parts.keyring, b"out")
        self._transport: Any = None
        self._leaving: list[Any] = []
        self._opened = False
        self.ready = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for items in self._opening.read(data):
                for item in items:
                    self._take(item)
        except BadFrame as error:
            self._parts.telemetry.log.error("bad_frame", peer=str(self._link.address), error=str(error))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.ready = False
        self._transport = None
        self._link.lost(str(error or "the other process closed it"))

    def require_welcome(self) -> None:
        """Whoever has not said anything by now is given up."""
        if not self._opened:
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def put(self, item: Any) -> None:
        """Everything that is sent in one turn of the loop leaves in one frame."""
        if not self._leaving:
            self._parts.loop.call_soon(self._flush)
        self._leaving.append(item)

    def _flush(self) -> None:
        leaving, self._leaving = self._leaving, []
        if self._transport is not None:
            self._transport.writelines(self._sealing.seal_all(leaving, self._link.too_long))

    def _take(self, item: Any) -> None:
        match item:
            case Welcome():
                if item.version != VERSION:
                    raise BadFrame(f"it speaks version {item.version}, this process speaks {VERSION}")
                hello = self._link.welcomed(self, item)
                self._transport.write(self._sealing.seal([hello]))
                self._sealing.bind(item.drawn + hello.drawn)
                self._opening.bind(item.drawn + hello.drawn)
                self.ready = self._opened = True
                self._link.stands()
            case Goodbye():
                self.ready = False
                self.put(Goodbye())  # after all that was sent before
            case _:
                self._link.take(item)
