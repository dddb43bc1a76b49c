"""What holds of a service that several processes run over one database: keys, rows, numbers, positions, crashes."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.database.faults import DatabaseFault, InTheWay
from mercato.runtime.transaction import Transaction
from mercato.values.messages import BUYER, Caller, Envelope, KeyReused, Unavailable
from tests.runtime import notebook
from tests.runtime.ground import Ground
from tests.runtime.notebook import Begin, Do
from tests.runtime.processes import Choices, Process, Processes, every_meeting, meet
from tests.runtime.wishes import Wished

STORE = "sto_one"
ANN = Caller(store=STORE, buyer="usr_ann", roles=BUYER, request="req of ann")


def key(text: str, body: str = "body") -> IdempotencyKey:
    return IdempotencyKey("ann POST /do", text, body, 201)


@pytest.fixture
async def processes(shared_ground: Ground) -> AsyncIterator[Processes]:
    made = Processes(shared_ground, lambda _parts: notebook.service())
    yield made
    await made.close()


@pytest.fixture
async def both(processes: Processes) -> tuple[Process, Process]:
    return processes.start(), processes.start()


def pages(processes: Processes) -> dict[str, int]:
    rows = processes.ground.rows("notebook", "SELECT name, amount FROM pages ORDER BY name")
    return {name: int(amount) for name, amount in rows}


def numbers(processes: Processes) -> list[int]:
    return [number for (number,) in processes.ground.rows("notebook", "SELECT number FROM outbox ORDER BY number")]


# Keys.


async def test_one_key_at_both_at_once_has_one_effect_and_one_answer(
    processes: Processes, both: tuple[Process, Process]
) -> None:
    count = 0

    async def same(choices: Choices) -> Any:
        nonlocal count
        count += 1
        name = f"p{count}"
        await both[0].does(Do(name, "insert", 10), caller=ANN)
        work = ((Do(name, "take", 3), key(name)),)
        (one, two), taken = await meet(both, (work, work), (ANN, ANN), choices)
        assert one == two == [Answer(201, b"7", None)]
        assert pages(processes)[name] == 7
        return taken

    assert await every_meeting(same) > 5
    assert numbers(processes) == list(range(1, 2 * count + 1))


async def test_one_key_with_two_requests_at_once_is_refused_to_one(
    processes: Processes, both: tuple[Process, Process]
) -> None:
    count = 0

    def by_name(kind: type[Any]) -> str:
        return kind.__name__

    async def checked(choices: Choices) -> Any:
        nonlocal count
        count += 1
        works = [((Do(f"p{count}", "insert", amount), key(f"k{count}", f"{amount}")),) for amount in (1, 2)]
        (one, two), taken = await meet(both, works, (ANN, ANN), choices)
        assert sorted((type(each[0]) for each in (one, two)), key=by_name) == [Answer, KeyReused]
        winner = one[0] if isinstance(one[0], Answer) else two[0]
        assert winner.body == str(pages(processes)[f"p{count}"]).encode()
        return taken

    assert await every_meeting(checked) > 5


async def test_one_key_of_an_answer_that_is_decided_later_begins_once(
    processes: Processes, both: tuple[Process, Process]
) -> None:
    count = 0

    async def same(choices: Choices) -> Any:
        nonlocal count
        count += 1
        works = [((Begin("a", f"begun {count} {who}"), key(f"k{count}")),) for who in ("one", "two")]
        (one, two), taken = await meet(both, works, (ANN, ANN), choices)
        assert one == two
        assert [name for name in pages(processes) if name.startswith(f"begun {count} ")] == [one[0].subject]
        return taken

    assert await every_meeting(same) > 5


# Rows and documents.


@pytest.mark.parametrize("how", ["write_sheet", "stamp", "raise_later", "take"])
@pytest.mark.parametrize("first", [True, False], ids=["there", "new"])
async def test_changes_at_both_at_once_are_both_kept(
    processes: Processes, both: tuple[Process, Process], how: Any, first: bool
) -> None:
    if how == "take" and not first:
        pytest.skip("nothing can be taken of what is not there")
    count = 0

    async def change(choices: Choices) -> Any:
        nonlocal count
        count += 1
        name = f"p{count}"
        if first:
            await both[0].does(Do(name, "insert" if how in ("take", "raise_later") else how, 8), caller=ANN)
        works = ((Do(name, how, 2),), (Do(name, how, 4),))
        outcomes, taken = await meet(both, works, (ANN, ANN), choices)
        assert [type(each[0]) for each in outcomes] == [int, int], outcomes
        assert _kept(processes, name, how) == (8 * first + 6 if how != "take" else 2)
        return taken

    assert await every_meeting(change) > 5


def _kept(processes: Processes, name: str, how: str) -> int:
    """What the changes of this name come to."""
    ground = processes.ground
    match how:
        case "write_sheet":
            ((body,),) = ground.rows("notebook", f"SELECT body FROM documents WHERE id = '{name}'")  # noqa: S608
            return sum(int(word) for word in msgspec.json.decode(body)["words"])
        case "stamp":
            ((amount,),) = ground.rows("notebook", f"SELECT amount FROM stamps WHERE name = '{name}'")  # noqa: S608
            return int(amount)
        case _:
            return pages(processes)[name]


# Numbers of the log.


async def test_numbers_come_in_the_order_of_commits_without_gaps_while_one_is_killed(
    processes: Processes, both: tuple[Process, Process]
) -> None:
    """Whoever reads the log meanwhile never sees a number before the ones below it."""
    ground = processes.ground
    stopping = threading.Event()
    log = ground.open("notebook").reader()
    seen: list[int] = []

    def watch() -> None:
        while not stopping.is_set():
            with suppress(DatabaseFault, InTheWay):
                after = seen[-1] if seen else 0
                rows = log.fetch(f"SELECT number FROM outbox WHERE number > {after} ORDER BY number", (), 1_000)  # noqa: S608
                seen.extend(number for (number,) in rows)

    watching = asyncio.create_task(asyncio.to_thread(watch))
    outcomes: list[Any] = []

    async def write(process: Process, who: str) -> None:
        for place in range(25):
            while not process.executor.takes_commands:  # noqa: ASYNC110 - a fault's pause ends without a word
                await asyncio.sleep(0.01)
            outcomes.extend(await process.does(*(Do(f"{who}{place}{n}", "insert", n) for n in range(3)), caller=ANN))

    async def kill() -> None:
        for _ in range(6):
            await asyncio.sleep(0.05)
            await asyncio.to_thread(ground.kill_sessions, "notebook")

    await asyncio.gather(write(both[0], "a"), write(both[1], "b"), kill())
    stopping.set()
    await watching
    found = numbers(processes)
    assert found == list(range(1, len(found) + 1))
    assert seen == found[: len(seen)]
    assert len(found) == len(pages(processes)) >= sum(isinstance(each, int) for each in outcomes)
    assert {type(each) for each in outcomes if not isinstance(each, int)} <= {Unavailable}


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("when", ["before commit", "after commit"])
async def test_after_a_crash_the_other_process_does_it_once(processes: Processes, when: str) -> None:
    def reached(point: str) -> None:
        if point == f"notebook: {when}":
            raise Crash

    doomed, other = processes.start(reached), processes.start()
    with pytest.raises(Crash):
        await doomed.does((Do("a", "insert", 5), key("k")), caller=ANN)
    doomed.database.close()  # as the end of a process closes its connections
    assert await other.does((Do("a", "insert", 5), key("k")), caller=ANN) == [Answer(201, b"5", None)]
    assert pages(processes) == {"a": 5}
    assert numbers(processes) == [1]


# Positions.


def _told(number: int, name: str, kind: str = "insert", change: int = 1) -> Envelope:
    body = msgspec.json.encode(Wished(name, kind, change))
    return Envelope("wishes", number, f"evt_{number}", STORE, "Wished", 1, name, 1, 1, "req", "cause", body)


def _consume(process: Process) -> None:
    """Consume from where the database says that the service stands, as a bus has it."""
    process.executor._take_over({"wishes"}, process.executor._stand())
    process.executor.feeds["wishes"].accept([])


async def _work(process: Process) -> None:
    while process.executor.has_work() and (batch := process.executor.take()) is not None:
        await asyncio.to_thread(process.perform, batch)
        process.executor.settle(batch)


async def test_of_two_that_consume_one_source_each_event_has_its_effect_once(
    processes: Processes, both: tuple[Process, Process]
) -> None:
    """Kafka, or the end of a lease, may let two do so for a moment."""
    number = 0

    async def same(choices: Choices) -> Any:
        nonlocal number
        events = [_told(number + place, f"n{number + place}") for place in (1, 2, 3)]
        for process in both:
            _consume(process)
            process.executor.hear_from_bus("wishes", events)
        number += 3
        works: tuple[tuple[()], tuple[()]] = ((), ())
        _, taken = await meet(both, works, (ANN, ANN), choices)
        for process in both:
            await _work(process)
        assert _parked(processes) == []
        assert len(pages(processes)) == number
        assert numbers(processes) == list(range(1, number + 1))
        ((position,),) = processes.ground.rows("notebook", "SELECT number FROM positions WHERE source = 'wishes'")
        assert position == number
        return taken

    assert await every_meeting(same) > 5


async def test_commands_of_a_batch_that_is_fenced_are_done(processes: Processes, both: tuple[Process, Process]) -> None:
    events = [_told(1, "told")]
    for process in both:
        _consume(process)
        process.executor.hear_from_bus("wishes", events)
    await _work(both[0])
    assert await both[1].does(Do("asked", "insert", 2), caller=ANN) == [2]
    assert pages(processes) == {"asked": 2, "told": 1}
    assert both[1].executor._held == set()


async def test_who_takes_a_source_over_while_its_batch_is_under_way_does_nothing_twice(processes: Processes) -> None:
    """A bus takes the source away and gives it back at once: what the database says then is older than the batch."""
    process = processes.start()
    executor = process.executor
    _consume(process)
    executor.hear_from_bus("wishes", [_told(1, "a", "line", 1), _told(2, "a", "line", 2)])
    batch = executor.take()
    assert batch is not None
    executor.let_go({"wishes"})
    executor.take_over_soon({"wishes"})
    await asyncio.sleep(0.05)
    assert executor._held == set()
    await asyncio.to_thread(process.perform, batch)
    executor.settle(batch)
    async with asyncio.timeout(10):
        while not executor._held:  # noqa: ASYNC110 - nothing is set by it
            await asyncio.sleep(0.01)
    executor.feeds["wishes"].accept([])
    executor.hear_from_bus("wishes", [_told(1, "a", "raise_later"), _told(2, "a", "raise_later")])
    await _work(process)
    executor.hear_from_bus("wishes", [_told(3, "a", "raise_later", 4)])
    await _work(process)
    assert pages(processes) == {"a": 4}
    assert process.database.writer.fetch("SELECT number FROM positions WHERE source = 'wishes'", (), 1) == [(3,)]


# Parked events, in a batch that is done again because somebody was in the way.


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often a batch that ran with savepoints finds somebody in its way before its end."""
    left = [0]
    complete = Transaction.complete_keys

    def stumble(self: Transaction) -> None:
        complete(self)
        if left[0] and not self.grouped:
            left[0] -= 1
            raise InTheWay("planted")

    monkeypatch.setattr(Transaction, "complete_keys", stumble)
    return left


def _parked(processes: Processes) -> list[tuple[int, int]]:
    rows = processes.ground.rows("notebook", "SELECT number, attempts FROM parked ORDER BY number")
    return [(int(number), int(attempts)) for number, attempts in rows]


async def test_an_event_that_is_parked_by_the_second_try_is_known_once(
    processes: Processes, stumbling: list[int]
) -> None:
    process = processes.start()
    _consume(process)
    stumbling[0] = 2
    process.executor.hear_from_bus("wishes", [_told(1, "a", "break")])
    await _work(process)
    assert _parked(processes) == [(1, 1)]
    assert process.executor.parked == 1


async def test_a_retry_that_is_done_again_lets_nobody_overtake(processes: Processes, stumbling: list[int]) -> None:
    process = processes.start()
    executor = process.executor
    executor.optimistic = False
    _consume(process)
    told = [_told(1, "a", "take", 5), _told(2, "a", "raise_later", 1), _told(3, "a", "break")]
    executor.hear_from_bus("wishes", told)
    await _work(process)
    assert [number for number, _ in _parked(processes)] == [1, 2, 3]
    await process.does(Do("a", "insert", 5), caller=ANN)
    stumbling[0] = 1
    processes.clock.advance(1_000)
    await executor._look_for_retries()
    await _work(process)
    assert [number for number, _ in _parked(processes)] == [2, 3]
    executor.hear_from_bus("wishes", [_told(4, "a", "raise_later", 7)])
    await _work(process)
    assert [number for number, _ in _parked(processes)] == [2, 3, 4]
    assert executor.parked == 3
