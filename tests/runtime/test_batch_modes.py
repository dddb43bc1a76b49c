"""A batch has one meaning: optimistic, with savepoints, or one message at a time, it leads to the same state."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mercato.runtime.answers import Answer
from mercato.runtime.batches import executor as executor_module
from mercato.values.clock import ManualClock
from mercato.values.messages import Refusal
from tests.runtime.bench import OTHER, STORE, Bench, buyer, copied, key, migrated, outcome
from tests.runtime.notebook import SHEETS, Begin, Do, How, Sheet

NAMES = ("a", "b", "c")
TABLES = {
    "pages": "SELECT * FROM pages ORDER BY 1, 2",
    "stamps": "SELECT * FROM stamps ORDER BY 1, 2, 3",
    "written_rows": "SELECT * FROM written_rows ORDER BY 1, 2, 3",
    "totals": "SELECT * FROM totals ORDER BY 1, 2",
    "documents": "SELECT * FROM documents ORDER BY 1, 2, 3",
    "outbox": "SELECT number, store, type, version, aggregate, aggregate_version, at, correlation, cause, body "
    "FROM outbox ORDER BY number",
    "idempotency": "SELECT * FROM idempotency ORDER BY 1, 2, 3",
    "intents": "SELECT store, kind, subject, state, attempts, due_at, holder, fence, body, correlation FROM intents "
    "ORDER BY store, subject, body",
    "positions": "SELECT * FROM positions ORDER BY 1, 2",
    "parked": "SELECT * FROM parked ORDER BY 1, 2",
}


class Sent(msgspec.Struct, frozen=True):
    """A command of a drawn batch. `key` "" is none; `begins` makes it one whose answer is decided later."""

    name: str
    how: How = "look"
    amount: int = 1
    store: str = STORE
    key: str = ""
    body: str = "one"
    begins: str = ""


Told = tuple[str, str, int]
amounts = st.integers(0, 3)
sent = st.builds(
    Sent,
    name=st.sampled_from(NAMES),
    how=st.sampled_from(get_args(How)),
    amount=amounts,
    store=st.sampled_from((STORE, STORE, OTHER)),
    key=st.sampled_from(("", "", "", "k1", "k2")),
    body=st.sampled_from(("one", "one", "two")),
    begins=st.sampled_from(("", "", "", "", "a", "b")),
)
told = st.tuples(st.sampled_from(NAMES), st.sampled_from((*get_args(How), "passed")), amounts)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Told], list[Sent]]:
    size = draw(st.integers(2, 8))
    events = draw(st.lists(told, max_size=size))
    count = size - len(events)
    return events, draw(st.lists(sent, min_size=count, max_size=count))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def set_size() -> Iterator[Any]:
    """Sets how many messages a batch may have."""
    with pytest.MonkeyPatch.context() as patch:
        yield lambda size: patch.setattr(executor_module, "BATCH", size)


@given(batch=batches())
@settings(max_examples=40)
@example(batch=([], [Sent("a", "write_sheet"), Sent("b", "break"), Sent("a", "write_sheet", 2)]))
@example(batch=([], [Sent("a", "save_later", 2), Sent("a", "insert", 1), Sent("a", "take", 1)]))
@example(batch=([("a", "break", 1), ("a", "save_later", 1), ("b", "save_later", 2)], [Sent("a", "sum")]))
@example(batch=([("a", "stamp", 1), ("a", "put_stamp", 2)], [Sent("a", "stamp", 2), Sent("b", "stamp_and_break", 1)]))
@example(
    batch=([], [Sent("a", "stamp", 1), Sent("a", "remove_stamp", 1), Sent("a", "stamp", 3), Sent("a", "stamp", 1)])
)
@example(
    batch=([("a", "total", 0), ("a", "line", 2)], [Sent("b", "line"), Sent("a", "see_total"), Sent("a", "line", 3)])
)
@example(batch=([], [Sent("a", begins="a", key="k1"), Sent("a", "answer"), Sent("a", begins="a", key="k1")]))
def test_a_batch_does_what_its_messages_do_one_by_one(
    template: Path, set_size: Any, batch: tuple[list[Told], list[Sent]]
) -> None:
    optimistic = _run(template, batch, set_size, 64)
    with_savepoints = _run(template, batch, set_size, 64, optimistic=False)
    one_by_one = _run(template, batch, set_size, 1)
    out_of_time = _run(template, batch, set_size, 64, clock=HurriedClock())
    assert optimistic == one_by_one
    assert out_of_time == one_by_one
    assert with_savepoints == one_by_one


class HurriedClock(ManualClock):
    """Once `hurried`, a second passes at every look: each batch ends after its first message, the rest is put back."""

    hurried = False

    def __init__(self) -> None:
        super().__init__()
        self._looks = 0

    def elapsed(self) -> float:
        self._looks += self.hurried
        return float(self._looks)


def _run(
    template: Path,
    batch: tuple[Sequence[Told], Sequence[Sent]],
    set_size: Any,
    size: int,
    *,
    optimistic: bool = True,
    clock: ManualClock | None = None,
) -> dict[str, Any]:
    """Everything that can be seen after the batch, which was done `size` messages at a time."""
    events, commands = batch
    set_size(64)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(copied(template, Path(folder)), clock=clock)
        try:
            bench.run(Do("a", "write_sheet", 0), Do("b", "write_sheet", 0), Do("b", "save_later", 2))
            bench.notebook.optimistic = optimistic
            if events:
                bench.tell(*events)
            set_size(size)
            if isinstance(clock, HurriedClock):
                clock.hurried = True
            futures = [_submit(bench, command) for command in commands]
            bench.drain(bench.notebook)
            seen: dict[str, Any] = {name: bench.rows(sql) for name, sql in TABLES.items()}
            seen["replies"] = [_plain(outcome(future)) for future in futures]
            seen["parked in memory"] = len(bench.notebook.list_parked())
            _check_memory(bench)
            return seen
        finally:
            bench.close()


def _submit(bench: Bench, sent: Sent) -> Any:
    caller = buyer(store=sent.store)
    given = key(sent.key, body=sent.body) if sent.key else None
    if sent.begins:
        return bench.notebook.submit(Begin(sent.name, f"begun {sent.begins}"), caller, given)
    return bench.notebook.submit(Do(sent.name, sent.how, sent.amount), caller, given)


def _plain(reply: Any) -> Any:
    if isinstance(reply, Answer):
        return msgspec.to_builtins(reply)
    if isinstance(reply, Refusal):
        return type(reply).__name__, reply.code, reply.facts
    return reply


def _check_memory(bench: Bench) -> None:
    """What is remembered of documents, rows and parked events is what is stored."""
    for name, store in ((name, store) for name in NAMES for store in (STORE, OTHER)):
        known = bench.notebook.memory.find((store, "sheets", name))
        sql = f"SELECT version, body FROM documents WHERE id = '{name}' AND store = '{store}'"  # noqa: S608
        if known is not None:
            assert bench.rows(sql) == [(known.version, SHEETS.encode(known.body))]
            assert isinstance(known.body, Sheet)
        stamps = bench.notebook.memory.find((store, "stamps", name))
        sql = f"SELECT name, number, amount, version FROM stamps WHERE name = '{name}' AND store = '{store}' ORDER BY 2"  # noqa: S608
        if stamps is not None:
            assert bench.rows(sql) == [msgspec.structs.astuple(stamp) for stamp in stamps]
    ((parked,),) = bench.rows("SELECT count(*) FROM parked")
    assert len(bench.notebook._parked) == parked
    ((last,),) = bench.rows("SELECT coalesce(max(number), 0) FROM outbox")
    assert bench.notebook._number == last
