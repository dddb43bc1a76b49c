"""The door of a process: takes messages from other processes, and tells them the news of its services.

What comes in is checked as if it came from this process: who may send it, and whether its sender still waits. A
connection whose bytes are not signed for it is closed.
"""

import asyncio
import socket
import traceback
from collections.abc import Mapping
from typing import Any

import msgspec

from mercato.runtime.calls import Receiver
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
from mercato.runtime.peers.names import Form, Names
from mercato.values.messages import Failed, Malformed, Overloaded, Refusal, Unavailable

AT_ONCE = 2_000  # messages of one connection that are being served; more are told to come back later
BACKLOG = 256
MOST_UNSENT = 8 << 20  # bytes that a connection may be behind with news before it is closed

_encode = msgspec.msgpack.Encoder().encode
_NOTHING = msgspec.Raw(_encode(None))


class Door:
    """`receivers` are the services of this process by name, `logs` their logs."""

    def __init__(self, parts: Parts, names: Names, receivers: Mapping[str, Receiver], logs: Mapping[str, Any]) -> None:
        self.parts = parts
        self.names = names
        self.receivers = receivers
        self.logs = logs
        self._guests: set[Guest] = set()
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None

    def open(self, host: str, port: int) -> int:
        """Listen; the port. Raises OSError that says what to do."""
        try:
            listener = socket.create_server((host, port), backlog=BACKLOG)
        except OSError as error:
            raise OSError(
                f"cannot listen on {host}:{port} for other processes ({error.strerror}): choose another --listen"
            ) from error
        self._opening = self.parts.loop.create_task(self._serve_on(listener))
        found: int = listener.getsockname()[1]
        return found

    async def _serve_on(self, listener: socket.socket) -> None:
        self._server = await self.parts.loop.create_server(lambda: Guest(self), sock=listener)

    async def close(self, patience: float = 5.0) -> None:
        """Take no more messages, answer those that are here, close."""
        if self._server is not None:
            self._server.close()
        for guest in tuple(self._guests):
            guest.say_goodbye()
        end = self.parts.loop.time() + patience
        while any(guest.serving or not guest.has_left for guest in self._guests) and self.parts.loop.time() < end:
            await pause(self.parts.loop, 0.01)
        for guest in tuple(self._guests):
            guest.close()

    def tell(self, news: News) -> None:
        """Send the news to everybody who wants to hear of its source."""
        for guest in tuple(self._guests):
            guest.tell(news)

    def welcome(self, guest: "Guest") -> None:
        self._guests.add(guest)

    def forget(self, guest: "Guest") -> None:
        self._guests.discard(guest)

    async def serve(self, sent: Sent, form: Form | None) -> Any:
        """The reply as bytes. Raises refusals."""
        if sent.verb == "log":
            source, after, limit = msgspec.msgpack.decode(sent.body, type=tuple[str, int, int])
            log = self.logs.get(source)
            if log is None:
                raise Unavailable(f"{source} does not run here")
            return await log.fetch(after, limit)
        if sent.verb == "position":
            service, source = msgspec.msgpack.decode(sent.body, type=tuple[str, str])
            if service not in self.receivers:
                raise Unavailable(f"{service} does not run here")
            return await self.receivers[service].position(source)
        receiver = self.receivers.get(self.names.service_of(sent.message))
        if receiver is None or form is None:
            raise Unavailable(f"{sent.message} is not taken here: its sender and this process differ in what they know")
        if sent.verb == "stored":
            assert sent.key is not None, "only answers to requests with a key are stored"
            return await receiver.stored(form.message.type, sent.caller.store, sent.key, sent.wait)
        message = form.message.decode(sent.body)
        match sent.verb:
            case "do":
                return await receiver.do(message, sent.caller)
            case "once":
                assert sent.key is not None, "a request that is done once has its key"
                return await receiver.do_once(message, sent.caller, sent.key, sent.wait)
            case _:
                return await receiver.ask(message, sent.caller)


class Guest(asyncio.Protocol):
    """One connection from another process."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._loop = door.parts.loop
        self._sealing = Sealing(door.parts.keyring, b"out")
        self._opening = Opening(door.parts.keyring, b"in")
        self._drawn = door.parts.ids.secret()
        self._transport: Any = None
        self._wants: dict[str, frozenset[str]] | None = None
        self._runs: tuple[str, ...] = ()
        self._leaving: list[Any] = []
        self.serving = 0
        self.has_left = False  # it has said goodbye too: nothing of it is on its way

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        parts = self._door.parts
        welcome = Welcome(VERSION, self._drawn, parts.holder, tuple(self._door.receivers))
        transport.write(self._sealing.seal([welcome]))

    def data_received(self, data: bytes) -> None:
        try:
            for items in self._opening.read(data):
                for item in items:
                    self._take(item)
        except BadFrame as error:
            self._door.parts.telemetry.log.error("bad_frame", peer=str(self._peer), error=str(error))
            self.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self._door.forget(self)
        self._transport = None

    def say_goodbye(self) -> None:
        self._send(Goodbye())

    def close(self) -> None:
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def tell(self, news: News) -> None:
        wanted = (self._wants or {}).get(news.source)
        if wanted is None or self._transport is None:
            return
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self._transport.abort()  # it does not read: when it does again, it reads the log
            return
        envelopes = tuple(envelope for envelope in news.envelopes if envelope.type in wanted)
        answers = news.answers if news.source in self._runs else ()
        self._send(msgspec.structs.replace(news, envelopes=envelopes, answers=answers))

    def _take(self, item: Any) -> None:
        match item:
            case Hello() if self._wants is None:
                if item.version != VERSION:
                    raise BadFrame(f"it speaks version {item.version}, this process speaks {VERSION}")
                self._runs = item.runs
                self._wants = {source: frozenset(types) for source, types in item.wants.items()}
                self._sealing.bind(self._drawn + item.drawn)
                self._opening.bind(self._drawn + item.drawn)
                self._door.welcome(self)
                self._send()
            case Wants() if self._wants is not None:
                self._wants = {source: frozenset(types) for source, types in item.wants.items()}
            case Sent() if self._wants is not None:
                if self.serving >= AT_ONCE:
                    self._refuse(item, Overloaded())
                    return
                self.serving += 1
                self._loop.create_task(self._serve(item))
            case Goodbye() if self._wants is not None:
                self.has_left = True
            case _:
                raise BadFrame(f"{type(item).__name__} at this moment")

    async def _serve(self, sent: Sent) -> None:
        form = self._door.names.form(sent.message)
        try:
            reply = await asyncio.wait_for(self._door.serve(sent, form), sent.patience)
            body = _NOTHING if reply is None else msgspec.Raw(_encode(reply))
            self._send(Replied(sent.number, body))
        except Refusal as refusal:
            self._refuse(sent, refusal)
        except TimeoutError:
            pass  # nobody waits any more
        except msgspec.DecodeError as error:
            self._refuse(sent, Malformed(f"{sent.message}: {error}"))
        except Exception as error:
            text = "".join(traceback.format_exception(error))
            self._door.parts.telemetry.log.error(
                "message_failed", message=sent.message, request=sent.caller.request, error=text
            )
            self._refuse(sent, Failed())
        finally:
            self.serving -= 1

    def _refuse(self, sent: Sent, refusal: Refusal) -> None:
        self._send(Refused(sent.number, refusal.code, refusal.detail, refusal.facts))

    def _send(self, *items: Any) -> None:
        """Everything that is sent in one turn of the loop leaves in one frame."""
        if not self._leaving:
            self._loop.call_soon(self._flush)
        self._leaving.extend(items)

    def _flush(self) -> None:
        leaving, self._leaving = self._leaving, []
        if leaving and self._transport is not None:
            self._transport.writelines(self._sealing.seal_all(leaving, self._is_too_long))

    def _is_too_long(self, item: Any) -> None:
        """A reply is answered with a refusal; news are read from the log by who has not heard them."""
        self._door.parts.telemetry.log.error("too_long_for_a_frame", peer=str(self._peer), item=type(item).__name__)
        if isinstance(item, Replied | Refused):
            self._send(Refused(item.number, Failed.code, "the reply is too long", {}))
        elif self._transport is not None:
            self._loop.call_soon(self._transport.abort)

    @property
    def _peer(self) -> Any:
        return self._transport.get_extra_info("peername") if self._transport is not None else None
