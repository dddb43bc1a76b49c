"""Timed work whose next time survives a restart: one row a job, one runner at a time by lease."""

import asyncio
import traceback

from mercato.runtime.batches.executor import Executor
from mercato.runtime.calls import Calls
from mercato.runtime.database.jobs import ADD_LEASE, FIND_JOB, FREE_LEASE, SET_JOB, TAKE_LEASE
from mercato.runtime.parts import Parts
from mercato.runtime.service import Handle, Job
from mercato.runtime.transaction import Transaction
from mercato.values.messages import Caller, Command, Refusal, System

TICK = 1.0  # seconds
LEASE = 60_000  # ms; a job that runs longer must be safe when a second one begins


class BeginJob(Command[int], frozen=True):
    """Take a job's lease if it is due: 0; else when it is due. `alone`: nobody lives who could hold it."""

    allow = System
    name: str
    every: int
    alone: bool


class EndJob(Command[None], frozen=True):
    allow = System
    name: str
    due_at: int
    error: str


def begin_job(tx: Transaction, command: BeginJob, _caller: Caller) -> int:
    row = tx.one(FIND_JOB, job=command.name)
    if row is None:
        tx.run(SET_JOB, name=command.name, due_at=tx.now + command.every, last_at=0, last_error="")
        return tx.now + command.every
    if tx.now < row.due_at <= tx.now + command.every:  # farther ahead: the clock has been set back since (F16)
        return row.due_at
    tx.run(ADD_LEASE, name=f"job {command.name}", holder="", fence=0, expires_at=0)
    until, alone = tx.now + LEASE, int(command.alone)
    taken = tx.run(TAKE_LEASE, lease=f"job {command.name}", now=tx.now, me=tx.holder, until=until, alone=alone)
    return 0 if taken else tx.now + LEASE


def end_job(tx: Transaction, command: EndJob, _caller: Caller) -> None:
    tx.run(SET_JOB, name=command.name, due_at=command.due_at, last_at=tx.now, last_error=command.error[:2_000])
    tx.run(FREE_LEASE, lease=f"job {command.name}", me=tx.holder)


HANDLES = (Handle(BeginJob, begin_job), Handle(EndJob, end_job))


class Schedule:
    """Runs the jobs of one service."""

    def __init__(self, executor: Executor, jobs: tuple[Job, ...], parts: Parts, calls: Calls) -> None:
        self._executor = executor
        self._jobs = jobs
        self._parts = parts
        self._calls = calls
        self._due = dict.fromkeys((job.name for job in jobs), 0)
        for handle in HANDLES:
            executor.add_handle(handle)

    async def run(self) -> None:
        """Run what is due until the task is cancelled."""
        while True:
            for job in self._jobs:
                now = self._parts.clock.now()
                if not now < self._due[job.name] <= now + max(job.every, LEASE):
                    await self._run_if_due(job)
            await asyncio.sleep(TICK)

    async def _run_if_due(self, job: Job) -> None:
        caller = Caller.system("", f"job {job.name}")
        try:
            due_at = await self._executor.submit(BeginJob(job.name, job.every, self._parts.owns_alone), caller)
            if due_at:
                self._due[job.name] = due_at
                return
            error = await self._run_job(job)
            self._due[job.name] = self._parts.clock.now() + job.every
            await self._executor.submit(EndJob(job.name, self._due[job.name], error), caller)
        except Refusal as refusal:
            self._due[job.name] = self._parts.clock.now() + 1_000
            self._parts.telemetry.log.error("job_put_off", job=job.name, error=refusal.code)

    async def _run_job(self, job: Job) -> str:
        try:
            await job.run(self._calls, self._parts.clock.now())
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._parts.telemetry.log.error(
                "job_failed", job=job.name, error="".join(traceback.format_exception(error))
            )
            return f"{type(error).__name__}: {error}"
        return ""
