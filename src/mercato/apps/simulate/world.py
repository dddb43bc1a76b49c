"""One simulation: a seed's weather, the town and its people, and the shop's processes one after the other."""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import apsw
import msgspec

from mercato.apps.simulate.cartbook import CartBook
from mercato.apps.simulate.clock import SimulatedClock
from mercato.apps.simulate.disk import Disk
from mercato.apps.simulate.events import FaultyListeners
from mercato.apps.simulate.findings import Finding
from mercato.apps.simulate.gateway import SIGNATURE, SimulatedGateway
from mercato.apps.simulate.history import History
from mercato.apps.simulate.index import SimulatedShelf
from mercato.apps.simulate.logged import complaint
from mercato.apps.simulate.loop import Process, SimulatedLoop
from mercato.apps.simulate.mail import SimulatedMailServer
from mercato.apps.simulate.network import Answer, Network, written
from mercato.apps.simulate.people.client import Around
from mercato.apps.simulate.pools import Killed
from mercato.apps.simulate.process import ShopProcess, Surroundings
from mercato.apps.simulate.safety import Safety
from mercato.apps.simulate.town import Town, copy_town
from mercato.apps.simulate.trace import Tell, Trace
from mercato.apps.simulate.weather import Weather, draw
from mercato.runtime.batches.executor import Batch
from mercato.runtime.database.faults import DatabaseFault
from mercato.values.clock import MINUTE

BEFORE = 10 * MINUTE  # between the founding of the town and the beginning of a simulation
SOON = 0.01  # seconds after a commit at which its database is looked at
OUTAGE = (0.05, 2.0)  # seconds for which no process runs after a crash


class CrashPoint(msgspec.Struct, frozen=True):
    """The `nth` time that a point is reached: "step" for each callback of the shop, else "SERVICE: before commit"
    or "SERVICE: after commit"."""

    point: str
    nth: int


class Outcome(msgspec.Struct, frozen=True):
    """How a simulation ended. `digest` is the hash of everything observable, `seconds` are simulated ones."""

    seed: int
    finding: Finding | None
    digest: str
    seconds: float
    crashes: int
    orders: int
    paid: int
    statuses: dict[str, int]


class World:
    """`template` has the town's files, `folder` is made for this simulation. `tell` gets the story line by line."""

    def __init__(
        self, seed: int, town: Town, template: Path, folder: Path, tell: Tell | None = None, *,
        crash_at: CrashPoint | None = None,
    ) -> None:  # fmt: skip
        copy_town(template, folder)
        self.seed = seed
        self.town = town
        self.folder = folder
        self.weather = weather = self.drawn_weather()
        self.loop = loop = SimulatedLoop(self.chance("loop"))
        loop.before_step = self._may_step
        loop.set_exception_handler(self._unhandled)
        self.trace = Trace(loop, tell)
        self.clock = SimulatedClock(loop, self.chance("clock"), weather.pause_of_process)
        self.clock.jump(BEFORE)
        self.disk = Disk(weather, self.chance("disk"))
        self.gateway = SimulatedGateway(loop, weather, self.chance("gateway"), self.trace, self.fail)
        self.gateway.post = self._post
        self.mail = SimulatedMailServer(loop, weather, self.chance("mail"), self.trace)
        self.index = SimulatedShelf(self.chance("index"), bad_disk=weather.full_every > 0)
        self.network = Network(loop, weather, self.chance("network"))
        self.listeners = FaultyListeners(weather, self.chance("listeners"))
        self.history = History(self.fail, self.clock.now)
        self.around = Around(
            self.network, self.history, self.trace, weather, self.fail, tuple(store.handle for store in town.stores)
        )
        self.safety = Safety(folder)
        self._carts = CartBook(self.safety, self.fail)
        self.finding: Finding | None = None
        self.crashes = 0
        self.calm = False
        self.parked_at = -math.inf
        self._crash_at = crash_at
        self._changed: set[str] = set()
        self._reached: Counter[str] = Counter()
        self._kills = self.chance("kills")
        self._processes = 0
        self._process: ShopProcess | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._over: asyncio.Future[None] = loop.create_future()
        self._error: BaseException | None = None

    def chance(self, what: str) -> random.Random:
        """What is drawn for one purpose: one more draw here changes nothing there."""
        return random.Random(f"{self.seed} {what}")

    def drawn_weather(self) -> Weather:
        return draw(self.chance("weather"))

    def run(self, story: Coroutine[Any, Any, None]) -> Outcome:
        """Live through a whole story. Raises what is wrong with the simulation itself."""
        self.trace.note("world", "weather", self.weather)
        self.spawn(self._live(story))
        try:
            self.loop.run_until_complete(self._over)
        finally:
            self._close()
        if self._error is not None and self.finding is None:
            raise self._error
        history = self.history
        return Outcome(
            self.seed,
            self.finding,
            self.trace.digest,
            self.loop.time(),
            self.crashes,
            len(history.orders),
            len(history.paid),
            dict(history.statuses),
        )

    def fail(self, invariant: str, subject: str, text: str) -> None:
        """A promise is broken: nothing else matters any more."""
        if self.finding is None:
            self.finding = Finding(invariant, subject, text)
            self.trace.note("world", "FOUND", str(self.finding))
            if not self._over.done():
                self._over.set_result(None)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Begin something in the world outside the shop. What goes wrong there is a fault of the simulation."""
        task = self.loop.create_task(work)
        self._tasks.append(task)
        task.add_done_callback(self._ended)
        return task

    async def _live(self, story: Coroutine[Any, Any, None]) -> None:
        self._begin()
        await story
        self._over.set_result(None)

    def calm_down(self) -> None:
        """From here on nothing goes wrong any more."""
        self.trace.note("world", "calm")
        self.calm = True
        self.around.calm = self.network.calm = self.gateway.calm = True
        self.mail.calm = self.index.calm = self.listeners.calm = self.disk.calm = True
        self.disk.full = False
        self.clock.pass_latest(0)  # a clock that was set back is right again: what waits for a moment sees it come

    # Processes.

    @property
    def process(self) -> ShopProcess | None:
        """The process that runs now; None after a crash."""
        return self._process

    def _begin(self) -> None:
        """Start the shop. A disk that fails keeps it from starting; it is tried again."""
        self._processes += 1
        self.trace.note("world", "starts", self._processes)
        process = self._process = ShopProcess(self._surroundings(), str(self.seed), self._processes)
        try:
            process.start()
        except (DatabaseFault, apsw.Error) as fault:
            self.trace.note("world", "cannot start", str(fault).replace(str(self.folder), ""))
            self.crash()
            return
        self.network.process = process

    def crash(self) -> None:
        """Kill the process at once, and start another one after a while."""
        process = self._process
        if process is None:
            return
        self.crashes += 1
        self.trace.note("world", "CRASH", process.number)
        self._process = self.network.process = None
        self.network.cut()
        process.die()
        self.look(thorough=True)
        self.loop.call_outside(self._kills.uniform(*OUTAGE), self._begin)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            self.loop, self.clock, self.weather, self.disk, self.folder, self.gateway, self.mail, self.index,
            self.listeners,
            reached=self._at_point, on_kill=self.crash, committed=self._committed, logged=self._logged,
        )  # fmt: skip

    def _at_point(self, point: str) -> None:
        if self._is_crash_point(point) or (
            not self.calm and self.weather.crash_at_commit and self._kills.random() < self.weather.crash_at_commit
        ):
            self.trace.note("world", "killed", point)
            raise Killed(point)

    def _may_step(self, process: Process) -> bool:
        if self._crash_at is None or process is not self._process or not self._is_crash_point("step"):
            return True
        self.crash()
        return False

    def _is_crash_point(self, point: str) -> bool:
        if self._crash_at is None or self._crash_at.point != point:
            return False
        self._reached[point] += 1
        return self._reached[point] == self._crash_at.nth

    # What is noticed.

    def _committed(self, service: str, batch: Batch) -> None:
        """A batch is durable: the invariants of its database hold, now or after the next ones of the same moment."""
        tx = batch.tx
        assert tx is not None, "a durable batch had a transaction"
        if service == "carts":
            self._carts.committed(batch)
        if self._process is not None and self._process.has_changed(service):
            self.trace.note(service, "commits", tx.number, len(batch.items), tx.writes)
            if service not in self._changed:
                self._changed.add(service)
                self.loop.call_outside(SOON, self._check, service)

    def _check(self, service: str) -> None:
        self._changed.discard(service)
        for found in self.safety.violations(service):
            self.fail(found.invariant, found.subject, found.text)

    def look(self, *, thorough: bool) -> None:
        """All databases, whatever has changed."""
        for found in self.safety.thorough_violations() if thorough else ():
            self.fail(found.invariant, found.subject, found.text)

    def _logged(self, line: str) -> None:
        self.trace.note("log", "says", line.replace(str(self.folder), ""))
        if '"event_parked"' in line:
            self.parked_at = self.loop.time()
        text = complaint(line, calm=self.history.calm)
        if text:
            self.fail("log", "the shop's log", text)

    def _unhandled(self, _loop: Any, context: dict[str, Any]) -> None:
        """Something failed in a callback, where nobody hears of it."""
        error = context.get("exception")
        message = str(context["message"])
        if "never retrieved" in message:
            return
        self.fail("loop", message.partition("\n")[0], f"{type(error).__name__}: {error}")

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = self._error or error
            if not self._over.done():
                self._over.set_result(None)

    def _post(self, store: str, body: bytes, signature: str, answered: Callable[[int], None]) -> None:
        """The gateway posts a notice to the shop."""
        (handle,) = (known.handle for known in self.town.stores if known.id == store)
        headers = {"host": f"{handle}.example", "content-type": "application/json", SIGNATURE: signature}
        data = written("POST", "/v1/payments/webhooks/test", headers, body)

        def heard(future: "asyncio.Future[Answer]") -> None:
            answered(0 if future.exception() else future.result().status)

        self.network.send("203.0.113.1", data, 0.0).add_done_callback(heard)

    def _close(self) -> None:
        self.network.cut()
        if self._process is not None:
            self._process.die()
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine: Any = task.get_coro()
                coroutine.close()
        self.loop.set_exception_handler(lambda _loop, _context: None)
        self.loop.close()
        self.safety.close()
