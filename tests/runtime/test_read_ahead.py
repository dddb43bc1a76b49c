"""Rows for the events of a batch: asked for together, and no other than what each event would have found by itself."""

from typing import Any

import pytest

from mercato.runtime.reader import Reader
from mercato.runtime.service import Names, named
from mercato.runtime.transaction import Transaction
from mercato.values.messages import Caller, KeyReused
from tests.runtime.bench import Bench, buyer, key, outcome
from tests.runtime.notebook import SHEETS, STAMPS, Do, Stamp


def _asked(bench: Bench, monkeypatch: pytest.MonkeyPatch, table: str) -> list[str]:
    """The questions about this table that the notebook's writer is asked from now on."""
    questions: list[str] = []
    writer = bench.notebook.database.writer
    run = writer.run

    def noted(sql: str, values: Any = (), /) -> Any:
        if sql.startswith("SELECT") and table in sql.partition("FROM")[2].split():
            questions.append(sql)
        return run(sql, values)

    monkeypatch.setattr(writer, "run", noted)
    return questions


@pytest.fixture
def asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return _asked(bench, monkeypatch, "stamps")


def test_the_rows_of_several_events_are_read_by_one_question(bench: Bench, asked: list[str]) -> None:
    bench.run(Do("b", "stamp", 2))
    asked.clear()
    bench.notebook.memory.clear()
    bench.tell(("a", "stamp", 1), ("b", "stamp", 4), ("c", "count_stamps", 0), ("a", "stamp", 3))
    bench.drain(bench.notebook)
    assert len(asked) == 1
    assert bench.rows("SELECT name, number, amount, version FROM stamps ORDER BY 1, 2") == [
        ("a", 1, 4, 2),
        ("b", 0, 6, 2),
    ]


def test_the_rows_of_several_commands_are_read_by_one_question(
    bench: Bench, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: dict[Any, Any] = bench.notebook._keys
    monkeypatch.setitem(keys, Do, (named("name", STAMPS),))
    futures = [bench.notebook.submit(Do(name, "stamp", 2), buyer()) for name in ("a", "b", "c")]
    bench.drain(bench.notebook)
    assert [outcome(future) for future in futures] == [2, 2, 2]
    assert len(asked) == 1


def test_the_documents_of_several_commands_are_read_by_one_question(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run(Do("b", "write_sheet", 7))
    asked = _asked(bench, monkeypatch, "documents")
    keys: dict[Any, Any] = bench.notebook._keys
    monkeypatch.setitem(keys, Do, (named("name", SHEETS),))
    bench.notebook.memory.clear()
    futures = [bench.notebook.submit(Do(name, "write_sheet", 2), buyer()) for name in ("a", "b", "c", "a")]
    bench.drain(bench.notebook)
    assert [outcome(future) for future in futures] == [1, 2, 1, 2]
    assert len(asked) == 1
    assert bench.rows("SELECT id, version FROM documents ORDER BY 1") == [("a", 2), ("b", 2), ("c", 1)]


def test_a_second_step_names_what_the_first_has_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def sheets_of_stamped(reader: Reader, message: Do, _caller: Caller) -> Names:
        return ((SHEETS, (f"sheet {stamp.amount}" for stamp in reader.rows(STAMPS, message.name))),)

    bench.run(Do("a", "stamp", 2), Do("b", "stamp", 4))
    asked = _asked(bench, monkeypatch, "documents")
    named_sheets: list[str] = []
    read_ahead = Transaction.read_ahead

    def noted(tx: Transaction, kept: Any, ids: list[str]) -> None:
        if kept is SHEETS:
            named_sheets.extend(ids)
        read_ahead(tx, kept, ids)

    monkeypatch.setattr(Transaction, "read_ahead", noted)
    keys: dict[Any, Any] = bench.notebook._keys
    monkeypatch.setitem(keys, Do, (named("name", STAMPS), sheets_of_stamped))
    for name in ("a", "b"):
        bench.notebook.submit(Do(name, "stamp", 2), buyer())
    bench.drain(bench.notebook)
    assert named_sheets == ["sheet 2", "sheet 4"]
    assert len(asked) == 1


def test_the_keys_of_several_commands_are_looked_up_by_one_question(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.run(Do("a", "stamp", 2), key=key("old")).body == b"2"
    asked = _asked(bench, monkeypatch, "idempotency")
    sent = (("old", 2, "body"), ("new", 4, "body"), ("old", 2, "another body"), ("new", 4, "body"))
    futures = [
        bench.notebook.submit(Do("a", "stamp", amount), buyer(), key(name, body=body)) for name, amount, body in sent
    ]
    bench.drain(bench.notebook)
    replayed, new, reused, again = (outcome(future) for future in futures)
    assert (replayed.body, new.body, again.body) == (b"2", b"6", b"6")
    assert isinstance(reused, KeyReused)
    assert len(asked) == 1


def test_what_is_in_memory_is_not_read_again(bench: Bench, asked: list[str]) -> None:
    bench.tell(("a", "stamp", 1), ("b", "stamp", 1))
    bench.drain(bench.notebook)
    asked.clear()
    bench.tell(("a", "stamp", 1), ("b", "stamp", 1))
    bench.drain(bench.notebook)
    assert asked == []


def test_what_is_computed_waits_for_what_it_is_computed_of(bench: Bench) -> None:
    bench.tell(("a", "total", 0), ("a", "line", 2), ("b", "line", 7), ("a", "line", 3))
    bench.drain(bench.notebook)
    assert bench.rows("SELECT name, amount FROM totals") == [("a", 5)]
    assert bench.run(Do("a", "line", 4), Do("a", "see_total", 0)) == 9


def test_a_row_that_this_transaction_has_changed_is_not_overwritten(bench: Bench) -> None:
    def changed_and_read(tx: Transaction) -> tuple[Stamp, ...]:
        tx.add_first(STAMPS, Stamp("a", 0, 8, 1))
        tx.read_ahead(STAMPS, ("a", "b"))
        return tx.rows(STAMPS, "a")

    tx = bench.notebook._transaction()
    tx.store = "sto_other"
    assert changed_and_read(tx) == (Stamp("a", 0, 8, 1),)
