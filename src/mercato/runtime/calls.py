"""`do(command)` and `ask(query)`: to a service of this process; another process will answer the same.

Routes, front-ends, workers, jobs and tests call; handlers and listeners never do. The receiver checks who may send.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.batches.executor import Executor
from mercato.runtime.database.engine import Connection
from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.database.idempotency import FIND_ANSWER, FIND_KEY, KeyRow
from mercato.runtime.parts import Parts
from mercato.runtime.service import Answerer, Ask, Await, Needs
from mercato.runtime.transaction import Intent, Reader
from mercato.runtime.waiting import Waiters
from mercato.values.clock import SECOND
from mercato.values.messages import Caller, Command, Forbidden, KeyReused, Query, Refusal, Unavailable

Reply = TypeVar("Reply")

PauseOf = Callable[[str], int]


class NoSuchService(Exception):
    """A message was sent that no service of this process handles."""


class Questions:
    """Answers the queries of one service from committed state."""

    def __init__(self, executor: Executor, parts: Parts) -> None:
        self._executor = executor
        self._parts = parts
        self._database = executor.database
        self._point = self._database.reader()
        self._reader = Reader(self._point, self._database.compiled, parts.keyring)
        self._reader.memory = executor.memory
        self._spare: list[Connection] = []

    def answer(self, run: Answerer, query: Any, caller: Caller, *, snapshot: bool = True) -> Any:
        """A point query, in the loop's thread."""
        if snapshot:
            return self._answer(self._point, run, query, caller)
        reader = self._reader
        reader.store = caller.store
        reader.now = self._parts.clock.now()
        try:
            return run(reader, query, caller)
        except Exception as error:
            raise self._unavailable(self._point.translated(error), query) from error

    async def answer_in_pool(self, run: Answerer, query: Any, caller: Caller) -> Any:
        """A query that may take long, in the pool of readers."""

        def work() -> Any:
            try:
                connection = self._spare.pop() if self._spare else self._database.reader()
            except DatabaseFault as fault:
                raise self._unavailable(fault, query) from fault
            try:
                return self._answer(connection, run, query, caller)
            finally:
                self._spare.append(connection)

        return await self._parts.pools.readers.run(work)

    def _answer(self, connection: Connection, run: Answerer, query: Any, caller: Caller) -> Any:
        reader = Reader(connection, self._database.compiled, self._parts.keyring)
        reader.store = caller.store
        reader.now = self._parts.clock.now()
        try:
            connection.execute("BEGIN")
            try:
                return run(reader, query, caller)
            finally:
                connection.execute("COMMIT")
        except Exception as error:
            raise self._unavailable(connection.translated(error), query) from error

    def _unavailable(self, error: Exception, query: Any) -> Exception:
        """What a question that failed raises: Unavailable for a fault of the database, else the error itself."""
        if not isinstance(error, DatabaseFault):
            return error
        self._parts.telemetry.log.error("query_failed", query=type(query).__name__, error=str(error))
        return Unavailable()

    def stored_key(self, store: str, key: IdempotencyKey) -> KeyRow | None:
        return self._find(FIND_KEY, store, scope=key.scope, client_key=key.key)

    def stored_answer(self, store: str, subject: str) -> KeyRow | None:
        return self._find(FIND_ANSWER, store, subject=subject)

    def _find(self, statement: Any, store: str, **parameters: Any) -> KeyRow | None:
        def run(reader: Reader, _query: Any, _caller: Caller) -> KeyRow | None:
            found: KeyRow | None = reader.one(statement, **parameters)
            return found

        answer: KeyRow | None = self.answer(run, None, Caller(store=store), snapshot=False)
        return answer


class Calls:
    """Sends messages to the services that serve them."""

    def __init__(self, parts: Parts, waiters: Waiters) -> None:
        self._parts = parts
        self._waiters = waiters
        self._executors: dict[type[Command[Any]], Executor] = {}
        self._questions: dict[type[Any], Questions] = {}
        self._asks: dict[type[Query[Any]], Ask] = {}
        self._awaits: dict[type[Query[Any]], Await] = {}
        self._needs: dict[type[Command[Any]], tuple[Needs, PauseOf]] = {}

    def add(self, executor: Executor, pause_of: PauseOf) -> None:
        """Make the messages of a service known. `pause_of` tells how long slow work of a kind does not go out (ms)."""
        questions = Questions(executor, self._parts)
        for handle in executor.service.handlers:
            _require_allow(handle.message)
            if handle.needs is not None:
                self._needs[handle.message] = _checked(handle.needs, executor), pause_of
            self._executors[handle.message] = executor
            self._questions[handle.message] = questions
        for ask in executor.service.asks:
            _require_allow(ask.message)
            self._asks[ask.message] = ask
            self._questions[ask.message] = questions
        for row in executor.service.awaits:
            _require_allow(row.message)
            self._awaits[row.message] = row
            self._questions[row.message] = questions

    def do(self, command: Command[Reply], caller: Caller) -> Awaitable[Reply]:
        """Have a command executed; its reply, or its Refusal raised, after the commit."""
        executor = self._executor(command)
        if (refusal := self._missing(command)) is not None:
            raise refusal
        return executor.submit(command, caller)

    def do_once(self, command: Command[Any], caller: Caller, key: IdempotencyKey) -> Awaitable[Answer]:
        """Have a command executed once for this key; its final answer as bytes, the same on every repetition.

        The body is None while the outcome is being decided: `wait_for` it.
        """
        executor = self._executor(command)
        refusal = self._missing(command)
        if refusal is not None and self.stored(type(command), caller.store, key) is None:
            raise refusal
        return executor.submit(command, caller, key)

    def finish(self, command: Command[Any], caller: Caller, intent: Intent) -> Awaitable[Any]:
        """Have the outcome of slow work recorded, and its intent removed with it."""
        return self._executor(command).submit(command, caller, None, intent)

    def stored(self, command: type[Command[Any]], store: str, key: IdempotencyKey) -> Answer | None:
        """What a request with this key was answered before, None when it is new. Raises KeyReused."""
        row = self._questions[command].stored_key(store, key)
        if row is None:
            return None
        if row.fingerprint != key.fingerprint:
            raise KeyReused
        return Answer(row.status or key.status, row.body, row.subject)

    def expect(self, store: str, subject: str, seconds: float) -> "asyncio.Future[Answer | None]":
        """Register for the outcome of `subject`, before the command that begins it is sent."""
        return self._waiters.register(store, subject, seconds)

    async def wait_for(self, command: type[Command[Any]], store: str, subject: str, seconds: float) -> Answer | None:
        """The final answer that is being decided for `subject`; None when time is up."""
        loop = self._parts.loop
        end = loop.time() + seconds
        while True:
            future = self._waiters.register(store, subject, end - loop.time())
            row = self._questions[command].stored_answer(store, subject)
            if row is not None and row.body is not None:
                future.cancel()
                return Answer(row.status or 200, row.body, subject)
            news = await future
            if news is not None or loop.time() >= end:
                return news

    async def ask(self, query: Query[Reply], caller: Caller) -> Reply:
        """Ask about committed state; the reply, or a Refusal raised."""
        kind = type(query)
        if not kind.allow.admits(caller.roles):
            raise Forbidden(f"{kind.__name__} is for {kind.allow.name}")
        row = self._asks.get(kind)
        reply: Reply
        if row is None:
            reply = await self._await(query, caller)
        elif row.point:
            reply = self._questions[kind].answer(row.run, query, caller, snapshot=row.snapshot)
        else:
            reply = await self._questions[kind].answer_in_pool(row.run, query, caller)
        return reply

    async def _await(self, query: Query[Any], caller: Caller) -> Any:
        row = self._awaits.get(type(query))
        if row is None:
            raise NoSuchService(f"no service of this process answers {type(query).__name__}")
        questions, loop = self._questions[type(query)], self._parts.loop
        seconds: float = query.seconds  # type: ignore[attr-defined]
        end = loop.time() + seconds
        while True:
            future = self._waiters.register(caller.store, row.subject(query), end - loop.time())
            reply = questions.answer(row.read, query, caller)
            if row.settled(reply, query) or loop.time() >= end:
                future.cancel()
                return reply
            await future

    def _missing(self, command: Command[Any]) -> Refusal | None:
        """The refusal of a command whose slow work could not go out; None: it may be executed."""
        row = self._needs.get(type(command))
        if row is None:
            return None
        needs, pause_of = row
        pause = pause_of(needs.kind)
        return needs.refusal(retry_after=-(-pause // SECOND)) if pause else None

    def _executor(self, command: Command[Any]) -> Executor:
        executor = self._executors.get(type(command))
        if executor is None:
            raise NoSuchService(f"no service of this process handles {type(command).__name__}")
        return executor


def _checked(needs: Needs, executor: Executor) -> Needs:
    if needs.kind not in {work.kind for work in executor.service.work}:
        raise ValueError(f"a command of {executor.name} needs work of kind {needs.kind!r}: its manifest has none")
    return needs


def _require_allow(message: type[msgspec.Struct]) -> None:
    if not hasattr(message, "allow"):
        raise TypeError(f"{message.__name__} does not say who may send it: give it `allow = ...`")
