"""Events on their way from one service to another: late, twice, in another order, missed, or badly received."""

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from mercato.apps.simulate.loop import SimulatedLoop
from mercato.apps.simulate.weather import Weather
from mercato.runtime.batches.executor import Executor
from mercato.runtime.service import Listen, Listener, Service
from mercato.runtime.transaction import Transaction
from mercato.values.messages import Caller, Envelope, Event

LATE = 1.5  # seconds at most

News = Sequence[tuple[Envelope, Event]]


class InjectedFault(Exception):
    """A listener fails because the simulation wants it to."""


class FaultyListeners:
    """Listeners that fail for a drawn event, once with savepoints, before or after their effect."""

    def __init__(self, weather: Weather, randomness: random.Random) -> None:
        self.calm = False
        self._rate = weather.listener_fault
        self._random = randomness
        self._failing: dict[tuple[str, str], bool] = {}

    def tampered(self, service: Service) -> Service:
        if not self._rate or not service.listeners:
            return service
        rows = tuple(Listen(row.event, self._tampered(service.name, row.run)) for row in service.listeners)
        return msgspec.structs.replace(service, listeners=rows)

    def _tampered(self, name: str, run: Listener) -> Listener:
        def listen(tx: Transaction, event: Any, caller: Caller) -> None:
            key = (name, caller.cause)
            if key not in self._failing:
                self._failing[key] = not self.calm and self._random.random() < self._rate
            fails = self._failing[key]
            if fails and not tx.grouped:
                self._failing[key] = False
            if not fails or self._random.random() < 0.5:  # noqa: PLR2004 - a coin
                run(tx, event, caller)
            if fails:
                raise InjectedFault(type(event).__name__)

        return listen


def tamper(
    executor: Executor, loop: SimulatedLoop, weather: Weather, randomness: random.Random, when: FaultyListeners
) -> None:
    """Make the hand-over of events in memory as bad as it may be; `when` says whether it is calm by now."""
    offer = executor.offer

    def offered(source: str, events: News) -> None:
        if when.calm:
            offer(source, events)
            return
        if randomness.random() < weather.late_event:
            loop.call_later(randomness.uniform(0.0, LATE), offer, source, events)
            return
        if len(events) > 1 and randomness.random() < weather.missed_event:
            offer(source, events[randomness.randint(1, len(events) - 1) :])
            return
        offer(source, events)
        if randomness.random() < weather.repeated_event:
            loop.call_later(randomness.uniform(0.0, LATE), offer, source, events)

    if weather.late_event or weather.repeated_event or weather.missed_event:
        executor.offer = offered  # type: ignore[method-assign]
