"""Nodes that run wishes and notebook apart, or together: who tells and who listens, over real databases.

They share one loop and one clock, which stands until it is told to go on. What is said between nodes goes over
sockets; events go the same way, or by Kafka.
"""

import asyncio
import io
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import msgspec

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.batches.executor import Executor
from mercato.runtime.kafka.bus import KafkaBus
from mercato.runtime.node import Node
from mercato.runtime.parts import Parts, threaded_pools
from mercato.runtime.peers.network import Address, Place
from mercato.runtime.telemetry import Telemetry
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids
from mercato.values.messages import BUYER, Caller
from tests.journeys.town import free_port
from tests.runtime import notebook, wishes
from tests.runtime.ground import Ground
from tests.runtime.wishes import Tell, Wish
from tests.services.conftest import PATIENCE
from tools.engines import Engine

STORE = "sto_one"
ANN = Caller(store=STORE, buyer="usr_ann", roles=BUYER, request="req of ann")
Runs = tuple[str, ...]


class Cluster:
    """`layout` says which services run in each node; nodes are started by their places in it."""

    def __init__(self, ground: Ground, layout: tuple[Runs, ...], events: Engine | None = None) -> None:
        self.ground = ground
        self.clock = ManualClock()
        self.patience = 40.0  # seconds
        self.log = io.StringIO()
        self.nodes: dict[int, Node] = {}
        self.servers = events.url.removeprefix("kafka://") if events is not None else ""
        self.name = f"contracts_{token_hex(4)}"
        self._layout = layout
        self._ids = Ids(self.clock)
        self._doors: list[Address] = [("127.0.0.1", free_port()) for _ in layout]

    def start(self, place: int) -> Node:
        runs = self._layout[place]
        peers = {
            service: tuple(door for door, each in zip(self._doors, self._layout, strict=True) if service in each)
            for service in ("wishes", "notebook")
        }
        apart = Place(frozenset(runs), self._doors[place], peers) if len(self._layout) > 1 else None
        node = Node([wishes.service(), notebook.service()], self.parts(), apart)
        node.start()
        self.nodes[place] = node
        return node

    def parts(self) -> Parts:
        """As one more process has them."""
        loop = asyncio.get_running_loop()
        parts = Parts(
            clock=self.clock,
            ids=self._ids,
            keyring=Keyring("k1", {"k1": b"1" * 32}),
            pools=threaded_pools(loop),
            open_database=self.ground.open,
            telemetry=Telemetry(self.clock, log=self.log),
            holder=self._ids.new("node"),
            loop=loop,
        )
        if self.servers:
            parts = msgspec.structs.replace(parts, bus=KafkaBus(self.servers, self.name, parts.holder, parts))
        return parts

    def executor(self, place: int, service: str = "notebook") -> Executor:
        return self.nodes[place].executors[service]

    async def stop(self, place: int) -> None:
        await self.nodes.pop(place).stop()

    async def crash(self, place: int) -> None:
        """The process is gone: nothing is said, no lease is freed."""
        node = self.nodes.pop(place)
        for executor in node.executors.values():
            executor._paused = True
            await executor.settled.wait()
            if executor.database.shared:
                executor.let_go(set(executor.feeds))  # type: ignore[attr-defined]
        node.rounds.stop()
        for task in node._tasks:
            task.cancel()
        if node._network is not None:
            node._network.leave()
            if (door := node._network._door) is not None:
                await door.close(0.0)
        if node._bus is not None:
            node._bus.leave()
        node.parts.pools.close()
        for executor in node.executors.values():
            executor.close()

    async def close(self) -> None:
        for place in tuple(self.nodes):
            await self.stop(place)

    async def tell(self, *told: tuple[str, str, int], by: int = 0) -> None:
        """Have the wishes of a node tell of (name, kind, change)."""
        node = self.nodes[by]
        await node.calls.do(Tell(tuple(Wish(*each) for each in told)), ANN)

    def rows(self, sql: str, service: str = "notebook") -> list[tuple[Any, ...]]:
        return self.ground.rows(service, sql)

    def pages(self) -> dict[str, int]:
        return {name: int(amount) for name, amount in self.rows("SELECT name, amount FROM pages ORDER BY name")}

    def sheets(self) -> dict[str, list[int]]:
        rows = self.rows("SELECT id, body FROM documents ORDER BY id")
        return {name: [int(word) for word in msgspec.json.decode(body)["words"]] for name, body in rows}

    def last(self) -> int:
        ((number,),) = self.rows("SELECT coalesce(max(number), 0) FROM outbox", "wishes")
        return int(number)

    def position(self) -> int:
        rows = self.rows("SELECT number FROM positions WHERE source = 'wishes'")
        return int(rows[0][0]) if rows else 0

    async def caught_up(self) -> None:
        """Wait until everything that was told has had its effect."""
        last = self.last()
        await until(lambda: self.position() >= last, self.patience)

    def logged(self) -> dict[str, list[int]]:
        """What was told of each name, in the order of the log."""
        found: dict[str, list[int]] = {}
        numbers = []
        for number, body in self.rows("SELECT number, body FROM outbox ORDER BY number", "wishes"):
            numbers.append(number)
            wish = msgspec.json.decode(bytes(body))
            found.setdefault(wish["name"], []).append(wish["change"])
        assert numbers == list(range(1, len(numbers) + 1))
        return found


async def until(holds: Callable[[], Any], patience: float = PATIENCE) -> None:
    async with asyncio.timeout(patience):
        while not holds():  # noqa: ASYNC110 - what is waited for sets no event, as a row that appears
            await asyncio.sleep(0.03)
