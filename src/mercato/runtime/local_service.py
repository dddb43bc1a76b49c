"""A service that this process runs, as those see it who send it messages."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.batches.executor import Executor
from mercato.runtime.database.idempotency import FIND_ANSWER, FIND_KEY, KeyRow
from mercato.runtime.parts import Parts
from mercato.runtime.questions import Questions, SharedQuestions
from mercato.runtime.service import Ask, Await, Consult, Needs
from mercato.runtime.waiting import News, Waiters
from mercato.values.clock import SECOND
from mercato.values.messages import Caller, Command, Forbidden, KeyReused, Query, Refusal

LOOK = 1.0  # seconds after which who waits looks once more: what another process tells of an outcome may be lost

# How long slow work of a kind does not go out, in milliseconds.
PauseOf = Callable[[str], int]


class LocalService:
    """Takes messages to the executor of a service and its questions."""

    def __init__(self, executor: Executor, parts: Parts, waiters: Waiters, pause_of: PauseOf) -> None:
        self._executor = executor
        self._loop = parts.loop
        self._readers = parts.pools.readers
        self._waiters = waiters
        self._pause_of = pause_of
        self._questions = SharedQuestions(executor, parts) if executor.database.shared else Questions(executor, parts)
        service = executor.service
        self._asks: dict[type[Query[Any]], Ask] = {row.message: row for row in service.asks}
        self._awaits: dict[type[Query[Any]], Await] = {row.message: row for row in service.awaits}
        self._consults: dict[type[Query[Any]], Consult] = {row.message: row for row in service.consults}
        self._subjects = {row.message: row.subject for row in service.handlers if row.subject is not None}
        self._needs = {row.message: _checked(row.needs, executor) for row in service.handlers if row.needs is not None}

    def do(self, command: Command[Any], caller: Caller) -> Awaitable[Any]:
        if (refusal := self._missing(command)) is not None:
            raise refusal
        return self._executor.submit(command, caller)

    async def do_once(self, command: Command[Any], caller: Caller, key: IdempotencyKey, seconds: float) -> Answer:
        refusal = self._missing(command)
        if refusal is not None and await self._find(caller.store, key) is None:
            raise refusal
        subject_of = self._subjects.get(type(command))
        outcome, subject = None, None
        end = self._loop.time() + seconds
        if seconds > 0 and subject_of is not None:
            subject = subject_of(command)
            outcome = self._register(caller.store, subject, end)
        answer: Answer = await self._executor.submit(command, caller, key)
        if answer.body is not None or seconds <= 0:
            return answer
        assert answer.subject is not None, "an answer without a body names what to wait for"
        if outcome is not None and answer.subject == subject:
            decided = await outcome
            if decided is not None or self._loop.time() >= end:
                return decided or answer
        return await self._wait_for(caller.store, answer.subject, end - self._loop.time()) or answer

    async def ask(self, query: Query[Any], caller: Caller) -> Any:
        kind = type(query)
        if not kind.allow.admits(caller.roles):
            raise Forbidden(f"{kind.__name__} is for {kind.allow.name}")
        row = self._asks.get(kind)
        if row is not None:
            return await self._questions.ask(row, query, caller)
        if (consult := self._consults.get(kind)) is not None:
            return await consult.run(query, caller)
        return await self._await(self._awaits[kind], query, caller)

    async def stored(
        self, _command: type[Command[Any]], store: str, key: IdempotencyKey, seconds: float
    ) -> Answer | None:
        answer = await self._find(store, key)
        if answer is None or answer.body is not None or seconds <= 0:
            return answer
        assert answer.subject is not None, "an answer without a body names what to wait for"
        return await self._wait_for(store, answer.subject, seconds) or answer

    async def position(self, source: str) -> int:
        if not self._executor.database.shared:
            return self._executor.feeds[source].position
        positions = await self._readers.run(self._executor.positions)
        return positions[source]

    async def _find(self, store: str, key: IdempotencyKey) -> Answer | None:
        row: KeyRow | None = await self._questions.find(FIND_KEY, store, scope=key.scope, client_key=key.key)
        if row is None:
            return None
        if row.fingerprint != key.fingerprint:
            raise KeyReused
        return Answer(row.status or key.status, row.body, row.subject)

    async def _wait_for(self, store: str, subject: str, seconds: float) -> Answer | None:
        """The final answer that is being decided for `subject`; None when time is up."""
        end = self._loop.time() + seconds
        while True:
            future = self._register(store, subject, end)
            row: KeyRow | None = await self._questions.find(FIND_ANSWER, store, subject=subject)
            if row is not None and row.body is not None:
                future.cancel()
                return Answer(row.status or 200, row.body, subject)
            news = await future
            if news is not None or self._loop.time() >= end:
                return news

    async def _await(self, row: Await, query: Query[Any], caller: Caller) -> Any:
        look = Ask(row.message, row.read, keys=row.keys)
        seconds: float = query.seconds  # type: ignore[attr-defined]
        end = self._loop.time() + seconds
        while True:
            future = self._register(caller.store, row.subject(query), end)
            reply = await self._questions.ask(look, query, caller)
            if row.settled(reply, query) or self._loop.time() >= end:
                future.cancel()
                return reply
            await future

    def _register(self, store: str, subject: str, end: float) -> asyncio.Future[News]:
        return self._waiters.register(store, subject, min(LOOK, end - self._loop.time()))

    def _missing(self, command: Command[Any]) -> Refusal | None:
        """The refusal of a command whose slow work could not go out; None: it may be executed."""
        needs = self._needs.get(type(command))
        if needs is None:
            return None
        pause = self._pause_of(needs.kind)
        return needs.refusal(retry_after=-(-pause // SECOND)) if pause else None


def _checked(needs: Needs, executor: Executor) -> Needs:
    if needs.kind not in {work.kind for work in executor.service.work}:
        raise ValueError(f"a command of {executor.name} needs work of kind {needs.kind!r}: its manifest has none")
    return needs
