"""What is handed in to the runtime: clock, ids, keys, pools, hooks. Tests and simulation hand in others."""

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import msgspec

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.cache.engine import Cache
from mercato.runtime.database.engine import Database, Reached, nothing_happens
from mercato.runtime.documents.store import DocumentStore
from mercato.runtime.telemetry import Telemetry
from mercato.values.clock import Clock
from mercato.values.ids import Ids

Result = TypeVar("Result")
Thunk = Callable[[], None]
Done = Callable[[BaseException | None], None]


class CommitPool(Protocol):
    """Runs commits side by side; after each, `done` is called in the loop with what it raised, if anything."""

    def run(self, thunk: Thunk, done: Done) -> None: ...

    def close(self) -> None: ...


class ThreadedCommits:
    """Commits in a few threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int = 4) -> None:
        self._loop = loop
        self._waiting: queue.SimpleQueue[tuple[Thunk, Done] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"commit-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def run(self, thunk: Thunk, done: Done) -> None:
        self._waiting.put((thunk, done))

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            thunk, done = task
            outcome: BaseException | None = None
            try:
                thunk()
            except BaseException as error:
                outcome = error
            self._loop.call_soon_threadsafe(done, outcome)

    def close(self) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()


class WorkPool(Protocol):
    """Runs slow plain functions away from the loop."""

    async def run(self, function: Callable[[], Result]) -> Result: ...

    def close(self) -> None: ...


class ThreadedWork:
    """A few threads with a bounded queue: who finds it full must wait, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int, name: str) -> None:
        self._loop = loop
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._room = asyncio.Semaphore(threads * 16)

    async def run(self, function: Callable[[], Result]) -> Result:
        async with self._room:
            return await self._loop.run_in_executor(self._pool, function)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class Pools(msgspec.Struct, frozen=True):
    """`commits` for rounds, `readers` for long questions, `slow` for hashing, files and mail."""

    commits: CommitPool
    readers: WorkPool
    slow: WorkPool

    def close(self) -> None:
        self.commits.close()
        self.readers.close()
        self.slow.close()


def threaded_pools(loop: asyncio.AbstractEventLoop, *, servers: bool = False) -> Pools:
    """Where databases are on `servers`, threads mostly wait for them, and more can."""
    commits, readers = (16, 12) if servers else (4, 2)
    return Pools(ThreadedCommits(loop, commits), ThreadedWork(loop, readers, "reader"), ThreadedWork(loop, 2, "slow"))


OpenDatabase = Callable[[str], Database]
OpenDocuments = Callable[[str], DocumentStore | None]


def in_the_database(_service: str) -> None:
    """Documents are rows of the service's own database."""


class Bus(Protocol):
    """Takes the logs of this process's services to other processes, and those of others to its services."""

    def join(self, executors: Mapping[str, Any], logs: Mapping[str, Any], /) -> None: ...

    def tell(self, source: str, /) -> None:
        """A service has committed events, in this process or in another one that runs it too."""

    def leave(self) -> None: ...


class Parts(msgspec.Struct, frozen=True):
    """Everything outside of the runtime that it uses.

    `reached` is called with the name of each point where a crash matters. `recode` sends every message and event
    through its encoding even in process, as tests do. `owns_alone`: no other process uses these databases, of which the
    lock of the data folder is proof. So what another holder holds was left behind by a process that has ended. Where
    databases are shared, what this `holder` holds when it starts was: it has the same name each time. `bus` brings
    events from other processes; without it they are read from those processes themselves. `cache` is what
    processes share to be faster. `open_documents` opens the store of a service's documents; None: they are rows of its
    database.
    """

    clock: Clock
    ids: Ids
    keyring: Keyring
    pools: Pools
    open_database: OpenDatabase
    telemetry: Telemetry
    holder: str
    reached: Reached = nothing_happens
    recode: bool = False
    owns_alone: bool = False
    bus: Bus | None = None
    cache: Cache | None = None
    open_documents: OpenDocuments = in_the_database
    loop: Any = None
