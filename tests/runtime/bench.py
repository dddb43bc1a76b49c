"""Executors by hand: a batch is taken, applied, committed and settled when a test says so, in the test's own thread."""

import asyncio
import io
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.answers import IdempotencyKey
from mercato.runtime.batches.executor import Batch, Executor
from mercato.runtime.bus.event_types import EventTypes
from mercato.runtime.bus.outbox import Log
from mercato.runtime.database.engine import CompiledStatements, nothing_happens
from mercato.runtime.database.sqlite import SqliteDatabase
from mercato.runtime.migrate import migrate
from mercato.runtime.parts import OpenDatabase, Parts, Pools
from mercato.runtime.service import Service
from mercato.runtime.telemetry import Telemetry
from mercato.runtime.waiting import Waiters
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids
from mercato.values.messages import BUYER, Caller, Command
from tests.runtime import notebook, wishes

_COMPILED = CompiledStatements("sqlite")  # statements are compiled once, not for each of a property's examples

STORE, OTHER = "sto_one", "sto_two"


def buyer(name: str = "usr_ann", store: str = STORE) -> Caller:
    return Caller(store=store, buyer=name, roles=BUYER, request=f"req of {name}")


def key(text: str, *, scope: str = "ann POST /do", body: str = "body") -> IdempotencyKey:
    return IdempotencyKey(scope, text, body, 201)


class Bench:
    """The notebook and the wishes over files in a folder, without rounds, workers or jobs."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: ManualClock | None = None,
        open_database: OpenDatabase | None = None,
        reached: Callable[[str], None] = nothing_happens,
    ) -> None:
        self.folder = folder
        self.clock = clock or ManualClock()
        self.log = io.StringIO()
        self.loop = asyncio.new_event_loop()
        ids = Ids(self.clock, random.Random(7))  # noqa: S311 - nothing here is secret, and a run must be repeatable
        self.parts = Parts(
            clock=self.clock,
            ids=ids,
            keyring=Keyring("k1", {"k1": b"1" * 32}),
            pools=cast(Pools, None),
            open_database=open_database or _opened_in(folder),
            telemetry=Telemetry(self.clock, log=self.log),
            holder=ids.new("node"),
            reached=reached,
            recode=True,
            loop=self.loop,
        )
        self.waiters = Waiters(self.loop)
        services = (wishes.service(), notebook.service())
        known = EventTypes({row.event for service in services for row in service.listeners})
        self.wishes, self.notebook = (self._made(service, known) for service in services)
        logs = {executor.name: Log(executor.name, executor.database.reader(), executor.database.compiled)
                for executor in (self.wishes, self.notebook)}  # fmt: skip
        for executor in (self.wishes, self.notebook):
            executor.start(logs)
        self.wishes.committed.append(self._hand_over)

    def _made(self, service: Service, known: EventTypes) -> Executor:
        executor = Executor(service, self.parts, self.waiters, known, self.parts.open_database(service.name))
        migrate(service, executor.database, self.clock.now())
        return executor

    def _hand_over(self, batch: Batch) -> None:
        assert batch.tx is not None
        if batch.tx.events:
            self.notebook.offer("wishes", batch.tx.events)

    def tell(self, *told: tuple[str, str, int]) -> None:
        """Have the wishes tell of (name, kind, change), and commit it."""
        command = wishes.Tell(tuple(wishes.Wish(*wish) for wish in told))
        self.wishes.submit(command, buyer())
        self.drain(self.wishes)

    def run(self, *commands: Command[Any], caller: Caller | None = None, key: IdempotencyKey | None = None) -> Any:
        """Do these commands as one batch; the outcome of the last one: its reply, or its refusal as a value."""
        futures = [self.notebook.submit(command, caller or buyer(), key) for command in commands]
        self.drain(self.notebook)
        return outcome(futures[-1])

    def drain(self, executor: Executor, most: int = 1_000) -> int:
        """Batches until nothing is left to do; how many."""
        for count in range(most):
            if not executor.has_work() or (batch := executor.take()) is None:
                return count
            executor.apply(batch)
            executor.commit(batch)
            executor.settle(batch)
        raise AssertionError("the executor never comes to an end")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the notebook's committed state."""
        reader = self.notebook.database.reader()
        return reader.fetch(sql, (), 10_000)

    def pages(self) -> dict[str, int]:
        return dict(cast("list[tuple[str, int]]", self.rows("SELECT name, amount FROM pages ORDER BY name")))

    def position(self) -> int:
        ((number,),) = self.rows("SELECT number FROM positions")
        return int(number)

    def close(self) -> None:
        self.wishes.close()
        self.notebook.close()
        self.loop.close()


def _opened_in(folder: Path) -> OpenDatabase:
    def opened(service: str) -> SqliteDatabase:
        database = SqliteDatabase(folder / f"{service}.db")
        database.compiled = _COMPILED
        return database

    return opened


def outcome(future: "asyncio.Future[Any]") -> Any:
    """What a future holds, a refusal as a value."""
    assert future.done(), "it has no outcome yet"
    return future.exception() or future.result()


def migrated(folder: Path) -> Path:
    """Files of both services with their tables, to be copied for each example of a property."""
    Bench(folder).close()
    return folder


def copied(template: Path, folder: Path) -> Path:
    for name in ("wishes.db", "notebook.db"):
        shutil.copy(template / name, folder / name)
    return folder
