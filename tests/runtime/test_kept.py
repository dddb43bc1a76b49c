"""Rows that are kept in memory: read once, right after every change, and never trusted against the database."""

from contextlib import closing
from pathlib import Path

import pytest

from mercato.runtime.database.sqlite import connect
from mercato.runtime.database.statements import StatementError, insert_into
from mercato.runtime.memory import FORGOTTEN, Memory
from mercato.runtime.questions import Questions
from mercato.values.messages import Failed
from tests.runtime.bench import STORE, Bench, buyer, outcome
from tests.runtime.notebook import Do, GetStamps, How, Stamp, get_stamps, stamps

BROKEN_AND_WHOLE: tuple[tuple[How, int], ...] = (("stamp_and_break", 2), ("stamp", 4))


def asked(bench: Bench, name: str) -> tuple[Stamp, ...]:
    """The stamps of a name, as the notebook answers without a snapshot."""
    questions = Questions(bench.notebook, bench.parts)
    answer: tuple[Stamp, ...] = questions.answer(get_stamps, GetStamps(name), buyer(), snapshot=False)
    return answer


def behind_its_back(folder: Path, sql: str) -> None:
    with closing(connect(folder / "notebook.db")) as database:
        database.execute(sql)


def test_a_row_is_read_once(bench: Bench) -> None:
    bench.run(Do("a", "put_stamp", 3))
    assert asked(bench, "a") == (Stamp("a", 1, 3, 5),)
    behind_its_back(bench.folder, "UPDATE stamps SET amount = 4")
    assert asked(bench, "a") == (Stamp("a", 1, 3, 5),)


def test_who_asks_for_what_is_not_there_takes_no_memory(bench: Bench) -> None:
    assert asked(bench, "a") == ()
    assert bench.notebook.memory.find((STORE, "stamps", "a")) is None


def test_a_change_of_a_row_that_is_not_what_memory_says_is_made_of_what_is_stored(bench: Bench) -> None:
    bench.run(Do("a", "stamp", 2))
    behind_its_back(bench.folder, "UPDATE stamps SET amount = 40, version = 8")
    assert bench.run(Do("a", "stamp", 2)) == 42
    assert bench.rows("SELECT amount, version FROM stamps") == [(42, 9)]
    assert asked(bench, "a") == (Stamp("a", 0, 42, 9),)


def test_a_change_that_is_rolled_back_is_not_remembered(bench: Bench) -> None:
    bench.run(Do("a", "stamp", 2))
    futures = [bench.notebook.submit(Do("a", how, amount), buyer()) for how, amount in BROKEN_AND_WHOLE]
    bench.drain(bench.notebook)
    assert isinstance(outcome(futures[0]), Failed)
    assert outcome(futures[1]) == 6
    assert asked(bench, "a") == (Stamp("a", 0, 6, 2),)


def test_a_full_memory_forgets_what_nobody_has_asked_for_lately() -> None:
    memory = Memory(capacity=4)

    def find(number: int) -> object:
        return memory.find((STORE, "stamps", str(number)))

    for number in range(3):
        memory.put({(STORE, "stamps", str(number)): (number,)})
    assert [find(number) for number in (0, 1)] == [(0,), (1,)]
    for number in (3, 4):
        memory.put({(STORE, "stamps", str(number)): (number,)})
    assert [number for number in range(5) if find(number)] == [0, 1, 3, 4]
    memory.put({(STORE, "stamps", "3"): FORGOTTEN, (STORE, "stamps", "4"): (40,)})
    assert [find(number) for number in (3, 4)] == [None, (40,)]
    assert dict(memory.contents())[STORE, "stamps", "4"] == (40,)
    memory.clear()
    assert not dict(memory.contents())


def test_a_statement_of_ones_own_cannot_write_a_table_that_is_kept() -> None:
    with pytest.raises(StatementError, match="kept in memory"):
        insert_into(stamps).compile("sqlite")
