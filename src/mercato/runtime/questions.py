"""Questions to one service, answered from committed state."""

import asyncio
from collections.abc import Callable
from typing import Any

from mercato.runtime.batches.executor import Executor
from mercato.runtime.batches.read_ahead import read_together
from mercato.runtime.database.engine import Connection
from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.database.statements import Statement
from mercato.runtime.parts import Parts
from mercato.runtime.reader import Reader
from mercato.runtime.service import Answerer, Ask, Keys
from mercato.values.messages import Caller, Overloaded, Unavailable

AT_ONCE = 4  # groups of questions that a server is asked side by side
WAITING = 2_000  # questions; more are told to come back later


class Questions:
    """Answers the queries of a service whose database is this process's own: point queries in the loop's thread."""

    def __init__(self, executor: Executor, parts: Parts) -> None:
        self._parts = parts
        self._executor = executor
        self._database = executor.database
        self._point = self._database.reader()
        self._reader = Reader(self._point, self._database.compiled, parts.keyring)
        self._reader.memory = executor.memory
        self._documents = executor.documents
        self._spare: list[Connection] = []

    async def ask(self, row: Ask, query: Any, caller: Caller) -> Any:
        if row.point:
            return self.answer(row.run, query, caller, snapshot=row.snapshot)
        return await self.answer_in_pool(row.run, query, caller)

    async def find(self, statement: Statement[Any], store: str, **parameters: Any) -> Any:
        """The first row of a statement; None: there is none."""
        row = self.answer(_finding(statement, parameters), None, Caller(store=store), snapshot=False)
        await self._executor.settled.wait()
        return row

    def answer(self, run: Answerer, query: Any, caller: Caller, *, snapshot: bool = True) -> Any:
        """A point query."""
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

        reply = await self._parts.pools.readers.run(work)
        await self._executor.settled.wait()  # whoever is told of a commit may ask again, and memory must not know less
        return reply

    def _answer(self, connection: Connection, run: Answerer, query: Any, caller: Caller) -> Any:
        reader = Reader(connection, self._database.compiled, self._parts.keyring)
        reader.documents = self._documents
        reader.store = caller.store
        reader.now = self._parts.clock.now()
        try:
            connection.begin((caller.store,))
            try:
                return run(reader, query, caller)
            finally:
                connection.rollback()
        except Exception as error:
            raise self._unavailable(connection.translated(error), query) from error

    def _unavailable(self, error: Exception, query: Any) -> Exception:
        """What a question that failed raises: Unavailable for a fault of the database, else the error itself."""
        if not isinstance(error, DatabaseFault):
            return error
        self._parts.telemetry.log.error("query_failed", query=type(query).__name__, error=str(error))
        return Unavailable()


class _Question:
    __slots__ = ("caller", "future", "keys", "query", "run")

    def __init__(
        self, run: Answerer, query: Any, caller: Caller, keys: tuple[Keys, ...], future: "asyncio.Future[Any]"
    ) -> None:
        self.run = run
        self.query = query
        self.caller = caller
        self.keys = keys
        self.future = future


class SharedQuestions(Questions):
    """Answers the queries of a service whose database is on a server: all that wait for a store by one transaction.

    So many ask for little more than one. Questions wait while AT_ONCE transactions are under way.
    """

    def __init__(self, executor: Executor, parts: Parts) -> None:
        super().__init__(executor, parts)
        self._reader.memory = None
        self._waiting: dict[str, list[_Question]] = {}
        self._count = 0
        self._under_way = 0
        self._scheduled = False

    async def ask(self, row: Ask, query: Any, caller: Caller) -> Any:
        return await self._put(row.run, query, caller, row.keys)

    async def find(self, statement: Statement[Any], store: str, **parameters: Any) -> Any:
        return await self._put(_finding(statement, parameters), None, Caller(store=store))

    def _put(self, run: Answerer, query: Any, caller: Caller, keys: tuple[Keys, ...] = ()) -> "asyncio.Future[Any]":
        if self._count >= WAITING:
            raise Overloaded
        future: asyncio.Future[Any] = self._parts.loop.create_future()
        self._waiting.setdefault(caller.store, []).append(_Question(run, query, caller, keys, future))
        self._count += 1
        self._schedule()
        return future

    def _schedule(self) -> None:
        if self._waiting and not self._scheduled and self._under_way < AT_ONCE:
            self._scheduled = True
            self._parts.loop.call_soon(self._send)

    def _send(self) -> None:
        self._scheduled = False
        while self._waiting and self._under_way < AT_ONCE:
            store = next(iter(self._waiting))
            group = self._waiting.pop(store)
            self._count -= len(group)
            self._under_way += 1
            self._parts.loop.create_task(self._work(store, group))

    async def _work(self, store: str, group: list[_Question]) -> None:
        try:
            outcomes = await self._parts.pools.readers.run(lambda: self._answer_all(store, group))
        except Exception as error:
            outcomes = [error] * len(group)
        self._under_way -= 1
        self._schedule()
        for question, outcome in zip(group, outcomes, strict=True):
            if question.future.done():
                continue
            if isinstance(outcome, BaseException):
                question.future.set_exception(outcome)
            else:
                question.future.set_result(outcome)

    def _answer_all(self, store: str, group: list[_Question]) -> list[Any]:
        """The reply to each, or what it raises. One whose statement fails takes the transaction from the others, who
        then get one of their own."""
        connection = self._spare.pop() if self._spare else self._database.reader()
        try:
            outcomes: list[Any] = []
            left = list(group)
            while left:
                answered = self._answer_some(connection, store, left)
                outcomes += answered
                left = left[len(answered) :]
            return outcomes
        finally:
            self._spare.append(connection)

    def _answer_some(self, connection: Connection, store: str, group: list[_Question]) -> list[Any]:
        outcomes: list[Any] = []
        reader = Reader(connection, self._database.compiled, self._parts.keyring)
        reader.documents = self._documents
        reader.store = store
        reader.now = self._parts.clock.now()
        try:
            connection.begin((store,))
            read_together(((each.keys, each.query, each.caller) for each in group), reader)
        except Exception as raised:
            connection.rollback()
            error = connection.translated(raised)
            return [self._unavailable(error, question.query) for question in group]
        for question in group:
            try:
                outcomes.append(question.run(reader, question.query, question.caller))
            except Exception as raised:
                error = connection.translated(raised)
                outcomes.append(self._unavailable(error, question.query))
                if error is not raised:
                    break
        connection.rollback()
        return outcomes


def _finding(statement: Statement[Any], parameters: dict[str, Any]) -> Callable[[Reader, Any, Caller], Any]:
    def run(reader: Reader, _query: Any, _caller: Caller) -> Any:
        return reader.one(statement, **parameters)

    return run
