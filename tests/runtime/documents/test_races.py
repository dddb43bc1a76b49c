"""Two processes that change documents at once, in every order of what they do to them: nothing is lost, nothing is done
or told twice."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from mercato.runtime.answers import Answer
from mercato.runtime.late_events import TellLateEvents, late_jobs
from mercato.values.messages import Caller
from tests.runtime import processes
from tests.runtime.documents.shelves import ANN, STORE, Shelves, key
from tests.runtime.processes import Choices, Gate, Process, Work, every_meeting, meet
from tests.runtime.shelf import SHELVES, Move, Put

SYSTEM = Caller.system(STORE, "housekeeping")
LEAST = 5  # orders in which two may meet, at least


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two stops there is more than one question to a server."""
    monkeypatch.setattr(processes, "BLOCKED", 0.08)


class GatedStore:
    """Documents, and the end of the transaction, before each of which a gate is."""

    def __init__(self, behind: Any, gate: Gate) -> None:
        self._behind = behind
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def find(self, *arguments: Any) -> Any:
        self._gate.stop()
        return self._behind.find(*arguments)

    def write(self, *arguments: Any) -> None:
        self._gate.stop()
        self._behind.write(*arguments)

    def release(self, *arguments: Any) -> None:
        self._gate.stop()
        self._behind.release(*arguments)

    def execute(self, text: str, values: Any = (), /) -> Any:
        if text == "COMMIT":
            self._gate.stop()
        return self._behind.execute(text, values)


@contextmanager
def at_documents(process: Process) -> Iterator[Gate]:
    gate, executor, database = Gate(), process.executor, process.database
    writer, documents = database.writer, executor.documents
    database.writer, executor.documents = GatedStore(writer, gate), GatedStore(documents, gate)  # type: ignore[misc]
    try:
        yield gate
    finally:
        database.writer, executor.documents = writer, documents  # type: ignore[misc]


class Meetings:
    """Of two processes, each time about other documents, which `names` names."""

    def __init__(self, apart: Shelves) -> None:
        self.apart = apart
        self.both = apart.start(), apart.start()
        self.count = 0

    async def of(self, choices: Choices, *works: Sequence[Work], callers: tuple[Caller, Caller] = (ANN, ANN)) -> Any:
        return await meet(self.both, works, callers, choices, at_documents)

    def names(self) -> tuple[str, str]:
        self.count += 1
        return f"a{self.count}", f"b{self.count}"

    def told(self, name: str) -> list[tuple[int, tuple[str, ...]]]:
        return [(version, words) for shelf, version, words in self.apart.told() if shelf == name]

    def is_told(self, name: str) -> None:
        """Every version once, in order, and nothing waits in the document any more."""
        versions = [version for version, _ in self.told(name)]
        assert versions == list(range(1, self.apart.version(name) + 1))
        assert self.apart.raw(name)["events"] == []


async def test_both_add_to_one(apart: Shelves) -> None:
    meetings = Meetings(apart)

    async def add(choices: Choices) -> Any:
        name, _ = meetings.names()
        (one, two), taken = await meetings.of(choices, [Put(name, "1")], [Put(name, "2")])
        words = apart.get(name)
        assert sorted(words) == ["1", "2"]
        assert sorted((*one, *two)) == sorted((words[:1], words))
        meetings.is_told(name)
        return taken

    assert await every_meeting(add) > LEAST


async def test_both_are_asked_the_same(apart: Shelves) -> None:
    meetings = Meetings(apart)

    async def same(choices: Choices) -> Any:
        name, _ = meetings.names()
        work = [(Put(name, "1"), key(name))]
        outcomes, taken = await meetings.of(choices, work, work)
        assert outcomes == [[Answer(201, b'["1"]', None)]] * 2
        assert (apart.get(name), apart.version(name)) == (("1",), 1)
        meetings.is_told(name)
        return taken

    assert await every_meeting(same) > LEAST


async def test_one_moves_what_the_other_adds_to(apart: Shelves) -> None:
    meetings = Meetings(apart)

    async def moved(choices: Choices) -> Any:
        name, other = meetings.names()
        await meetings.both[0].does(Put(name, "0"), caller=ANN)
        _, taken = await meetings.of(choices, [Move(name, other)], [Put(name, "1")])
        assert sorted(apart.get(name) + apart.get(other)) == ["0", "1"]
        meetings.is_told(name)
        meetings.is_told(other)
        return taken

    assert await every_meeting(moved) > LEAST


async def test_one_sweeps_where_the_other_is_at_work(apart: Shelves) -> None:
    meetings = Meetings(apart)

    async def swept(choices: Choices) -> Any:
        name, _ = meetings.names()
        sweep = TellLateEvents(SHELVES.name, (name,))
        _, taken = await meetings.of(choices, [Put(name, "1")], [sweep], callers=(ANN, SYSTEM))
        assert apart.get(name) == ("1",)
        meetings.is_told(name)
        return taken

    for process in meetings.both:
        late_jobs(process.executor, process.executor._parts.pools.readers)
    assert await every_meeting(swept) > LEAST
