"""Callers that wait for an outcome which a later transaction decides.

A future is registered under the id of what is being decided, before the command is sent; it is set after the commit
that holds the outcome. One sweep for all deadlines: no timer for each request.
"""

import asyncio
from collections.abc import Iterable

from mercato.runtime.answers import Answer, Answered

SWEEP = 0.1  # seconds

Key = tuple[str, str]
News = Answer | None


class Waiters:
    """Futures by (store, subject). Their result is the final answer, or None: look again, or time is up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._futures: dict[Key, list[tuple[float, asyncio.Future[News]]]] = {}
        self._sweeping = False

    def register(self, store: str, subject: str, seconds: float) -> "asyncio.Future[News]":
        future: asyncio.Future[News] = self._loop.create_future()
        self._futures.setdefault((store, subject), []).append((self._loop.time() + seconds, future))
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP, self._sweep)
        return future

    def answered(self, answers: Iterable[Answered]) -> None:
        """Final answers that have just been committed."""
        for answer in answers:
            self._set((answer.store, answer.subject), Answer(answer.status, answer.body, answer.subject))

    def answered_before(self, answers: Iterable[Answered]) -> None:
        """Some of these were answered before: who waits looks what is stored."""
        for answer in answers:
            self.changed(answer.store, answer.subject)

    def changed(self, store: str, subject: str) -> None:
        """Something about `subject` was committed: who waits for it should look again."""
        self._set((store, subject), None)

    def _set(self, key: Key, news: News) -> None:
        if waiting := self._futures.pop(key, None):
            for _, future in waiting:
                if not future.done():
                    future.set_result(news)

    def _sweep(self) -> None:
        now = self._loop.time()
        for key, waiting in list(self._futures.items()):
            left = [(deadline, future) for deadline, future in waiting if not _ended(deadline, future, now)]
            if left:
                self._futures[key] = left
            else:
                del self._futures[key]
        self._sweeping = bool(self._futures)
        if self._sweeping:
            self._loop.call_later(SWEEP, self._sweep)


def _ended(deadline: float, future: "asyncio.Future[News]", now: float) -> bool:
    if future.done():
        return True
    if deadline <= now:
        future.set_result(None)
        return True
    return False
