"""What every engine of the relational port does alike: values, keys, statements, counts, savepoints, faults, views."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.database.engine import Connection, Database
from mercato.runtime.database.faults import ConstraintFault
from mercato.runtime.database.statements import as_list
from mercato.runtime.reader import Reader, RowLimitExceeded
from mercato.runtime.transaction import Transaction
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids
from tests.runtime.database import samples
from tests.runtime.database.samples import Thing
from tests.runtime.ground import Ground

STORE, OTHER = "sto_one", "sto_two"
LEAST, MOST = -(2**63), 2**63 - 1
# Texts that a careless comparison takes for one another; they differ in their bytes.
ALIKE = ("strasse", "straße", "Strasse", "STRASSE", "cafe", "café", "cafe\u0301", "Ä", "A", "a", "\u0131", "i", "I", "")


class Session:
    """Transactions of one process by hand."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = database.writer

    def begin(self, store: str = STORE, *, grouped: bool = False) -> Transaction:
        self.writer.begin((store,))
        return self.transaction(store, grouped=grouped)

    def transaction(self, store: str = STORE, *, grouped: bool = False) -> Transaction:
        tx = Transaction(self.writer, self.database.compiled, cast(Keyring, None), Ids(ManualClock()), "samples")
        tx.store, tx.grouped = store, grouped
        return tx

    def commit(self) -> None:
        self.writer.execute("COMMIT")

    def add(self, *things: Thing, store: str = STORE) -> None:
        tx = self.begin(store)
        for thing in things:
            tx.run(samples.ADD, **_fields(thing))
        self.commit()

    def reading(self, store: str = STORE) -> Reader:
        """Within a transaction of its own, which nobody ends."""
        connection = self.database.reader()
        connection.begin((store,))
        reader = Reader(connection, self.database.compiled, cast(Keyring, None))
        reader.store = store
        return reader

    def things(self, store: str = STORE) -> list[Thing]:
        connection = self.database.reader()
        connection.begin((store,))
        reader = Reader(connection, self.database.compiled, cast(Keyring, None))
        reader.store = store
        found = reader.all(samples.LIST)
        connection.rollback()
        return found

    def ids(self) -> list[str]:
        return [thing.id for thing in self.things()]


def _fields(thing: Thing) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in thing.__struct_fields__}


@pytest.fixture
def session(ground: Ground) -> Iterator[Session]:
    made = Session(ground.made(samples.service()))
    yield made
    made.writer.rollback()


# Values.


@pytest.mark.parametrize(
    "thing",
    [
        Thing("a"),
        Thing("a", number=LEAST, amount=MOST, version=LEAST),
        Thing("a", number=MOST, amount=0, version=MOST),
        Thing("a", number=0, words="", body=b""),
        Thing("a", words="%s %% ? :name ; -- ' \" \\ \\' \n\r\t /* */ `x` {int}"),
        Thing("a", words="naïve 中文 עברית 👩‍👩‍👧 \u202e \uffff \U0010ffff"),
        Thing("a", body=bytes(range(256)) + b"';--\\"),
        Thing("a", words="long " * 20_000, body=b"\0\xff" * 100_000),
        Thing("ключ-ß-👍", label="Ω" * 80),
    ],
    ids=lambda thing: thing.id + str(thing.number),
)
def test_what_is_stored_comes_back(session: Session, thing: Thing) -> None:
    session.add(thing)
    assert session.things() == [thing]
    tx = session.begin()
    assert [tx.one(samples.FIND, id=thing.id), tx.one(samples.LOCK, id=thing.id)] == [thing, thing]
    found = tx.one(samples.FIND, id=thing.id)
    assert found is not None
    assert [type(value) for value in _fields(found).values()] == [type(value) for value in _fields(thing).values()]


def test_any_value_comes_back_by_every_way_of_writing_it(session: Session) -> None:
    texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
    numbers = st.one_of(st.none(), st.integers(LEAST, MOST))
    things = st.builds(
        Thing,
        id=st.just(""),
        label=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=80),
        number=numbers,
        words=st.one_of(st.none(), texts),
        body=st.one_of(st.none(), st.binary()),
        amount=st.integers(0, MOST),
        version=st.integers(LEAST, MOST),
    )

    @given(drawn=st.lists(things, min_size=1, max_size=7))
    @settings(max_examples=30)
    def comes_back(drawn: list[Thing]) -> None:
        rows = [Thing(f"t{place}", *list(_fields(thing).values())[1:]) for place, thing in enumerate(drawn)]
        tx = session.begin(grouped=True)  # one, several in one step, and many by the driver
        for row in rows:
            tx.defer(samples.ADD, **_fields(row))
        tx.flush()
        assert tx.all(samples.LIST) == rows
        session.writer.rollback()

    comes_back()


def test_sums_of_64_bit_numbers_are_whole_numbers(session: Session) -> None:
    session.add(Thing("a", amount=2**62), Thing("b", amount=2**62 - 1))
    tx = session.begin()
    total = tx.one(samples.TOTAL)
    assert total == samples.Sum(2, MOST)
    assert type(total.amount) is int
    session.writer.rollback()
    assert session.begin(OTHER).one(samples.TOTAL) == samples.Sum(0, 0)


@pytest.mark.parametrize("number", [MOST + 1, LEAST - 1])
def test_a_number_that_has_no_place_is_an_error_and_nothing_else(session: Session, number: int) -> None:
    tx = session.begin()
    with pytest.raises(Exception, match=r"(?i)out of range|too big|overflow"):
        tx.run(samples.ADD, **_fields(Thing("a", number=number)))
    session.writer.rollback()
    assert session.things() == []


def test_text_that_is_too_long_for_a_key_is_never_cut(ground: Ground, session: Session) -> None:
    """SQLite knows no length of a text, and keeps it as it is."""
    tx = session.begin()
    thing = Thing("a", label="x" * 81)
    if ground.kind == "sqlite":
        tx.run(samples.ADD, **_fields(thing))
        assert tx.all(samples.LIST) == [thing]
        return
    with pytest.raises(Exception, match="too long"):
        tx.run(samples.ADD, **_fields(thing))
    session.writer.rollback()
    assert session.things() == []


# Keys.


def test_keys_are_compared_byte_by_byte(session: Session) -> None:
    things = [Thing(f"{place:02}", label=text) for place, text in enumerate(ALIKE)]
    session.add(*things)
    tx = session.begin()
    for thing in things:
        assert tx.all(samples.BY_LABEL, label=thing.label) == [thing]
        assert tx.all(samples.SOME, labels=as_list([thing.label])) == [thing]
        assert tx.all(samples.PAIRS, pairs=as_list([(thing.id, thing.label)])) == [thing]


def test_keys_that_differ_in_their_bytes_are_different_keys(session: Session) -> None:
    session.add(*(Thing(text or "empty") for text in ALIKE))
    assert len(session.things()) == len(ALIKE)


def test_rows_come_in_the_order_of_bytes(session: Session) -> None:
    session.add(*(Thing(f"{place:02}", label=text) for place, text in enumerate(ALIKE)))
    tx = session.begin()
    labels = [thing.label for thing in tx.all(samples.IN_ORDER)]
    assert labels == sorted(ALIKE, key=str.encode)


def test_spaces_at_the_end_count_but_in_mysql(ground: Ground, session: Session) -> None:
    """MySQL and MariaDB have no collation in common that both compares bytes and does not pad: see columns.py."""
    session.add(Thing("a", label="end"), Thing("b", label="end "))
    tx = session.begin()
    found = [thing.id for thing in tx.all(samples.BY_LABEL, label="end")]
    assert found == (["a", "b"] if ground.kind == "mariadb" else ["a"])
    assert [thing.label for thing in tx.all(samples.LIST)] == ["end", "end "]


# Statements.


def test_lists_of_parameters_find_what_is_in_them(session: Session) -> None:
    things = [Thing("a", "red"), Thing("b", "blue"), Thing("c", 'a "b", [c] \\ \' %s'), Thing("d", "green")]
    session.add(*things)
    session.add(Thing("e", "red"), store=OTHER)
    tx = session.begin()
    labels = ["red", things[2].label, "unknown"]
    assert tx.all(samples.SOME, labels=as_list(labels)) == [things[0], things[2]]
    assert tx.all(samples.SOME, labels=as_list([])) == []
    pairs = [("a", "red"), ("b", "red"), ("d", "green"), ("c", things[2].label)]
    assert tx.all(samples.PAIRS, pairs=as_list(pairs)) == [things[0], things[2], things[3]]
    assert tx.all(samples.PAIRS, pairs=as_list([])) == []
    assert tx.all(samples.KINDS) == things[:2]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100, 200])
def test_so_many_rows_are_inserted_in_few_steps(session: Session, count: int) -> None:
    things = [Thing(f"{place:04}", amount=place) for place in range(count)]
    tx = session.begin(grouped=True)
    before = session.writer.total_changes()
    for thing in things:
        tx.defer(samples.ADD, **_fields(thing))
    tx.flush()
    assert session.writer.total_changes() - before == count
    session.commit()
    assert session.things() == things


def test_an_upsert_inserts_or_overwrites_the_whole_row(session: Session) -> None:
    session.add(Thing("a", "old", 1, "old", b"old", 1, 1), Thing("b", "old"))
    tx = session.begin()
    for thing in (new := [Thing("a", "new", None, None, b"", 0, 2), Thing("c", "new", amount=3)]):
        tx.run(samples.PUT, **_fields(thing))
    session.commit()
    assert session.things() == [new[0], Thing("b", "old"), new[1]]


def test_an_upsert_that_changes_nothing_leaves_the_row(session: Session) -> None:
    session.add(Thing("a", "old", amount=5))
    tx = session.begin()
    tx.run(samples.ADD_ONCE, **_fields(Thing("a", "new", amount=6)))
    tx.run(samples.ADD_ONCE, **_fields(Thing("b", "new", amount=7)))
    session.commit()
    assert session.things() == [Thing("a", "old", amount=5), Thing("b", "new", amount=7)]


def test_an_upsert_adds_to_what_is_there(session: Session) -> None:
    tx = session.begin(grouped=True)
    for amount in (1, 2, 3, 4, 5):
        tx.defer(samples.INCREASE, **_fields(Thing("a", "x", amount=amount)))
        tx.defer(samples.INCREASE, **_fields(Thing(f"b{amount}", "x", amount=amount)))
    tx.flush()
    session.commit()
    assert session.things()[0] == Thing("a", "x", amount=15)
    assert [thing.amount for thing in session.things()[1:]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("version", "wins"), [(4, False), (5, False), (6, True)])
def test_an_upsert_of_versions_lets_the_newer_one_win(session: Session, version: int, wins: bool) -> None:
    before, late = Thing("a", "first", 1, "kept", amount=1, version=5), Thing("a", "late", 2, "x", None, version, 2)
    session.add(before)
    tx = session.begin()
    tx.run(samples.PUT_NEWER, **_fields(late))
    session.commit()
    after = Thing("a", "late", 1, "kept", None, version, 2) if wins else before
    assert session.things() == [after]


# Counts.


def test_changes_are_the_rows_that_were_found_not_those_that_are_different(session: Session) -> None:
    session.add(Thing("a", "same"), Thing("b", "other"), Thing("c", "other"))
    tx = session.begin()
    before = session.writer.total_changes()
    assert tx.run(samples.SET_LABEL, id="a", to="same") == 1
    assert tx.run(samples.SET_LABEL, id="b", to="new") == 1
    assert tx.run(samples.SET_LABEL, id="none", to="new") == 0
    assert tx.run(samples.TAKE, id="c", part=1) == 0
    assert session.writer.total_changes() - before == 2


def test_many_changes_are_counted_together(session: Session) -> None:
    session.add(*(Thing(f"{place:03}", amount=1) for place in range(150)))
    session.begin()
    compiled = session.database.compiled[samples.TAKE]
    asked = [f"{place:03}" for place in range(160)]  # ten of them are not there
    before = session.writer.total_changes()
    rows = [compiled.values({"store": STORE, "id": row_id, "part": 1, **compiled.constants}) for row_id in asked]
    session.writer.run_many(compiled.sql, rows)
    assert session.writer.total_changes() - before == 150
    session.commit()
    assert {thing.amount for thing in session.things()} == {0}


def test_a_question_for_too_many_rows_is_refused(session: Session) -> None:
    session.add(*(Thing(f"{place}") for place in range(4)))
    tx = session.begin()
    with pytest.raises(RowLimitExceeded):
        tx.all(samples.LIST, limit=3)
    assert len(tx.all(samples.LIST, limit=4)) == 4


# Transactions.


def test_what_was_done_since_a_savepoint_is_taken_back(session: Session) -> None:
    tx = session.begin()
    tx.run(samples.ADD, **_fields(Thing("before")))
    for name in ("kept", "gone", "kept too"):
        session.writer.execute("SAVEPOINT item")
        tx.run(samples.ADD, **_fields(Thing(name)))
        if name == "gone":
            session.writer.execute("ROLLBACK TO item")
        session.writer.execute("RELEASE SAVEPOINT item")
    session.commit()
    assert session.ids() == ["before", "kept", "kept too"]


@pytest.mark.parametrize("how", ["one", "several", "many"])
def test_a_broken_constraint_is_told_and_goes_back_to_the_savepoint(session: Session, how: str) -> None:
    session.add(Thing("there"))
    tx = session.begin(grouped=how != "one")
    tx.run(samples.ADD, **_fields(Thing("before")))
    session.writer.execute("SAVEPOINT item")
    names = {"one": ["there"], "several": ["x", "there", "y", "z"], "many": ["x", "there", "y"]}[how]
    with pytest.raises(ConstraintFault):
        _add_all(session, tx, names)
    tx.forget({})
    session.writer.execute("ROLLBACK TO item")
    tx.run(samples.ADD, **_fields(Thing("after")))
    session.writer.execute("RELEASE SAVEPOINT item")
    session.commit()
    assert session.ids() == ["after", "before", "there"]


@pytest.mark.parametrize(
    ("words", "is_constraint"), [("check", True), ("null", True), ("syntax", False), ("no table", False)]
)
def test_errors_are_faults_of_who_they_are(session: Session, words: str, is_constraint: bool) -> None:
    things = {
        "check": "UPDATE things SET amount = -1",
        "null": "UPDATE things SET label = NULL",
        "syntax": "SELEKT 1",
        "no table": "SELECT 1 FROM nowhere",
    }
    session.add(Thing("a"))
    session.begin()
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one, the next line says
        session.writer.execute(things[words])
    assert isinstance(raised.value, ConstraintFault) is is_constraint
    session.writer.rollback()
    assert session.things() == [Thing("a")]


def _add_all(session: Session, tx: Transaction, names: list[str]) -> None:
    """Raises translated errors."""
    try:
        for name in names:
            tx.defer(samples.ADD, **_fields(Thing(name)))
        tx.flush()
    except Exception as error:
        raise session.writer.translated(error) from error


def test_a_transaction_that_was_rolled_back_has_changed_nothing(session: Session) -> None:
    session.add(Thing("a", "first"))
    tx = session.begin()
    tx.run(samples.SET_LABEL, id="a", to="second")
    tx.run(samples.ADD, **_fields(Thing("b")))
    session.writer.rollback()
    session.writer.rollback()  # there is none any more
    assert session.things() == [Thing("a", "first")]


def test_a_transaction_that_was_left_open_is_ended_by_the_next_one(ground: Ground, session: Session) -> None:
    if ground.kind == "sqlite":
        pytest.skip("the executor rolls back, and no connection is lost here")
    tx = session.begin()
    tx.run(samples.ADD, **_fields(Thing("a")))
    session.begin()
    session.commit()
    assert session.things() == []


def test_a_reader_sees_one_state(session: Session) -> None:
    session.add(Thing("a", "first"))
    reader = session.reading()
    assert [thing.label for thing in reader.all(samples.LIST)] == ["first"]
    tx = session.begin()
    tx.run(samples.SET_LABEL, id="a", to="second")
    tx.run(samples.ADD, **_fields(Thing("b")))
    session.commit()
    assert [thing.label for thing in reader.all(samples.LIST)] == ["first"]
    assert reader.one(samples.TOTAL) == samples.Sum(1, 0)
    assert len(session.things()) == 2


def test_a_reader_sees_nothing_that_is_not_committed(session: Session) -> None:
    tx = session.begin()
    tx.run(samples.ADD, **_fields(Thing("a")))
    assert session.things() == []
    session.commit()
    assert session.ids() == ["a"]


def test_a_reader_changes_nothing(session: Session) -> None:
    connection: Connection = session.database.reader()
    connection.begin((STORE,))
    with pytest.raises(Exception, match=r"(?i)read-?\s?only|readonly|denied|privileges|attempt to write"):
        connection.execute("DELETE FROM things")
    connection.rollback()


def test_rows_of_other_stores_are_out_of_reach(session: Session) -> None:
    session.add(Thing("a", "mine"))
    session.add(Thing("a", "theirs"), store=OTHER)
    tx = session.begin()
    assert tx.all(samples.LIST) == [Thing("a", "mine")]
    assert tx.run(samples.SET_LABEL, id="a", to="changed") == 1
    session.commit()
    assert session.things(OTHER) == [Thing("a", "theirs")]


def test_statements_that_cross_stores_reach_all_of_them(session: Session) -> None:
    session.add(Thing("a"))
    session.add(Thing("b"), store=OTHER)
    tx = session.begin()
    assert [thing.id for thing in tx.all(samples.EVERYWHERE)] == ["a", "b"]
    assert tx.run(samples.SET_EVERYWHERE, to=7) == 2
    assert [thing.number for thing in tx.all(samples.LIST)] == [7]
    session.commit()
    assert [thing.number for thing in session.things(OTHER)] == [7]
