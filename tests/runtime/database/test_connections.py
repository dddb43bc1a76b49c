"""What a connection to a server must withstand: others in its way, a session that is ended, a server that goes away."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mercato.runtime.database.engine import Connection
from mercato.runtime.database.faults import ConstraintFault, DatabaseFault, InTheWay
from tests.databases import asked
from tests.runtime.database import samples
from tests.runtime.database.samples import Thing
from tests.runtime.database.test_relational import STORE, Session, _fields
from tests.runtime.ground import Ground

SLOW = {"postgresql": "SELECT 1 FROM pg_sleep(15)", "mariadb": "SELECT SLEEP(15)"}
SETTING = {"postgresql": "SET LOCAL lock_timeout = '200ms'", "mariadb": "SET SESSION innodb_lock_wait_timeout = 1"}


@pytest.fixture
def one(shared_ground: Ground) -> Session:
    return Session(shared_ground.made(samples.service()))


@pytest.fixture
def two(shared_ground: Ground, one: Session) -> Session:
    """Another process, whose writer goes its own way."""
    return Session(shared_ground.open("samples"))


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def _fault(connection: Connection, work: Callable[[], Any]) -> Exception | None:
    """What the work failed with, translated."""
    try:
        work()
    except Exception as error:
        return connection.translated(error)
    return None


# Others.


def test_of_two_that_wait_for_each_other_one_is_told_to_try_again(
    one: Session, two: Session, beside: ThreadPoolExecutor
) -> None:
    one.add(Thing("a"), Thing("b"))
    first, second = one.begin(), two.begin()
    first.run(samples.SET_LABEL, id="a", to="one")
    second.run(samples.SET_LABEL, id="b", to="two")
    waiting = beside.submit(_ended, one, lambda: first.run(samples.SET_LABEL, id="b", to="one"))
    other = beside.submit(_ended, two, lambda: second.run(samples.SET_LABEL, id="a", to="two"))
    faults = [waiting.result(), other.result()]
    assert [type(fault) for fault in faults if fault is not None] == [InTheWay]
    winner = "one" if faults[0] is None else "two"
    assert [thing.label for thing in one.things()] == [winner, winner]
    loser = two if faults[0] is None else one
    loser.begin().run(samples.SET_LABEL, id="a", to="again")
    loser.commit()
    assert [thing.label for thing in one.things()] == ["again", winner]


def _ended(session: Session, work: Callable[[], Any]) -> Exception | None:
    """Do it and end the transaction; what it failed with."""
    fault = _fault(session.writer, work)
    if fault is None:
        session.commit()
    else:
        session.writer.rollback()
    return fault


def test_who_waits_too_long_for_a_lock_is_told_to_try_again(shared_ground: Ground, one: Session, two: Session) -> None:
    one.add(Thing("a"))
    one.begin().run(samples.SET_LABEL, id="a", to="one")
    tx = two.begin()
    two.writer.execute(SETTING[shared_ground.kind])
    assert isinstance(_fault(two.writer, lambda: tx.one(samples.LOCK, id="a")), InTheWay)
    two.writer.rollback()
    one.commit()
    assert [thing.label for thing in two.things()] == ["one"]


def test_who_locks_a_row_reads_what_the_one_before_has_written(
    one: Session, two: Session, beside: ThreadPoolExecutor
) -> None:
    one.add(Thing("a", amount=1))
    first, second = one.begin(), two.begin()
    found = first.one(samples.LOCK, id="a")
    waiting = beside.submit(lambda: second.one(samples.LOCK, id="a"))
    assert found is not None
    first.run(samples.TAKE, id="a", part=1)
    assert not waiting.done()
    one.commit()
    seen = waiting.result()
    assert seen is not None
    assert seen.amount == 0
    assert second.run(samples.TAKE, id="a", part=1) == 0


def test_a_guarded_change_decides_by_what_is_committed_when_its_turn_comes(
    one: Session, two: Session, beside: ThreadPoolExecutor
) -> None:
    one.add(Thing("a", amount=1))
    first, second = one.begin(), two.begin()
    assert first.run(samples.TAKE, id="a", part=1) == 1
    waiting = beside.submit(lambda: second.run(samples.TAKE, id="a", part=1))
    one.commit()
    assert waiting.result() == 0


def test_what_others_hold_is_passed_over_by_who_claims(one: Session, two: Session) -> None:
    one.add(*(Thing(name) for name in "abcd"))
    first, second = one.begin(), two.begin()
    assert [thing.id for thing in first.all(samples.FREE, limit_=2)] == ["a", "b"]
    assert [thing.id for thing in second.all(samples.FREE, limit_=9)] == ["c", "d"]
    assert second.all(samples.FREE, limit_=9) == second.all(samples.FREE, limit_=9)


def test_who_inserts_a_key_after_another_breaks_the_constraint(
    one: Session, two: Session, beside: ThreadPoolExecutor
) -> None:
    first, second = one.begin(), two.begin()
    first.run(samples.ADD, **_fields(Thing("a", "one")))
    waiting = beside.submit(_fault, two.writer, lambda: second.run(samples.ADD, **_fields(Thing("a", "two"))))
    one.commit()
    assert isinstance(waiting.result(), ConstraintFault)
    two.writer.rollback()
    assert [thing.label for thing in two.things()] == ["one"]


def test_additions_of_two_are_both_counted(one: Session, two: Session, beside: ThreadPoolExecutor) -> None:
    one.add(Thing("a", amount=1))
    first, second = one.begin(), two.begin()
    first.run(samples.INCREASE, **_fields(Thing("a", amount=10)))
    waiting = beside.submit(lambda: second.run(samples.INCREASE, **_fields(Thing("a", amount=100))))
    one.commit()
    waiting.result()
    two.commit()
    assert [thing.amount for thing in one.things()] == [111]


# Sessions that end.


def test_a_lost_connection_is_made_again_by_the_next_transaction(shared_ground: Ground, one: Session) -> None:
    one.add(Thing("a"))
    shared_ground.kill_sessions("samples")
    one.add(Thing("b"))
    assert one.ids() == ["a", "b"]


def test_nothing_of_a_transaction_whose_connection_was_lost_has_happened(shared_ground: Ground, one: Session) -> None:
    tx = one.begin()
    tx.run(samples.ADD, **_fields(Thing("a")))
    assert shared_ground.kill_sessions("samples")
    fault = _fault(one.writer, lambda: tx.run(samples.ADD, **_fields(Thing("b"))))
    assert isinstance(fault, DatabaseFault)
    one.writer.rollback()
    assert one.things() == []
    one.add(Thing("c"))
    assert one.ids() == ["c"]


def test_a_commit_on_a_lost_connection_fails(shared_ground: Ground, one: Session) -> None:
    one.begin().run(samples.ADD, **_fields(Thing("a")))
    shared_ground.kill_sessions("samples")
    with pytest.raises(DatabaseFault):
        one.commit()
    one.writer.rollback()
    assert one.things() == []


def test_questions_go_on_after_a_connection_was_lost_while_nothing_was_asked(
    shared_ground: Ground, one: Session
) -> None:
    one.add(Thing("a"))
    reader = one.database.reader()
    assert reader.fetch("SELECT id FROM things", (), 9) == [("a",)]
    shared_ground.kill_sessions("samples")
    assert reader.fetch("SELECT id FROM things", (), 9) == [("a",)]


def test_questions_go_on_after_a_connection_was_lost_in_the_middle_of_one(
    shared_ground: Ground, one: Session, beside: ThreadPoolExecutor
) -> None:
    one.add(Thing("a"))
    reader = one.database.reader()
    asking = beside.submit(_fault, reader, lambda: reader.fetch(SLOW[shared_ground.kind], (), 9))
    pause = threading.Event()
    while not _sleepers(shared_ground):
        pause.wait(0.01)
    shared_ground.kill_sessions("samples")
    assert isinstance(asking.result(), DatabaseFault)
    assert reader.fetch("SELECT id FROM things", (), 9) == [("a",)]
    reader.begin((STORE,))
    assert reader.fetch("SELECT id FROM things", (), 9) == [("a",)]


def _sleepers(ground: Ground) -> int:
    """How many sessions are in the middle of the slow question."""
    login = ground.address("samples")
    if ground.kind == "postgresql":
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        found = asked(login, f"SELECT 1 {others} AND query LIKE '%pg_sleep(15)%'")
    else:
        found = asked(login, "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(15)%'")
    return len(found)


def test_a_server_that_is_gone_is_a_fault_until_it_is_back(shared_ground: Ground, one: Session) -> None:
    one.add(Thing("a"))
    server = shared_ground.server
    assert server is not None
    reader = one.database.reader()
    reader.fetch("SELECT 1", (), 1)
    one.begin().run(samples.ADD, **_fields(Thing("b")))
    server.kill()
    try:
        for work in (one.commit, one.begin, lambda: reader.fetch("SELECT 1", (), 1), lambda: reader.begin((STORE,))):
            with pytest.raises(DatabaseFault, match="see that the server runs"):
                work()
            one.writer.rollback()
    finally:
        server.start()
    assert reader.fetch("SELECT id FROM things", (), 9) == [("a",)]
    one.add(Thing("c"))
    assert one.ids() == ["a", "c"]


def test_a_commit_of_a_transaction_that_has_failed_fails(one: Session) -> None:
    """Where an error ends the transaction, the server answers COMMIT with a rollback: nobody may take that for done."""
    one.add(Thing("a"))
    one.begin().run(samples.ADD, **_fields(Thing("b")))
    with pytest.raises(ConstraintFault):
        one.writer.execute("UPDATE things SET amount = -1")
    if one.database.dialect == "mysql":  # an error takes back its statement alone
        one.commit()
        assert one.ids() == ["a", "b"]
        return
    with pytest.raises(DatabaseFault):
        one.commit()
    assert one.ids() == ["a"]


def test_no_fault_tells_a_password(shared_ground: Ground) -> None:
    database = shared_ground.open("never_made")
    shared_ground.services.remove("never_made")
    with pytest.raises(DatabaseFault) as raised:
        database.writer.begin()
    assert shared_ground.address("x").password not in str(raised.value)
