"""A small service with slow work and timed work; what the outside party does is handed in by the test."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from sqlalchemy import MetaData, Table

from mercato.runtime.database.columns import Text, identity, required, store
from mercato.runtime.database.statements import insert_into
from mercato.runtime.service import Door, Handle, Job, Service, Work
from mercato.runtime.transaction import Intent, Transaction
from mercato.values.clock import MINUTE
from mercato.values.messages import Anyone, Caller, Command, System

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


class Errand(msgspec.Struct, frozen=True):
    name: str


class Send(Command[None], frozen=True):
    """Send somebody out, `after` so many milliseconds; with `fails` nothing of it is committed."""

    allow = Anyone
    name: str
    after: int = 0
    fails: bool = False


class Record(Command[None], frozen=True):
    allow = System
    name: str
    outcome: str


def send(tx: Transaction, command: Send, _caller: Caller) -> None:
    tx.start("errand", command.name, Errand(command.name), command.after)
    if command.fails:
        raise RuntimeError("it comes to nothing")


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

    def service(self, tries: int = 4) -> Service:
        return Service(
            name="errands",
            package=__name__,
            tables=metadata,
            handlers=(Handle(Send, send), Handle(Record, record)),
            work=(Work("errand", Errand, self.run, self.give_up, peer="outside", at_once=2, tries=tries),),
            jobs=(Job("tick", MINUTE, self.tick),),
        )
