"""A small service with slow work and timed work; what the outside party does is handed in by the test."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import MetaData, Table

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.database.columns import Text, identity, required, store
from mercato.runtime.database.opening import sqlite_in
from mercato.runtime.database.sqlite import connect
from mercato.runtime.database.statements import insert_into
from mercato.runtime.node import Node
from mercato.runtime.parts import Parts, threaded_pools
from mercato.runtime.service import Door, Handle, Job, Needs, Service, Work
from mercato.runtime.telemetry import Telemetry
from mercato.runtime.transaction import Intent, Transaction
from mercato.values.clock import MINUTE, ManualClock
from mercato.values.ids import Ids
from mercato.values.messages import Anyone, Caller, Command, Refusal, System

metadata = MetaData()
done = Table(
    "done",
    metadata,
    identity("name"),
    store(),
    required("outcome", Text),
    sqlite_with_rowid=False,
)
ADD_DONE = insert_into(done)

CALLER = Caller.system("sto_one", "test")


class Errand(msgspec.Struct, frozen=True):
    name: str


class Send(Command[None], frozen=True):
    """Send somebody out, `after` so many milliseconds; with `fails` nothing of it is committed."""

    allow = Anyone
    name: str
    after: int = 0
    fails: bool = False


class NobodyGoes(Refusal):
    status, code = 503, "nobody_goes"


class SendAtOnce(Command[None], frozen=True):
    """Send somebody out, or do nothing."""

    allow = Anyone
    name: str


class Record(Command[None], frozen=True):
    allow = System
    name: str
    outcome: str


def send(tx: Transaction, command: Send, _caller: Caller) -> None:
    tx.start("errand", command.name, Errand(command.name), command.after)
    if command.fails:
        raise RuntimeError("it comes to nothing")


def send_at_once(tx: Transaction, command: SendAtOnce, _caller: Caller) -> None:
    tx.start("errand", command.name, Errand(command.name))


def record(tx: Transaction, command: Record, _caller: Caller) -> None:
    tx.run(ADD_DONE, name=command.name, outcome=command.outcome)


Outside = Callable[[Errand, Intent], Awaitable[str]]
Timed = Callable[[Door, int], Awaitable[None]]


class Home:
    """Where errands and jobs are noted: what was called, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.called: list[tuple[str, int]] = []
        self.ran: list[int] = []
        self.outside: Outside | None = None

    async def run(self, errand: Errand, intent: Intent, _calls: Door) -> Record:
        self.called.append((errand.name, intent.attempts))
        outcome = "well" if self.outside is None else await self.outside(errand, intent)
        return Record(errand.name, outcome)

    async def tick(self, _calls: Door, now: int) -> None:
        self.ran.append(now)

    @staticmethod
    def give_up(errand: Errand, _intent: Intent) -> Record:
        return Record(errand.name, "given up")

    @staticmethod
    def shut_out(errand: Errand, _intent: Intent) -> Record:
        return Record(errand.name, "not sent")

    def service(self, tries: int = 4, *, waits: bool = True) -> Service:
        shut_out = None if waits else self.shut_out
        return Service(
            name="errands",
            package=__name__,
            tables=metadata,
            handlers=(
                Handle(Send, send),
                Handle(SendAtOnce, send_at_once, needs=Needs("errand", NobodyGoes)),
                Handle(Record, record),
            ),
            work=(
                Work("errand", Errand, self.run, self.give_up, "outside", at_once=2, tries=tries, shut_out=shut_out),
            ),
            jobs=(Job("tick", MINUTE, self.tick),),
        )


@asynccontextmanager
async def living(
    home: Home, clock: ManualClock, *, tries: int = 4, waits: bool = True, alone: bool = False
) -> AsyncIterator[Node]:
    """A node with the errands. Each one is a process of its own to the leases; one that is `alone` knows that the
    others have ended."""
    loop = asyncio.get_running_loop()
    ids = Ids(clock)
    parts = Parts(
        clock=clock,
        ids=ids,
        keyring=Keyring("k1", {"k1": b"1" * 32}),
        pools=threaded_pools(loop),
        open_database=sqlite_in(home.folder),
        telemetry=Telemetry(clock, log=io.StringIO()),
        holder=ids.new("node"),
        recode=True,
        owns_alone=alone,
        loop=loop,
    )
    node = Node([home.service(tries, waits=waits)], parts)
    node.start()
    try:
        yield node
    finally:
        await node.stop()


def rows(home: Home, sql: str) -> list[tuple[Any, ...]]:
    connection = connect(home.folder / "errands.db")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
