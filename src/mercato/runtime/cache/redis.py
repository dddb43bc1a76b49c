"""A cache in Redis, by one connection on which everything that is wanted at a time goes out together.

No request waits for it longer than twice PATIENCE, none for a connection, and none at all while it is late or down. It
is down from the first failure on; then a task of its own tries again, now and then, until it is well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from hashlib import sha1
from itertools import chain
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from mercato.runtime.access.limits import Rule
from mercato.runtime.cache import scripts
from mercato.runtime.cache.around import Around
from mercato.runtime.cache.engine import LONGEST, Found, Permit
from mercato.runtime.cache.figures import Figures

PATIENCE = 0.025  # seconds for which those who wait do so; the server may still answer
GONE_AFTER = 0.5  # seconds without an answer, after which the server is down
PAUSES = (0.0, 0.1, 0.5, 1.0, 2.0)  # seconds between attempts to reach it again, the last one again and again
AT_ONCE = 100  # commands in a batch, and buckets in a command
MOST_DROPS = 20_000  # that may wait for the server to be back
PREFIX = "mercato:"

_NAMES = {
    script: sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (scripts.FIND, scripts.KEEP, scripts.TAKE)
}
_NOTHING = Found()

Command = tuple[Any, ...]


def _ignore(_reply: Any) -> None: ...


class _Wish:
    """A command, and who waits for what its reply says, as `read` reads it. `drop` is the number of what it drops.
    `patient`: no request waits for it, so it may be late."""

    __slots__ = ("command", "drop", "patient", "read", "reply")

    def __init__(self, command: Command, read: Callable[[Any], Any] = _ignore, drop: int = 0) -> None:
        self.command = command
        self.read = read
        self.reply: asyncio.Future[Any] | None = None
        self.patient = False
        self.drop = drop

    def answer(self, said: Any) -> None:
        if self.reply is not None and not self.reply.done():
            self.reply.set_result(said)

    @property
    def is_over(self) -> bool:
        return self.reply is not None and self.reply.done()


class RedisCache:
    shared = True

    def __init__(self, url: str, around: Around) -> None:
        self.up = False
        self.patience = PATIENCE
        self.gone_after = GONE_AFTER
        self.figures = Figures(around.telemetry.registry)
        self._client = Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,  # every exchange has a time, that for connecting included
            socket_connect_timeout=None,
            max_connections=2,
        )
        self._loop = around.loop
        self._clock = around.clock
        self._ids = around.ids
        self._log = around.telemetry.log
        self._late = False
        self._closed = False
        self._gone_since: float | None = None
        self._attempts = 0
        self._wishes: list[_Wish] = []
        self._drops: dict[int, tuple[Command, float]] = {}
        self._dropped = 0
        self._doubted_until = 0.0
        self._sender: asyncio.Task[None] | None = None
        self._seeker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._seek()

    async def find(self, kind: str, key: str) -> Found:
        gate, place = _gate(kind), f"{PREFIX}{kind}:{key}"

        def read(reply: list[Any]) -> Found:
            value, left, gate_now, now = reply
            return Found(value, int(left), Permit(kind, key, gate_now.decode("latin-1"), int(now)))

        found: Found | None = await self._ask((*_call(scripts.FIND, gate, place), self._stamp()), read)
        if found is None:
            self.figures.found.labels(kind, "late" if self.up else "down").inc()
            return _NOTHING
        self.figures.found.labels(kind, "miss" if found.value is None else "hit").inc()
        return found

    def keep(self, permit: Permit, subject: str, value: bytes, life: int) -> None:
        if self.up and not self._late:
            kind = permit.kind
            call = _call(scripts.KEEP, _gate(kind), _subject(kind, subject), f"{PREFIX}{kind}:{permit.key}")
            gate = permit.gate.encode("latin-1")
            self._wish(_Wish((*call, gate, self._stamp(), value, permit.asked_at + life)))

    def drop(self, kind: str, subjects: Iterable[str]) -> None:
        command = ("DEL", _gate(kind), *(_subject(kind, subject) for subject in subjects))
        if len(self._drops) >= MOST_DROPS:  # what was kept until now is over then, dropped or not
            self._drops.clear()
            self._doubted_until = self._clock.elapsed() + LONGEST / 1_000
        self._dropped += 1
        self._drops[self._dropped] = (command, self._clock.elapsed() + LONGEST / 1_000)
        self.figures.drops.set(len(self._drops))
        if self.up:
            self._wish(_Wish(command, drop=self._dropped))

    async def take(self, rule: Rule, tokens: Mapping[str, int]) -> tuple[float, ...] | None:
        keys = list(tokens)
        parts = [keys[at : at + AT_ONCE] for at in range(0, len(keys), AT_ONCE)]
        calls = [_take(rule, part, 0, [tokens[key] for key in part]) for part in parts]
        asked = [self._ask(call, _floats, patient=True) for call in calls]
        left = [await numbers for numbers in asked]
        return None if None in left else tuple(chain.from_iterable(left))

    async def ask(self, rule: Rule, key: str) -> float | None:
        before = await self._ask(_take(rule, [key], 1, [1]), _floats)
        return None if before is None else float(before[0])

    async def close(self) -> None:
        """What is to be dropped is dropped first, if the server answers."""
        if self._sender is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._sender), self.gone_after)
        self._closed = True
        self.up = False
        if self._timer is not None:
            self._timer.cancel()
        for task in (self._sender, self._seeker):
            if task is not None:
                task.cancel()
        self._give_up(self._wishes)
        with suppress(Exception):  # it is over either way
            await self._client.aclose()

    # Sending.

    def _ask(self, command: Command, read: Callable[[Any], Any], *, patient: bool = False) -> "asyncio.Future[Any]":
        """What the reply says, which will be there in a moment; None where there is none in time."""
        wish = _Wish(command, read)
        said: asyncio.Future[Any] = self._loop.create_future()
        wish.reply = said
        wish.patient = patient
        if self.up and (patient or not self._late):
            self._wish(wish)
        else:
            wish.answer(None)
        return said

    def _wish(self, wish: _Wish) -> None:
        self._wishes.append(wish)
        if self._sender is None:
            self._sender = self._loop.create_task(self._send())

    async def _send(self) -> None:
        """Send what is wanted, batch after batch, until nothing is."""
        try:
            while self._wishes and self.up:
                wishes = [wish for wish in self._wishes[:AT_ONCE] if not wish.is_over]
                del self._wishes[:AT_ONCE]
                if not wishes:
                    continue
                await self._send_batch(wishes)
        except Exception as failure:  # whatever it is: those who wait for a reply must not wait for ever
            self._go_down(failure)
        finally:
            self._sender = None

    async def _send_batch(self, wishes: list[_Wish]) -> None:
        timer = self._loop.call_later(self.patience, self._grow_late, wishes)
        try:
            replies = await self._exchange([wish.command for wish in wishes], self.gone_after)
            for wish, reply in zip(wishes, replies, strict=True):
                self._drops.pop(wish.drop, None)
                wish.answer(wish.read(reply))
        finally:
            timer.cancel()
            self._give_up(wishes)  # those that have no reply
        self._late = False
        self._attempts = 0
        self.figures.drops.set(len(self._drops))

    async def _exchange(self, commands: list[Command], patience: float) -> list[Any]:
        """The replies to these commands, in one round trip. Raises the first error among them."""
        async with asyncio.timeout(patience):
            pipeline = self._client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            self.figures.trips.inc()
            return await pipeline.execute()

    def _grow_late(self, wishes: list[_Wish]) -> None:
        """The server takes its time: nobody waits for it any more, until it has answered."""
        self._late = True
        self._give_up([wish for wish in (*wishes, *self._wishes) if not wish.patient])

    def _give_up(self, wishes: list[_Wish]) -> None:
        for wish in wishes:
            wish.answer(None)

    # Being down, and coming back.

    def _go_down(self, failure: Exception) -> None:
        self.up = self._late = False
        self.figures.up.set(0)
        waiting, self._wishes = self._wishes, []
        self._give_up(waiting)
        self._fail(failure)

    def _fail(self, failure: Exception) -> None:
        """It is down, or still is: one line when that begins, and another attempt later."""
        self.figures.errors.inc()
        if self._gone_since is None:
            self._gone_since = self._clock.elapsed()
            why = "no answer in time" if isinstance(failure, TimeoutError) else f"{type(failure).__name__}: {failure}"
            self._log.error("cache_gone", error=why)
        if not self._closed:
            pause = PAUSES[min(self._attempts, len(PAUSES) - 1)]
            self._attempts += 1
            self._timer = self._loop.call_later(pause, self._seek)

    def _seek(self) -> None:
        left = self._doubted_until - self._clock.elapsed()
        if left > 0:
            self._timer = self._loop.call_later(left, self._seek)
        else:
            self._seeker = self._loop.create_task(self._come_back())

    async def _come_back(self) -> None:
        """Connect anew, see that the server takes writes, and drop what was to be dropped, before anything is read."""
        now = self._clock.elapsed()
        self._drops = {number: drop for number, drop in self._drops.items() if drop[1] > now}
        drops = dict(self._drops)
        probe = f"{PREFIX}probe"
        commands: list[Command] = [("SCRIPT LOAD", script) for script in _NAMES]
        commands += [("SET", probe, "1", "PX", 1_000), (*_call(scripts.FIND, probe, probe), self._stamp())]
        commands += [command for command, _ in drops.values()]
        try:
            with suppress(Exception):  # of a connection that is broken already
                await cast(Awaitable[None], self._client.connection_pool.disconnect())
            await self._exchange(commands, 2 * self.gone_after)
        except Exception as failure:
            self._fail(failure)
            return
        for number in drops:
            self._drops.pop(number, None)
        self._be_up()

    def _be_up(self) -> None:
        self.up = True
        self.figures.up.set(1)
        self.figures.drops.set(len(self._drops))
        for number, (command, _) in self._drops.items():  # those that came meanwhile
            self._wish(_Wish(command, drop=number))
        if self._gone_since is not None:
            away = self._clock.elapsed() - self._gone_since
            self._gone_since = None
            self._log.note("cache_back", seconds=round(away, 1))

    def _stamp(self) -> str:
        return self._ids.secret().hex()[:32]


def _floats(reply: list[bytes]) -> tuple[float, ...]:
    return tuple(float(number) for number in reply)


def _gate(kind: str) -> str:
    return f"{PREFIX}{kind}-gate"


def _subject(kind: str, subject: str) -> str:
    return f"{PREFIX}{kind}-of:{subject}"


def _take(rule: Rule, keys: list[str], asked: int, numbers: list[int]) -> Command:
    call = _call(scripts.TAKE, *(f"{PREFIX}limit:{key}" for key in keys))
    return (*call, rule.burst, repr(rule.per_second / 1_000), asked, *numbers)


def _call(script: str, *keys: str) -> Command:
    return ("EVALSHA", _NAMES[script], len(keys), *keys)
