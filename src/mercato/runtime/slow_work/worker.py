"""The worker of one service: outside calls for intents that are committed, and commands with their outcomes.

An intent that was just committed here is handed over in memory, already claimed. Everything else (postponed work,
work of a process that has ended) is found by its due time and claimed by lease. Whatever happens to a worker, the
row stays until the outcome is committed in the same transaction that deletes it.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from mercato.runtime.batches.executor import Executor
from mercato.runtime.batches.items import StaleWork
from mercato.runtime.calls import Calls
from mercato.runtime.database.intents import BRING_NEAR, CLAIM, DUE, LEFT_BEHIND, ORPHANED, POSTPONE, RENEW
from mercato.runtime.database.statements import as_list
from mercato.runtime.parts import Parts
from mercato.runtime.service import Handle, Work
from mercato.runtime.slow_work.breaker import Breaker
from mercato.runtime.transaction import LEASE, Intent, Transaction
from mercato.values.messages import Caller, Command, Conflict, Overloaded, Refusal, System, Unavailable

PAUSES = (1_000, 2_000, 5_000, 15_000, 60_000, 300_000, 900_000)  # ms between tries
FAR = 2 * PAUSES[-1]  # ms ahead: nothing is put off so far, unless the clock has been set back since (F16)
LOOK = 0.5  # seconds between two looks for due work
MORE_LOOKS = 8  # times as many, while each finds as much as it may claim
LOOKS_TO_RENEW = 8  # until the leases of what is in hand are renewed: far more often than they end
CLAIM_AT_ONCE = 128
WAIT = 0.5  # seconds for which background work waits in a busy process, this often at most:
MOST_WAITS = 4
MEMORY = 512  # intents of one kind that may wait in memory; more are left in their rows


class NotYet(Exception):
    """Nothing went wrong, the outcome is not known yet: ask again after `pause` milliseconds; no failure counts."""

    def __init__(self, pause: int) -> None:
        super().__init__(f"again in {pause} ms")
        self.pause = pause


class PeerFailed(Exception):
    """The outside party has failed, which its breaker must know; what is known is recorded all the same: `outcome`."""

    def __init__(self, outcome: Command[Any]) -> None:
        super().__init__(f"recorded as {type(outcome).__name__}")
        self.outcome = outcome


class ClaimWork(Command[tuple[Intent, ...]], frozen=True):
    """Take over at most `limit` due intents. The lease of those `in_hand` is renewed; what this process holds and has
    not in hand falls due by itself. `starting`, when this process started (0: that is long ago): intents of processes
    that have ended are due at once, of all others where this one is `alone`, else of the one that it was before."""

    allow = System
    limit: int
    starting: int
    alone: bool
    in_hand: tuple[str, ...] = ()


class PostponeWork(Command[None], frozen=True):
    """Give an intent back until `due_at`; `attempts` is how many tries it has had."""

    allow = System
    intent_id: str
    fence: int
    attempts: int
    due_at: int
    error: str


def claim_work(tx: Transaction, command: ClaimWork, _caller: Caller) -> tuple[Intent, ...]:
    if command.starting and command.alone:
        tx.run(ORPHANED, holder=tx.holder, due_at=tx.now)
    elif command.starting:
        tx.run(LEFT_BEHIND, holder=tx.holder, before=command.starting + LEASE, due_at=tx.now)
    tx.run(BRING_NEAR, far=tx.now + FAR, now=tx.now)
    if command.in_hand:
        tx.run(RENEW, holder=tx.holder, ids=as_list(command.in_hand), due_at=tx.now + LEASE)
    claimed = []
    due = tx.all(DUE, now=tx.now, limit_=command.limit)
    tx.declare({row.store for row in due})
    for row in due:
        tx.store = row.store
        tx.must(CLAIM, Conflict, id=row.id, held_fence=row.fence, holder=tx.holder, due_at=tx.now + LEASE)
        claimed.append(
            Intent(
                row.store,
                row.id,
                row.kind,
                row.subject,
                row.attempts + int(row.state == "calling"),
                row.fence + 1,
                row.body,
                row.correlation,
            )
        )
    return tuple(claimed)


def postpone_work(tx: Transaction, command: PostponeWork, _caller: Caller) -> None:
    tx.run(
        POSTPONE,
        id=command.intent_id,
        held_fence=command.fence,
        tries=command.attempts,
        due_at=command.due_at,
        error=command.error[:2_000],
    )


HANDLES = (Handle(ClaimWork, claim_work), Handle(PostponeWork, postpone_work))


class Worker:
    """Does the slow work of one service in tasks, a bounded number at once for each outside party."""

    def __init__(self, executor: Executor, parts: Parts, calls: Calls, is_calm: Callable[[], bool]) -> None:
        service = executor.service
        self._name = service.name
        self._executor = executor
        self._is_calm = is_calm
        self._parts = parts
        self._calls = calls
        self._kinds: dict[str, Work] = {work.kind: work for work in service.work}
        self._decoders = {work.kind: msgspec.json.Decoder(work.body) for work in service.work}
        self._breakers = {work.peer: Breaker(parts.clock) for work in service.work}
        self._room = {work.kind: asyncio.Semaphore(work.at_once) for work in service.work}
        self._held: dict[str, int] = dict.fromkeys(self._kinds, 0)
        self._in_hand: dict[tuple[str, int], None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._started_at = parts.clock.now()
        for handle in HANDLES:
            executor.add_handle(handle)

    def accepts(self, kind: str) -> bool:
        return self._held[kind] < MEMORY and not self._stopped

    def pause_of(self, kind: str) -> int:
        """Milliseconds for which work of this kind does not go out, because its outside party fails; 0: it does."""
        return self._breakers[self._kinds[kind].peer].pause

    def offer(self, intent: Intent) -> None:
        """An intent whose row is committed and held by this process."""
        self._held[intent.kind] += 1
        self._in_hand[intent.id, intent.fence] = None
        task = self._parts.loop.create_task(self._do(intent))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def look(self) -> None:
        """Find due work until the task is cancelled."""
        starting, looks = self._started_at, 0
        while True:
            room = max(0, min(CLAIM_AT_ONCE, MEMORY - max(self._held.values())))
            in_hand = tuple(intent_id for intent_id, _ in self._in_hand) if looks % LOOKS_TO_RENEW == 0 else ()
            claimed: tuple[Intent, ...] = ()
            if room or in_hand:
                try:
                    command = ClaimWork(room, starting, self._parts.owns_alone, in_hand)
                    claimed = await self._executor.submit(command, Caller.system("", f"{self._name} worker"))
                    starting = 0
                except Refusal:
                    pass  # the database is out of order for the moment; the next look tries again
            for intent in claimed:
                self.offer(intent)
            looks += 1
            await asyncio.sleep(LOOK if len(claimed) < CLAIM_AT_ONCE else LOOK / MORE_LOOKS)

    async def stop(self) -> None:
        """Give calls under way a moment to end. What does not end is found by its lease after the next start."""
        self._stopped = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5.0)
        for task in self._tasks:
            task.cancel()

    async def _do(self, intent: Intent) -> None:
        work = self._kinds[intent.kind]
        try:
            async with self._room[intent.kind]:
                if work.background:
                    await self._give_way()
                if not self._stopped:
                    await self._try(work, intent)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._parts.telemetry.log.error(
                "work_failed", kind=intent.kind, intent=intent.id, error="".join(traceback.format_exception(error))
            )
        finally:
            self._held[intent.kind] -= 1
            self._in_hand.pop((intent.id, intent.fence), None)

    async def _give_way(self) -> None:
        """Wait for a calm moment, but not for ever: a shop that is always busy sends its mails too, slowly."""
        waits = 0
        while not (self._is_calm() or self._stopped) and waits < MOST_WAITS:
            waits += 1
            await asyncio.sleep(WAIT)

    async def _try(self, work: Work, intent: Intent) -> None:
        caller = Caller(
            store=intent.store, roles=System.roles, request=intent.correlation or intent.id, cause=intent.id
        )
        outcome = await self._outcome(work, intent)
        if outcome is not None:
            await self._record(outcome, caller, intent)

    async def _outcome(self, work: Work, intent: Intent) -> Command[Any] | None:
        """What is to be recorded; None: the work was put off."""
        breaker = self._breakers[work.peer]
        body = self._decoders[intent.kind].decode(intent.body)
        if not breaker.lets_through():
            if work.shut_out is not None:
                return work.shut_out(body, intent)
            await self._put_off(intent, breaker.open_until, intent.attempts, "the breaker of its peer is open")
            return None
        try:
            outcome = await work.run(body, intent, self._calls)
            breaker.succeeded()
            return outcome
        except NotYet as pause:
            breaker.succeeded()
            await self._put_off(intent, self._parts.clock.now() + pause.pause, intent.attempts, "")
        except PeerFailed as failure:
            breaker.failed()
            return failure.outcome
        except Exception as error:
            breaker.failed()
            if intent.attempts + 1 >= work.tries:
                return work.give_up(body, intent)
            await self._fail(intent, error)
        return None

    async def _record(self, outcome: Command[Any], caller: Caller, intent: Intent) -> None:
        """Commit the outcome. A database that is out of order for a while is waited for: the row is still ours."""
        pause = 0.1
        while True:
            try:
                await self._finish(outcome, caller, intent)
                return
            except (Unavailable, Overloaded):
                if self._stopped:
                    return
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            except StaleWork:
                return
            except Refusal as refusal:
                await self._fail(intent, refusal)
                return

    def _finish(self, outcome: Command[Any], caller: Caller, intent: Intent) -> Awaitable[Any]:
        """Have the outcome recorded, and its intent removed with it."""
        return self._executor.submit(outcome, caller, None, intent)

    async def _fail(self, intent: Intent, error: Exception) -> None:
        """A try has failed: the next one comes after a pause that grows with their number."""
        pause = PAUSES[min(intent.attempts, len(PAUSES) - 1)]
        text = f"{type(error).__name__}: {error}"
        await self._put_off(intent, self._parts.clock.now() + pause, intent.attempts + 1, text)

    async def _put_off(self, intent: Intent, due_at: int, attempts: int, error: str) -> None:
        """Give the intent back. While the database is out of order it stays ours."""
        command = PostponeWork(intent.id, intent.fence, attempts, due_at, error)
        pause = 0.1
        while not self._stopped:
            try:
                await self._executor.submit(command, Caller.system(intent.store, intent.id))
                return
            except Refusal:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
