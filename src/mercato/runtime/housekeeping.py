"""Housekeeping of each service's database: answers that nobody may ask for any more, events that all have consumed."""

from collections.abc import Awaitable, Callable

from mercato.runtime.batches.executor import Executor
from mercato.runtime.bus.outbox import TRIM
from mercato.runtime.database.idempotency import FORGET_OLD_KEYS, LIFE
from mercato.runtime.service import Door, Handle, Job
from mercato.runtime.transaction import Transaction
from mercato.values.clock import DAY, HOUR
from mercato.values.messages import Caller, Command, System

KEEP_LOG = 30 * DAY


class ForgetKeys(Command[int], frozen=True):
    """Forget final answers older than their promised life; how many."""

    allow = System


class TrimLog(Command[int], frozen=True):
    """Remove events before `number` that are older than the log's retention; how many."""

    allow = System
    number: int


def forget_keys(tx: Transaction, _command: ForgetKeys, _caller: Caller) -> int:
    return tx.run(FORGET_OLD_KEYS, before=tx.now - LIFE - HOUR)


def trim_log(tx: Transaction, command: TrimLog, _caller: Caller) -> int:
    return tx.run(TRIM, number=command.number, before=tx.now - KEEP_LOG)


def housekeeping_jobs(executor: Executor, consumed: Callable[[], Awaitable[int | None]]) -> tuple[Job, ...]:
    """The jobs of one database. `consumed` tells up to which event all consumers, wherever they run, have stored their
    positions; None where nobody consumes, or where that cannot be found out now."""
    executor.add_handle(Handle(ForgetKeys, forget_keys))
    executor.add_handle(Handle(TrimLog, trim_log))

    async def forget(_calls: Door, _now: int) -> None:
        await executor.submit(ForgetKeys(), Caller.system("", "housekeeping"))

    async def trim(_calls: Door, _now: int) -> None:
        number = await consumed()
        if number:
            await executor.submit(TrimLog(number), Caller.system("", "housekeeping"))

    return (Job(f"{executor.name}: forget old keys", HOUR, forget), Job(f"{executor.name}: trim log", DAY, trim))
