"""PostgreSQL lets a process see and change rows of the stores alone that its transaction declares."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from mercato.runtime.database import tables
from mercato.runtime.database.engine import Connection, Database
from mercato.runtime.migrate import migrate
from tests.databases import asked
from tests.runtime import notebook
from tests.runtime.database import samples
from tests.runtime.database.samples import Thing
from tests.runtime.database.test_relational import OTHER, STORE, Session, _fields
from tests.runtime.ground import Ground

THIRD = "sto_three"
INSERT = "INSERT INTO things (id, store, label, amount, version) VALUES ('new', '{}', '', 0, 0)"


@pytest.fixture
def session(postgresql_ground: Ground) -> Session:
    made = Session(postgresql_ground.made(samples.service()))
    made.add(Thing("a", "mine"))
    made.add(Thing("a", "theirs"), Thing("b", "theirs"), store=OTHER)
    return made


def _seen(connection: Connection) -> list[Any]:
    """Without a condition: what a statement reads that forgets the store."""
    return [tuple(row) for row in connection.run("SELECT id, store FROM things ORDER BY id, store")]


@pytest.fixture(params=["writer", "reader"])
def connection(session: Session, request: pytest.FixtureRequest) -> Connection:
    return session.writer if request.param == "writer" else session.database.reader()


def test_without_a_declared_store_there_is_nothing(connection: Connection) -> None:
    connection.begin()
    assert _seen(connection) == []
    connection.rollback()
    assert _seen(connection) == []


def test_rows_of_the_declared_stores_are_there_and_no_others(connection: Connection) -> None:
    for stores, rows in (((STORE,), 1), ((OTHER,), 2), ((STORE, OTHER), 3), ((THIRD,), 0), (("sto_", "", "%"), 0)):
        connection.begin(stores)
        assert len(_seen(connection)) == rows
        connection.rollback()


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        ("UPDATE things SET label = 'stolen'", 1),
        ("UPDATE things SET label = 'stolen' WHERE id = 'b'", 0),
        ("DELETE FROM things", 1),
        ("DELETE FROM things WHERE store = 'sto_two'", 0),
    ],
)
def test_a_change_without_a_store_reaches_own_rows_alone(session: Session, statement: str, changed: int) -> None:
    session.writer.begin((STORE,))
    assert session.writer.execute(statement) == changed
    session.commit()
    assert session.things(OTHER) == [Thing("a", "theirs"), Thing("b", "theirs")]


@pytest.mark.parametrize(
    "statement",
    [
        INSERT.format(OTHER),
        INSERT.format(THIRD),
        "UPDATE things SET store = 'sto_two'",
        INSERT.format(OTHER).replace("'new'", "'a'") + " ON CONFLICT (id, store) DO UPDATE SET label = 'stolen'",
    ],
)
def test_a_row_of_another_store_can_not_be_made(session: Session, statement: str) -> None:
    session.writer.begin((STORE,))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        session.writer.run(statement)
    session.writer.rollback()
    assert session.things(OTHER) == [Thing("a", "theirs"), Thing("b", "theirs")]


def test_a_store_that_is_declared_later_is_there_from_then_on(session: Session) -> None:
    session.writer.begin((STORE,))
    session.writer.declare([OTHER])
    assert len(_seen(session.writer)) == 3
    session.writer.execute(INSERT.format(OTHER))
    session.commit()
    session.writer.begin((STORE,))
    assert len(_seen(session.writer)) == 1


def test_what_was_declared_since_a_savepoint_goes_with_it(session: Session) -> None:
    session.writer.begin((STORE,))
    session.writer.execute("SAVEPOINT item")
    session.writer.declare([OTHER])
    session.writer.execute("ROLLBACK TO item")
    assert len(_seen(session.writer)) == 1


def test_the_name_of_a_store_is_a_name_and_nothing_else(session: Session) -> None:
    for name in ("'; RESET ROLE; --", "x' OR '1'='1", "{*}", '"', "\\", f"{{{OTHER}}}"):
        session.writer.begin((name,))
        assert _seen(session.writer) == []
        session.writer.declare([name + "'"])
        assert _seen(session.writer) == []
        session.writer.rollback()


def test_crossing_statements_reach_everything_and_only_they_do(connection: Connection) -> None:
    connection.begin((STORE,))
    assert len(list(connection.run_across("SELECT id FROM things"))) == 3
    assert len(_seen(connection)) == 1
    connection.rollback()


def test_a_crossing_statement_that_fails_leaves_no_rights_behind(session: Session) -> None:
    session.writer.begin((STORE,))
    session.writer.execute("SAVEPOINT item")
    with pytest.raises(psycopg.errors.UndefinedTable):
        session.writer.run_across("SELECT id FROM nowhere")
    session.writer.execute("ROLLBACK TO item")
    assert len(_seen(session.writer)) == 1
    session.writer.rollback()
    session.writer.begin((STORE,))
    assert len(_seen(session.writer)) == 1


def test_a_transaction_crosses_stores_only_by_statements_that_are_declared_so(session: Session) -> None:
    tx = session.begin()
    assert len(tx.all(samples.EVERYWHERE)) == 3
    assert tx.all(samples.LIST) == [Thing("a", "mine")]
    assert tx.run(samples.SET_EVERYWHERE, to=1) == 3
    assert tx.run(samples.SET_LABEL, id="b", to="stolen") == 0


def test_a_handler_for_another_store_finds_nothing_and_changes_nothing(session: Session) -> None:
    """Of a batch that was begun for one store."""
    tx = session.begin(STORE)
    tx.store = OTHER
    assert tx.all(samples.LIST) == []
    assert tx.run(samples.SET_LABEL, id="a", to="stolen") == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tx.run(samples.ADD, **_fields(Thing("c")))


Prohibited = Callable[[Database], str]


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE things DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE things NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own_stores ON things",
        "CREATE POLICY mine ON things USING (true)",
        "DROP TABLE things",
        "TRUNCATE things",
        "CREATE TABLE mine (id int)",
        "ALTER TABLE things ADD COLUMN mine int",
    ],
)
@pytest.mark.parametrize("role", ["app", "login", "across"])
def test_who_logs_in_owns_nothing(session: Session, postgresql_ground: Ground, statement: str, role: str) -> None:
    name = postgresql_ground.address("samples").database
    session.writer.begin((STORE,))
    session.writer.execute("RESET ROLE" if role == "login" else f'SET ROLE "{name}_{role}"')
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.writer.run(statement)


def test_who_logs_in_is_no_super_user_and_passes_no_policy_by(postgresql_ground: Ground, session: Session) -> None:
    login = postgresql_ground.address("samples")
    assert session.things() == [Thing("a", "mine")]
    names = (login.user, f"{login.database}_app", f"{login.database}_across", postgresql_ground.owner("samples").user)
    roles = asked(login, "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles")
    rows = [role for role in roles if role[0] in names]
    assert sorted(rows) == sorted((name, False, False) for name in names)
    owned = asked(login, f"SELECT tablename FROM pg_tables WHERE tableowner <> '{names[3]}' AND schemaname = 'public'")  # noqa: S608
    assert owned == []


def test_every_table_with_a_store_is_protected_however_late_it_came(postgresql_ground: Ground) -> None:
    service = notebook.service()
    postgresql_ground.made(service)
    owner = postgresql_ground.owner("notebook")
    asked(owner, "DROP POLICY own_stores ON pages")
    asked(owner, "DROP POLICY all_stores ON pages")  # as a table that a migration has just made
    migrate(service, postgresql_ground.open("notebook"), 2)
    rows = asked(
        owner,
        "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relrowsecurity AND c.relforcerowsecurity "
        "AND (SELECT count(*) FROM pg_policies p WHERE p.tablename = c.relname) = 2",
    )
    with_store = {
        table.name
        for metadata in (service.tables, tables.metadata)
        for table in metadata.sorted_tables
        if "store" in table.c
    }
    assert {name for (name,) in rows} == with_store
