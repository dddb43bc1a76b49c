"""What holds of documents apart from their service's database, wherever a process ends and whoever is in its way."""

import asyncio
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from mercato.runtime.answers import Answer
from mercato.runtime.documents.mongo import MongoStore
from mercato.runtime.late_events import AGE, EVERY, late_jobs
from mercato.values.messages import Failed, Unavailable
from tests.runtime.documents.shelves import ANN, BOB, OTHER, Shelves, key
from tests.runtime.processes import Process
from tests.runtime.shelf import Look, Move, Put
from tests.runtime.wishes import Wished
from tools.engines import Engine

FIRST = Answer(201, b'["x"]', None)
ONE = [("a", 1, ("x",))]
# Where a process may end; what is there then: the document, and its event in the log.
PLACES = {
    "before documents": (False, False),
    "after documents": (True, False),
    "before commit": (True, False),
    "after commit": (True, True),
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_request_that_is_made_again_has_one_effect_and_one_event(apart: Shelves, place: str) -> None:
    work = (Put("a", "x"), key("k"))
    await apart.dies(apart.start(), place, work)
    written, told = PLACES[place]
    assert (apart.get("a"), apart.told()) == (("x",) if written else (), ONE if told else [])
    two = apart.start()
    assert await two.does(work, caller=ANN) == [FIRST]
    assert (apart.get("a"), apart.version("a"), apart.told()) == (("x",), 1, ONE)
    assert await two.does(work, caller=ANN) == [FIRST]
    assert await two.does(Put("a", "y"), caller=ANN) == [("x", "y")]
    assert apart.told() == [*ONE, ("a", 2, ("x", "y"))]
    assert apart.raw("a")["events"] == []


@pytest.mark.parametrize("place", PLACES)
async def test_an_event_that_comes_again_has_one_effect(apart: Shelves, place: str) -> None:
    await apart.dies(apart.start(), place, Wished("a", "put", 3))
    two = apart.start()
    for _ in range(2):
        await two.does(Wished("a", "put", 3), caller=ANN)
    assert (apart.get("a"), apart.told()) == (("3",), [("a", 1, ("3",))])


@pytest.mark.parametrize("place", PLACES)
async def test_what_was_begun_is_told_before_what_comes_after_it(apart: Shelves, place: str) -> None:
    """Whoever died is gone for good, and nobody asks again: what is in a document is told by who changes it next."""
    await apart.dies(apart.start(), place, Put("a", "1"), Put("b", "2"), Put("a", "3"))
    two = apart.start()
    await two.does(Put("a", "4"), caller=ANN)
    words = ("1", "3", "4") if PLACES[place][0] else ("4",)
    assert apart.get("a") == words
    expected = [("a", n + 1, words[: n + 1]) for n in range(len(words))]
    assert [event for event in apart.told() if event[0] == "a"] == expected
    await two.does(Look("b"), caller=ANN)
    assert [event for event in apart.told() if event[0] == "b"] == ([("b", 1, ("2",))] if PLACES[place][0] else [])


@pytest.mark.parametrize("place", PLACES)
async def test_what_nobody_touches_any_more_is_told_by_a_job(apart: Shelves, place: str) -> None:
    await apart.dies(apart.start(), place, Put("a", "1"), Put("b", "2"), Put("a", "3"))
    await apart.dies(apart.start(), place, Put("a", "4"), caller=BOB)
    two = apart.start()
    await _swept(two, apart)
    written = PLACES[place][0]
    assert sorted(apart.told()) == (
        sorted([("a", 1, ("1",)), ("a", 2, ("1", "3")), ("b", 1, ("2",)), ("a", 1, ("4",))]) if written else []
    )
    for name, store in (("a", ANN.store), ("b", ANN.store), ("a", OTHER)) if written else ():
        assert apart.raw(name, store)["events"] == []
    before = apart.told()
    await _swept(two, apart)
    assert apart.told() == before


async def _swept(process: Process, apart: Shelves) -> None:
    apart.processes.clock.advance(AGE + EVERY)
    executor = process.executor
    (job,) = late_jobs(executor, executor._parts.pools.readers)
    task = asyncio.ensure_future(job.run(None, apart.processes.clock.now()))  # type: ignore[arg-type]
    while not task.done():
        await asyncio.sleep(0.01)
        if executor.has_work():
            await process.does(caller=ANN)
    await task


async def test_a_move_that_was_torn_apart_is_completed(apart: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one whose lines have moved is written first: done again, it takes nothing a second time."""
    one = apart.start()
    await one.does(Put("a", "1"), Put("b", "2"), caller=ANN)
    write, count = MongoStore.write, 0

    def half(self: MongoStore, *arguments: Any) -> None:
        nonlocal count
        count += 1
        write(self, *arguments)
        if count == 1:
            apart.fuse("half")

    monkeypatch.setattr(MongoStore, "write", half)
    work = (Move("a", "b"), key("k"))
    await apart.dies(one, "half", work)
    assert (apart.get("a"), apart.get("b")) == (("1",), ("2", "1"))
    two = apart.start()
    assert await two.does(work, caller=ANN) == [Answer(201, b'["2","1"]', None)]
    assert (apart.get("a"), apart.get("b")) == ((), ("2", "1"))
    assert [words for name, _, words in apart.told() if name == "b"] == [("2",), ("2", "1"), ("2", "1")]


async def test_a_commit_that_fails_is_made_up_for(apart: Shelves) -> None:
    one, two = apart.start(), apart.start()
    work = (Put("a", "x"), key("k"))
    apart.fuse.at, apart.fuse.do = "before commit", lambda: apart.ground.kill_sessions("shelf")
    assert [type(each) for each in await one.does(work, caller=ANN)] == [Unavailable]
    assert (apart.get("a"), apart.told()) == (("x",), [])
    assert await two.does(work, caller=ANN) == [FIRST]
    assert (apart.version("a"), apart.told()) == (1, ONE)


async def test_who_loses_one_of_three_documents_does_that_one_again(
    apart: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = apart.start(), apart.start()
    await one.does(Put("b", "0"), caller=ANN)
    theirs, _ = two.batch((Put("b", "theirs"),), ANN)
    _after_finding(monkeypatch, lambda: two.perform(theirs))
    keyed = (Put("c", "3"), key("c")), (Put("b", "4"), key("b"))
    outcomes = await one.does(Put("a", "1"), Put("b", "2"), *keyed, caller=ANN)
    two.executor.settle(theirs)
    assert outcomes == [
        ("1",),
        ("0", "theirs", "2"),
        Answer(201, b'["3"]', None),
        Answer(201, b'["0","theirs","2","4"]', None),
    ]
    assert [apart.get(name) for name in "abc"] == [("1",), ("0", "theirs", "2", "4"), ("3",)]
    assert sorted(apart.told()) == [
        ("a", 1, ("1",)),
        ("b", 1, ("0",)),
        ("b", 2, ("0", "theirs")),
        ("b", 3, ("0", "theirs", "2")),
        ("b", 4, ("0", "theirs", "2", "4")),
        ("c", 1, ("3",)),
    ]
    assert await two.does((Put("c", "3"), key("c")), caller=ANN) == [outcomes[2]]


def _after_finding(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Once, between the look at documents and their change."""
    find = MongoStore.find
    left = [do]

    def found(self: MongoStore, *arguments: Any) -> Any:
        documents = find(self, *arguments)
        if left:
            left.pop()()
        return documents

    monkeypatch.setattr(MongoStore, "find", found)


async def test_one_key_at_both_at_once_has_one_effect(apart: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = apart.start(), apart.start()
    work = (Put("a", "x"), key("k"))
    theirs, outcomes = two.batch((work,), ANN)
    _after_finding(monkeypatch, lambda: two.perform(theirs))
    assert await one.does(work, caller=ANN) == [FIRST]
    two.executor.settle(theirs)
    assert outcomes[0] is not None
    assert outcomes[0].result() == FIRST
    assert (apart.get("a"), apart.told()) == (("x",), ONE)


async def test_what_another_is_about_to_commit_is_told_once(apart: Shelves) -> None:
    """Who finds its document meanwhile waits for it, and sees its events in the log."""
    one, two = apart.start(), apart.start()
    batch, _ = two.batch((Put("a", "y"),), ANN)
    other = Thread(target=two.perform, args=(batch,))
    apart.fuse.at, apart.fuse.do = "after documents", lambda: _gone_on(other)
    await one.does(Put("a", "x"), caller=ANN)
    await asyncio.to_thread(other.join)
    two.executor.settle(batch)
    assert (apart.get("a"), apart.told()) == (("x", "y"), [*ONE, ("a", 2, ("x", "y"))])
    assert apart.raw("a")["events"] == []


def _gone_on(thread: Thread) -> None:
    """As far as it comes by itself: it waits for who has started it."""
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()


async def test_a_handler_that_changes_more_than_its_documents_is_refused(apart: Shelves) -> None:
    one = apart.start()
    outcomes = await one.does(Put("a", "1", "tell of another"), Put("a", "2"), caller=ANN)
    assert isinstance(outcomes[0], Failed)
    assert (outcomes[1], apart.get("a")) == (("2",), ("2",))
    assert "MixedChange" in one.log.getvalue()


async def test_a_document_remembers_its_last_operations(apart: Shelves) -> None:
    one = apart.start()
    for place in range(40):
        await one.does((Put("a", f"{place}"), key(f"k{place}")), caller=ANN)
    await one.does(*(Put("b", f"{place}") for place in range(40)), caller=ANN)
    assert (len(apart.raw("a")["done"]), len(apart.raw("b")["done"])) == (32, 40)
    assert apart.raw("a")["answers"] == []


# The server.


async def test_where_the_server_is_down_commands_and_questions_are_told_so(
    apart: Shelves, engine: Callable[[str], Engine]
) -> None:
    one, server = apart.start(), engine("mongo")
    await one.does((Put("a", "x"), key("k")), caller=ANN)
    server.kill()
    try:
        outcomes = await one.does((Put("a", "y"), key("l")), Put("b", "z"), caller=ANN)
        assert [type(each) for each in outcomes] == [Unavailable] * 2
        assert [type(each) for each in await apart.start().does(Put("c", "z"), caller=ANN)] == [Unavailable]
        assert apart.told() == ONE
    finally:
        server.start()
    two = apart.start()
    assert await two.does((Put("a", "y"), key("l")), caller=ANN) == [Answer(201, b'["x","y"]', None)]
    assert (apart.get("a"), len(apart.told())) == (("x", "y"), 2)


async def test_a_server_that_stands_still_holds_nobody_up_for_long(
    apart: Shelves, engine: Callable[[str], Engine]
) -> None:
    one, server = apart.start(), engine("mongo")
    work = (Put("a", "x"), key("k"))
    await one.does(Put("b", "0"), caller=ANN)
    server.pause()
    try:
        async with asyncio.timeout(30):
            assert [type(each) for each in await one.does(work, caller=ANN)] == [Unavailable]
    finally:
        server.resume()
    assert await apart.start().does(work, caller=ANN) == [FIRST]
    assert (apart.get("a"), [event for event in apart.told() if event[0] == "a"]) == (("x",), ONE)


async def test_a_server_that_is_killed_under_load_loses_nothing(
    apart: Shelves, engine: Callable[[str], Engine]
) -> None:
    """Requests are made again under their keys until they are answered, by two processes."""
    server = engine("mongo")
    answered: list[str] = []

    async def work(name: str) -> None:
        process = apart.start()
        for place in range(40):
            word = f"{name}{place}"
            outcome = None
            while not isinstance(outcome, Answer):
                (outcome,) = await process.does((Put("a", word), key(word)), caller=ANN)
                await asyncio.sleep(0.005)
            answered.append(word)

    async def hurt() -> None:
        for _ in range(2):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)

    async with asyncio.timeout(120):
        await asyncio.gather(work("p"), work("q"), hurt())
    await _swept(apart.start(), apart)
    words = apart.get("a")
    assert sorted(words) == sorted(answered)
    assert apart.told() == [("a", n, words[:n]) for n in range(1, 81)]
