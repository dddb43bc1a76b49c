"""The relay: takes a service's log to Kafka, in order, by one process at a time.

It remembers how far it is beside the log, moved by compare-and-set after Kafka has acknowledged. So an event may be
sent twice, after a crash or by two relays for a moment, and none is ever left out: consumers go by their numbers.
"""

import asyncio
from typing import Any, Protocol

from mercato.runtime.batches.executor import Executor
from mercato.runtime.batches.shared import LEASE, HoldSources, Source
from mercato.runtime.bus.positions import ADD_POSITION, LIST_POSITIONS, MOVE_POSITION
from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.parts import Parts
from mercato.runtime.pausing import pause
from mercato.runtime.service import Handle
from mercato.runtime.transaction import Transaction
from mercato.values.messages import Caller, Command, Conflict, Envelope, Refusal, System

NAME = "relay"  # its row among the positions, and its lease among those of sources
AT_ONCE = 1_000
IDLE = 0.5  # seconds after which the log is looked at, whatever was told


class Publisher(Protocol):
    """Sends events to where all consumers can read them."""

    async def publish(self, source: str, envelopes: list[Envelope], /) -> None:
        """Returns when all are safe there. Raises PublishFailed."""


class PublishFailed(Exception):
    """Not all events are known to be safe: they are sent again."""


class FindRelayed(Command[int], frozen=True):
    """The number up to which events have been sent."""

    allow = System


class RecordRelayed(Command[None], frozen=True):
    """Events up to `number` have been sent; it was `before`. Conflict: another relay was faster."""

    allow = System
    before: int
    number: int


def find_relayed(tx: Transaction, _command: FindRelayed, _caller: Caller) -> int:
    for row in tx.all(LIST_POSITIONS):
        if row.source == NAME:
            return row.number
    tx.run(ADD_POSITION, source=NAME, part=0, number=0)
    return 0


def record_relayed(tx: Transaction, command: RecordRelayed, _caller: Caller) -> None:
    if not tx.run(MOVE_POSITION, in_source=NAME, done=command.before, number=command.number):
        raise Conflict("another process relays this log")


class Relay:
    """Relays the log of one service of this process."""

    def __init__(self, executor: Executor, log: Source, publisher: Publisher, parts: Parts) -> None:
        self._executor = executor
        self._log = log
        self._publisher = publisher
        self._parts = parts
        self._news = asyncio.Event()
        self._caller = Caller.system("", "relay")
        for handle in (Handle(FindRelayed, find_relayed), Handle(RecordRelayed, record_relayed)):
            executor.add_handle(handle)

    def tell(self) -> None:
        """The log has more."""
        self._news.set()

    async def run(self) -> None:
        """Relay until the task is cancelled."""
        number: int | None = None
        held_until = 0
        while True:
            now = self._parts.clock.now()
            try:
                if now > held_until - LEASE // 2:
                    held = await self._submit(HoldSources((NAME,)))
                    if not held:
                        number = None
                        await pause(self._parts.loop, LEASE / 4_000)
                        continue
                    held_until = now + LEASE
                if number is None:
                    number = await self._submit(FindRelayed())
                number = await self._relay(number)
            except (Refusal, DatabaseFault, PublishFailed) as error:
                self._parts.telemetry.log.error("relay_failed", service=self._executor.name, error=str(error))
                number = None
                await pause(self._parts.loop, IDLE)

    async def _relay(self, number: int) -> int:
        """Send what the log has after `number`, or wait for more; the number of the last event sent."""
        self._news.clear()
        envelopes = await self._log.fetch(number, AT_ONCE)
        if not envelopes:
            waiter = self._parts.loop.create_task(self._news.wait())
            await asyncio.wait((waiter,), timeout=IDLE)
            waiter.cancel()
            return number
        await self._publisher.publish(self._executor.name, envelopes)
        last = envelopes[-1].number
        await self._submit(RecordRelayed(number, last))
        return last

    async def _submit(self, command: Command[Any]) -> Any:
        return await self._executor.submit(command, self._caller)
