"""Slow work: nothing is called before its intent is committed, nothing is forgotten, no outcome counts twice."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from mercato.runtime.answers import IdempotencyKey
from mercato.runtime.batches.executor import Executor
from mercato.runtime.node import Node
from mercato.runtime.service import Needs
from mercato.runtime.slow_work import worker as worker_module
from mercato.runtime.slow_work.breaker import FAILURES, TRIAL, Breaker
from mercato.runtime.slow_work.breaker import PAUSES as BREAKER_PAUSES
from mercato.runtime.slow_work.worker import PAUSES, NotYet, PeerFailed
from mercato.runtime.transaction import LEASE
from mercato.values.clock import HOUR, ManualClock
from mercato.values.messages import Failed, Unavailable
from tests.runtime.errands import CALLER, Errand, Home, NobodyGoes, Record, Send, SendAtOnce, living, rows
from tests.services.conftest import until


def done(home: Home) -> dict[str, str]:
    return dict(rows(home, "SELECT name, outcome FROM done"))


def called(home: Home, times: int) -> bool:
    return len(home.called) == times


def recorded(home: Home, times: int) -> bool:
    return len(done(home)) == times


def intents(home: Home) -> list[tuple[Any, ...]]:
    return rows(home, "SELECT subject, state, attempts FROM intents ORDER BY subject")


async def test_an_errand_begins_when_its_intent_is_committed(home: Home) -> None:
    seen: list[Any] = []

    async def outside(_errand: Errand, _intent: Any) -> str:
        seen.extend(intents(home))
        return "well"

    home.outside = outside
    async with living(home, ManualClock()) as node:
        await node.calls.do(Send("a"), CALLER)
        await until(lambda: done(home))
        assert seen == [("a", "calling", 0)]
        assert (done(home), intents(home)) == ({"a": "well"}, [])


async def test_nobody_is_sent_for_what_was_taken_back(home: Home) -> None:
    async with living(home, ManualClock()) as node:
        with pytest.raises(Failed):
            await node.calls.do(Send("a", fails=True), CALLER)
        await node.calls.do(Send("b"), CALLER)
        await until(lambda: done(home))
        assert (home.called, done(home)) == ([("b", 0)], {"b": "well"})


async def test_an_errand_for_later_waits_for_its_time(home: Home) -> None:
    clock = ManualClock()
    async with living(home, clock) as node:
        await node.calls.do(Send("a", after=5_000), CALLER)
        assert intents(home) == [("a", "waiting", 0)]
        clock.advance(4_999)
        await asyncio.sleep(0.05)
        assert home.called == []
        clock.advance(1)
        await until(lambda: done(home))
        assert home.called == [("a", 0)]


async def test_a_failure_is_tried_again_after_growing_pauses_then_given_up(home: Home) -> None:
    clock = ManualClock()

    async def outside(_errand: Errand, _intent: Any) -> str:
        raise ConnectionError("nobody is at home")

    home.outside = outside
    async with living(home, clock) as node:
        await node.calls.do(Send("a"), CALLER)
        for attempt, pause in enumerate(PAUSES[:3]):
            await until(lambda: rows(home, "SELECT 1 FROM intents WHERE state = 'waiting'"))
            due = rows(home, "SELECT due_at, error FROM intents")
            assert due == [(clock.now() + pause, "ConnectionError: nobody is at home")]
            assert len(home.called) == attempt + 1
            clock.advance(pause)
            await until(partial(called, home, attempt + 2))
        await until(lambda: done(home))
        assert (done(home), intents(home)) == ({"a": "given up"}, [])
        assert home.called == [("a", 0), ("a", 1), ("a", 2), ("a", 3)]


async def test_waiting_for_an_outcome_is_no_failure(home: Home) -> None:
    clock = ManualClock()

    async def outside(_errand: Errand, _intent: Any) -> str:
        if len(home.called) < 8:
            raise NotYet(1_000)
        if len(home.called) == 8:
            raise ConnectionError("once")
        return "well"

    home.outside = outside
    async with living(home, clock, tries=3) as node:
        await node.calls.do(Send("a"), CALLER)
        while not done(home):
            await until(lambda: done(home) or rows(home, "SELECT 1 FROM intents WHERE state = 'waiting'"))
            clock.advance(1_000)
            await asyncio.sleep(0.02)
        assert done(home) == {"a": "well"}
        assert len(home.called) == 9


async def test_what_a_process_left_behind_is_done_by_the_next_one(home: Home) -> None:
    stuck = asyncio.Event()

    async def outside(_errand: Errand, intent: Any) -> str:
        if intent.attempts == 0:
            await stuck.wait()
        return "well"

    home.outside = outside
    clock = ManualClock()
    async with living(home, clock) as first:
        await first.calls.do(Send("a"), CALLER)
        await until(lambda: home.called)
        assert intents(home) == [("a", "calling", 0)]
        async with living(home, clock, alone=True):
            await until(lambda: done(home))
        assert (done(home), intents(home)) == ({"a": "well"}, [])
        stuck.set()  # the first process comes back late: its outcome counts for nothing
        await until(lambda: not sum(worker._held["errand"] for worker in first._workers.values()))
        assert (done(home), home.called) == ({"a": "well"}, [("a", 0), ("a", 1)])


async def test_the_breaker_of_a_peer_opens_and_tries_one_call_after_its_pause() -> None:
    clock = ManualClock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.lets_through()
        breaker.failed()
    for pause in (*BREAKER_PAUSES, BREAKER_PAUSES[-1]):
        assert not breaker.lets_through()
        clock.advance(pause - 1)
        assert not breaker.lets_through()
        clock.advance(1)
        assert breaker.lets_through()
        assert not breaker.lets_through()  # one call, to see
        breaker.failed()
    clock.advance(BREAKER_PAUSES[-1])
    assert breaker.lets_through()
    breaker.succeeded()
    assert [breaker.lets_through() for _ in range(3)] == [True, True, True]


async def test_an_open_breaker_puts_errands_off_and_counts_no_try(home: Home) -> None:
    down = True

    async def outside(_errand: Errand, _intent: Any) -> str:
        if down:
            raise ConnectionError("down")
        return "well"

    home.outside = outside
    clock = ManualClock()
    async with living(home, clock) as node:
        for number in range(FAILURES):
            await node.calls.do(Send(f"a{number}"), CALLER)
        await until(lambda: [row[1] for row in intents(home)] == ["waiting"] * FAILURES)
        await node.calls.do(Send("b"), CALLER)
        await until(lambda: rows(home, "SELECT 1 FROM intents WHERE subject = 'b' AND state = 'waiting'"))
        assert len(home.called) == FAILURES
        assert rows(home, "SELECT error FROM intents WHERE subject = 'b'") == [("the breaker of its peer is open",)]
        down = False
        while len(done(home)) < FAILURES + 1:
            clock.advance(1_000)
            await asyncio.sleep(0.02)
        assert set(done(home).values()) == {"well"}


def test_calls_that_were_out_when_the_breaker_opened_do_not_make_its_pause_longer() -> None:
    clock = ManualClock()
    breaker = Breaker(clock)
    for _ in range(10 * FAILURES):
        breaker.failed()
    assert breaker.pause == BREAKER_PAUSES[0]
    clock.advance(BREAKER_PAUSES[0])
    assert breaker.pause == 0
    assert breaker.lets_through()
    breaker.failed()
    breaker.failed()
    assert breaker.pause == BREAKER_PAUSES[1]


async def _fails(_errand: Errand, _intent: Any) -> str:
    raise ConnectionError("down")


async def test_a_failure_whose_outcome_is_known_is_recorded_at_once_and_opens_the_breaker(home: Home) -> None:
    async def outside(errand: Errand, _intent: Any) -> str:
        raise PeerFailed(Record(errand.name, "nobody knows"))

    home.outside = outside
    async with living(home, ManualClock()) as node:
        for number in range(FAILURES):
            assert node._workers["errands"].pause_of("errand") == 0
            await node.calls.do(Send(f"a{number}"), CALLER)
            await until(lambda: len(done(home)) == len(home.called))
        assert (set(done(home).values()), intents(home)) == ({"nobody knows"}, [])
        assert node._workers["errands"].pause_of("errand") == BREAKER_PAUSES[0]


async def test_work_that_may_not_wait_is_recorded_unsent_while_the_breaker_is_open(home: Home) -> None:
    home.outside = _fails
    async with living(home, ManualClock(), tries=1, waits=False) as node:
        for number in range(FAILURES + 2):
            await node.calls.do(Send(f"a{number}"), CALLER)
            await until(partial(recorded, home, number + 1))
        assert list(done(home).values()) == ["given up"] * FAILURES + ["not sent"] * 2
        assert (len(home.called), intents(home)) == (FAILURES, [])


async def test_a_command_that_needs_a_broken_peer_is_refused_and_its_key_stays_free(home: Home) -> None:
    home.outside = _fails
    clock = ManualClock()
    async with living(home, clock, tries=1) as node:
        first, later = (IdempotencyKey("ann", text, "body", 201) for text in ("first", "later"))
        answer = await node.calls.do_once(SendAtOnce("a"), CALLER, first)
        for number in range(FAILURES - 1):
            await node.calls.do(SendAtOnce(f"a{number}"), CALLER)
        await until(partial(recorded, home, FAILURES))
        for deed in (
            lambda: node.calls.do(SendAtOnce("b"), CALLER),
            lambda: node.calls.do_once(SendAtOnce("b"), CALLER, later),
        ):
            with pytest.raises(NobodyGoes) as refused:
                await deed()
            assert refused.value.facts == {"retry_after": 1}
        assert await node.calls.do_once(SendAtOnce("a"), CALLER, first) == answer  # a repetition is answered as before
        assert (len(done(home)), intents(home)) == (FAILURES, [])
        home.outside = None
        clock.advance(BREAKER_PAUSES[0])
        assert (await node.calls.do_once(SendAtOnce("b"), CALLER, later)).status == 201
        await until(lambda: done(home).get("b") == "well")
        await node.calls.do(SendAtOnce("c"), CALLER)


async def test_a_command_that_needs_work_which_its_service_does_not_do_stops_the_start(home: Home) -> None:
    service = home.service()
    rows = tuple(
        msgspec.structs.replace(row, needs=Needs("dance", NobodyGoes)) if row.needs else row for row in service.handlers
    )
    home.service = lambda *_, **_named: msgspec.structs.replace(service, handlers=rows)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="needs work of kind 'dance'"):
        async with living(home, ManualClock()):
            pass


async def _failing(node: Node, patch: pytest.MonkeyPatch, times: int, wanted: Callable[[Any], bool]) -> None:
    """The next `times` commands that are `wanted` find the database out of order."""
    submit = Executor.submit
    left = [times]

    def failing(executor: Executor, command: Any, *rest: Any) -> Any:
        if left[0] and wanted(command):
            left[0] -= 1
            future = node.parts.loop.create_future()
            future.set_exception(Unavailable())
            return future
        return submit(executor, command, *rest)

    patch.setattr(Executor, "submit", failing)


@pytest.mark.parametrize("kind", ["Record", "PostponeWork"])
async def test_a_database_that_fails_for_a_while_makes_no_errand_forgotten(
    home: Home, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def outside(_errand: Errand, intent: Any) -> str:
        if not intent.attempts:
            raise ConnectionError("not now")
        return "well"

    home.outside = outside
    clock = ManualClock()
    async with living(home, clock) as node:
        await _failing(node, monkeypatch, 2, lambda command: type(command).__name__ == kind)
        await node.calls.do(Send("a"), CALLER)
        while not done(home):
            clock.advance(1_000)
            await asyncio.sleep(0.02)
        assert (done(home), home.called, intents(home)) == ({"a": "well"}, [("a", 0), ("a", 1)], [])


async def test_an_outcome_that_cannot_be_recorded_is_tried_again_later(home: Home) -> None:
    outcomes = iter(["bad", "well"])

    async def outside(_errand: Errand, _intent: Any) -> str:
        return next(outcomes)

    home.outside = outside
    clock = ManualClock()
    async with living(home, clock) as node:
        handle = node.executors["errands"]._handles
        record = next(row for kind, row in handle.items() if kind.__name__ == "Record")

        def picky(tx: Any, command: Any, caller: Any) -> None:
            if command.outcome == "bad":
                raise RuntimeError("a fault of ours")
            record.run(tx, command, caller)

        handle[record.message] = msgspec.structs.replace(record, run=picky)
        await node.calls.do(Send("a"), CALLER)
        while not done(home):
            clock.advance(1_000)
            await asyncio.sleep(0.02)
        assert (done(home), home.called) == ({"a": "well"}, [("a", 0), ("a", 1)])


@pytest.mark.parametrize("calm_after", [2, 1_000])
async def test_background_work_gives_way_to_a_busy_process_but_not_for_ever(
    home: Home, monkeypatch: pytest.MonkeyPatch, calm_after: int
) -> None:
    monkeypatch.setattr(worker_module, "WAIT", 0.0)
    looks: list[None] = []

    def is_calm() -> bool:
        looks.append(None)
        return len(looks) > calm_after

    async with living(home, ManualClock()) as node:
        worker = node._workers["errands"]
        monkeypatch.setattr(worker, "_is_calm", is_calm)
        monkeypatch.setitem(worker._kinds, "errand", msgspec.structs.replace(worker._kinds["errand"], background=True))
        await node.calls.do(Send("a"), CALLER)
        await until(lambda: done(home))
        assert (done(home), len(looks)) == ({"a": "well"}, min(calm_after, worker_module.MOST_WAITS) + 1)


async def test_what_another_process_calls_is_left_to_it_for_as_long_as_its_lease(home: Home) -> None:
    async def outside(_errand: Errand, intent: Any) -> str:
        if intent.attempts == 0:
            await asyncio.Event().wait()
        return "well"

    home.outside = outside
    clock = ManualClock()
    async with living(home, clock) as first:
        await first.calls.do(Send("a"), CALLER)
        await until(lambda: home.called)
        for task in first._tasks:
            task.cancel()  # it renews nothing any more, as a process that was killed
        async with living(home, clock):
            clock.advance(LEASE - 1)
            await asyncio.sleep(0.05)
            assert (done(home), home.called) == ({}, [("a", 0)])
            clock.advance(1)
            await until(lambda: done(home))
        assert (done(home), home.called) == ({"a": "well"}, [("a", 0), ("a", 1)])
        for task in list(first._workers["errands"]._tasks):
            task.cancel()


async def test_what_was_put_off_is_done_when_the_clock_has_been_set_back(home: Home) -> None:
    clock = ManualClock()
    async with living(home, clock) as node:
        await node.calls.do(Send("a", after=5_000), CALLER)
        clock.advance(-HOUR)
        await until(lambda: done(home))
        assert home.called == [("a", 0)]


async def test_what_is_held_and_not_in_hand_is_taken_up_again(home: Home) -> None:
    """As after a commit that seemed to fail and had happened: nobody was handed the intent."""
    clock = ManualClock()
    async with living(home, clock) as node:
        node._workers["errands"].offer = lambda intent: None  # type: ignore[method-assign]
        await node.calls.do(Send("a"), CALLER)
        del node._workers["errands"].offer
        assert intents(home) == [("a", "calling", 0)]
        clock.advance(LEASE)
        await until(lambda: done(home))
        assert home.called == [("a", 1)]


def test_those_who_wait_while_one_call_sees_how_the_peer_is_come_back_soon() -> None:
    clock = ManualClock()
    breaker = Breaker(clock)
    for pause in (0,) * FAILURES + BREAKER_PAUSES:
        clock.advance(pause)
        assert breaker.lets_through()
        breaker.failed()
    clock.advance(BREAKER_PAUSES[-1])
    assert breaker.lets_through()
    assert not breaker.lets_through()
    assert breaker.open_until == clock.now() + TRIAL
    clock.advance(TRIAL)
    assert breaker.lets_through()  # the first one has not come back yet


def test_a_breaker_lets_through_when_the_clock_has_been_set_back() -> None:
    clock = ManualClock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.failed()
    assert not breaker.lets_through()
    clock.advance(-HOUR)
    assert breaker.lets_through()
