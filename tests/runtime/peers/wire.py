"""A door and the links to it over real sockets, with a receiver behind it that does what a test says."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.parts import Parts, threaded_pools
from mercato.runtime.peers.door import Door
from mercato.runtime.peers.frames import VERSION, Hello, News, Opening, Sealing, Welcome
from mercato.runtime.peers.link import Link
from mercato.runtime.peers.names import Names
from mercato.runtime.peers.peer import Peer
from mercato.runtime.service import Service
from mercato.runtime.telemetry import Telemetry
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids
from mercato.values.messages import Caller, Command, Envelope, Query
from tests.runtime import notebook
from tests.runtime.cluster import until

KEYS = {"k1": b"1" * 32}


def parts(clock: ManualClock | None = None, keys: dict[str, bytes] | None = None) -> Parts:
    clock = clock or ManualClock()
    loop = asyncio.get_running_loop()
    ids = Ids(clock)
    return Parts(
        clock=clock,
        ids=ids,
        keyring=Keyring(next(iter(keys or KEYS)), keys or KEYS),
        pools=threaded_pools(loop),
        open_database=lambda _service: None,  # type: ignore[arg-type, return-value]
        telemetry=Telemetry(clock, log=io.StringIO()),
        holder=ids.new("node"),
        loop=loop,
    )


class Behind:
    """What is behind the door: it notes what comes, and answers with what `reply` makes of it."""

    def __init__(self) -> None:
        self.came: list[tuple[str, Any, Caller]] = []
        self.reply: Callable[[Any], Awaitable[Any]] = _nothing

    async def _serve(self, verb: str, message: Any, caller: Caller) -> Any:
        self.came.append((verb, message, caller))
        return await self.reply(message)

    def do(self, command: Command[Any], caller: Caller) -> Awaitable[Any]:
        return self._serve("do", command, caller)

    async def do_once(self, command: Command[Any], caller: Caller, key: IdempotencyKey, seconds: float) -> Answer:
        answer: Answer = await self._serve(f"once {key.key} {seconds}", command, caller)
        return answer

    async def ask(self, query: Query[Any], caller: Caller) -> Any:
        return await self._serve("ask", query, caller)

    async def stored(
        self, command: type[Command[Any]], store: str, key: IdempotencyKey, seconds: float
    ) -> Answer | None:
        answer: Answer | None = await self._serve(f"stored {key.key} {seconds}", command, Caller(store=store))
        return answer

    async def position(self, source: str) -> int:
        position: int = await self._serve("position", source, Caller(store=""))
        return position

    async def fetch(self, after: int, limit: int) -> list[Envelope]:
        envelopes: list[Envelope] = await self._serve("log", (after, limit), Caller(store=""))
        return envelopes


async def _nothing(_message: Any) -> None:
    return None


class Wire:
    """A peer of `services`' first one, with a link to each of its doors."""

    def __init__(self, services: tuple[Service, ...], clock: ManualClock) -> None:
        self.names = Names(services)
        self.service = services[0].name
        self.clock = clock
        self.behind: list[Behind] = []
        self.doors: list[Door] = []
        self.ports: list[int] = []
        self.links: list[Link] = []
        self.heard: list[News] = []
        self.joined: list[Link] = []
        self.parts = parts(clock)

    @property
    def peer(self) -> Peer:
        return Peer(self.service, self.parts, self.names, self.links)

    async def open_door(self, port: int = 0) -> Door:
        behind, inside = Behind(), parts(self.clock)
        receivers = dict.fromkeys(set(self.names._services.values()), behind)
        door = Door(inside, self.names, receivers, {self.service: behind})
        self.ports.append(door.open("127.0.0.1", port))
        self.behind.append(behind)
        self.doors.append(door)
        return door

    async def link_to(self, port: int) -> Link:
        hello = Hello(VERSION, b"", "me", (), {self.service: ("Changed",)})
        link = Link(self.parts, ("127.0.0.1", port), hello, self.heard.append, self.joined.append)
        self.links.append(link)
        link.start()
        await until(lambda: link.ready)
        return link

    async def close(self) -> None:
        for link in self.links:
            link.stop()
        for door in self.doors:
            await door.close(0.2)
            door.parts.pools.close()
        self.parts.pools.close()
        await asyncio.sleep(0.01)


@asynccontextmanager
async def wired(*services: Service, doors: int = 1) -> AsyncIterator[Wire]:
    wire = Wire(services or (notebook.service(),), ManualClock())
    try:
        for _ in range(doors):
            await wire.open_door()
            await wire.link_to(wire.ports[-1])
        yield wire
    finally:
        await wire.close()


class Stranger:
    """Speaks to a door by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keyring: Keyring) -> None:
        self._reader = reader
        self.writer = writer
        self.sealing = Sealing(keyring, b"in")
        self._opening = Opening(keyring, b"out")

    @classmethod
    async def at(cls, port: int, keys: dict[str, bytes] | None = None) -> "Stranger":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return cls(reader, writer, Keyring(next(iter(keys or KEYS)), keys or KEYS))

    async def greet(self, version: int = VERSION) -> None:
        """Answer the door's welcome as a link does."""
        welcome = (await self.items())[0]
        assert isinstance(welcome, Welcome)
        drawn = b"d" * 32
        self.say(Hello(version, drawn, "stranger", (), {}))
        self.sealing.bind(welcome.drawn + drawn)
        self._opening.bind(welcome.drawn + drawn)

    def say(self, *items: Any) -> bytes:
        frame = self.sealing.seal(list(items))
        self.writer.write(frame)
        return frame

    async def items(self) -> list[Any]:
        """The items of the next frames; none where the door has closed."""
        while data := await self._reader.read(65_536):
            for items in self._opening.read(data):
                return items
        return []

    async def is_shut_out(self) -> bool:
        """Whether the door has closed the connection, without another word."""
        try:
            return not await asyncio.wait_for(self._reader.read(), 5.0)
        except ConnectionError:
            return True

    async def leave(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(value))
