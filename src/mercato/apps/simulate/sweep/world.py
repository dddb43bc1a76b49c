"""A world with a fixed story, in which every point that is passed is noted, and whose process dies at one of them."""

import asyncio
import logging
import warnings
from collections.abc import Coroutine
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

import mercato
from mercato.apps.services import SERVICES
from mercato.apps.simulate.pools import Killed
from mercato.apps.simulate.sweep.points import Point, all_points
from mercato.apps.simulate.sweep.stories import STORIES
from mercato.apps.simulate.sweep.visitor import Visitor
from mercato.apps.simulate.sweep.watch import Watch
from mercato.apps.simulate.town import Town
from mercato.apps.simulate.trace import Tell
from mercato.apps.simulate.weather import Weather
from mercato.apps.simulate.world import Outcome, World
from mercato.runtime.batches.executor import Batch, Executor
from mercato.runtime.batches.items import CommandItem, EventItem, Item

PACKAGE = Path(mercato.__file__).absolute().parent
ROOT = PACKAGE.parents[1]  # of the checkout


@cache
def points_here() -> dict[str, Point]:
    """Every point of this program by its name."""
    return all_points(PACKAGE, [make.__module__.split(".")[-2] for make in SERVICES])


def point_of(name: str) -> Point:
    """The point of this name. One of a commit may say for which message: `...:commit1:orders:PlaceOrder`."""
    points = points_here()
    return points[name if name in points else name.rpartition(":")[0]]


class Visit(msgspec.Struct, frozen=True):
    """One story, by its place in STORIES; the process dies where `deadly` says, which may be nowhere. `told`: its
    story is wanted."""

    story: int
    deadly: str = ""
    told: bool = False


class SweptWorld(World):
    """`passed` are the points that a living process has come to, in order. One with a deadly point looks for no
    other, until it has died there."""

    def __init__(self, visit: Visit, town: Town, template: Path, folder: Path, tell: Tell | None = None) -> None:
        self._story = STORIES[visit.story]
        super().__init__(self._story.seed, town, template, folder, tell)
        self.passed: dict[str, None] = {}
        self._deadly = visit.deadly
        watched = [point_of(visit.deadly)] if visit.deadly else points_here().values()
        self._commits = {point.said: point.name for point in watched if point.kind == "commit"}
        self._messages: dict[str, None] = {}  # of the batch that is being committed
        self._watch = Watch(PACKAGE, watched, self._pass)

    def drawn_weather(self) -> Weather:
        return self._story.weather

    def run(self, story: Coroutine[Any, Any, None]) -> Outcome:
        self.spawn(Visitor(self).run())
        if self._story.stops_at:
            self.spawn(self._stop())
        with warnings.catch_warnings(), self._watch:
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)  # it dies before
            try:
                return super().run(story)
            finally:
                logging.disable(logging.NOTSET)

    async def _stop(self) -> None:
        """The process is asked to end, as when a shop is updated: it serves nobody more, stops, is started again."""
        await asyncio.sleep(self._story.stops_at)
        process = self.process
        if process is None or process.shop is None:
            return
        self.network.process = None
        with suppress(Killed):
            await process.run(self.loop.create_task, process.shop.stop())
            self.crash()

    def _pass(self, name: str) -> None:
        process = self.process
        if process is None or not process.alive:  # what a dead one does at its end does not count
            return
        if name != self._deadly:
            self.passed[name] = None
        elif name not in self.passed:
            self.passed[name] = None
            self.trace.note("world", "killed", name)
            self.crash()
            logging.disable()  # nobody hears what a dying process says while its calls unwind
            self.loop.call_outside(0.0, logging.disable, logging.NOTSET)
            raise Killed(name)

    def _at_point(self, point: str) -> None:
        if point in self._commits:
            name = self._commits[point]
            self._pass(name)
            for message in self._messages:
                self._pass(f"{name}:{message}")
        super()._at_point(point)

    def _begin(self) -> None:
        """A process may die while it starts."""
        with suppress(Killed):
            super()._begin()
        if self.process is not None and self.process.shop is not None:
            for executor in self.process.node.executors.values():
                self._listen(executor)

    def _listen(self, executor: Executor) -> None:
        """Know what is being committed."""
        commit = executor.commit

        def committing(batch: Batch) -> None:
            self._messages = {_message(item): None for item in batch.items}
            commit(batch)

        executor.commit = committing  # type: ignore[method-assign]

    def _unhandled(self, loop: Any, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), Killed):
            super()._unhandled(loop, context)


def _message(item: Item) -> str:
    """What is done: the name of a command or event; of an event that was parked, only that it is one."""
    match item:
        case CommandItem():
            return type(item.command).__name__
        case EventItem():
            return item.envelope.type
        case _:
            return "parked"
