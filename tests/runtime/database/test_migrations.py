"""Migrations on every engine: applied once and in order, by several at once, interrupted anywhere, beside old code."""

import importlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import MetaData
from sqlalchemy.schema import CreateIndex, CreateTable

from mercato.apps.services import service_names
from mercato.apps.simulate.mutants.planting import replaced
from mercato.runtime import migrate as migrate_module
from mercato.runtime.database import tables
from mercato.runtime.database.engine import Connection, Database
from mercato.runtime.database.migrating import Migration
from mercato.runtime.database.mysql import MysqlConnection
from mercato.runtime.database.postgresql import PostgresConnection
from mercato.runtime.database.sqlite import SqliteConnection
from mercato.runtime.database.statements import dialect_of
from mercato.runtime.migrate import known_migrations, migrate
from mercato.runtime.service import Service
from tests.runtime.database import samples
from tests.runtime.database.samples import Thing
from tests.runtime.database.test_relational import OTHER, STORE, Session
from tests.runtime.ground import Ground

Shape = dict[str, Any]


def _service(name: str) -> Service:
    storage = importlib.import_module(f"mercato.services.{name}.storage")
    return Service(name=name, package=f"mercato.services.{name}", tables=storage.metadata)


# The schema.


@pytest.mark.parametrize("name", service_names())
def test_the_migrated_schema_is_the_declared_one(ground: Ground, name: str) -> None:
    service = _service(name)
    migrated = _shape(ground.made(service))
    declared = Service(name="declared", package=service.package, tables=service.tables)
    database = ground.open("declared")
    with database.migrating(()) as connection:
        _make(connection, database.dialect, tables.metadata, declared.tables, tables.migrations.metadata)
        made = _shape_of(connection, database.dialect)
        _unmake(connection, database.dialect, tables.metadata, declared.tables, tables.migrations.metadata)
    assert migrated == made
    assert {*service.tables.tables, *tables.metadata.tables, "migrations"} == migrated.keys()


def _make(connection: Connection, dialect: str, *declared: MetaData) -> None:
    for metadata in declared:
        for table in metadata.sorted_tables:
            connection.execute(str(CreateTable(table).compile(dialect=dialect_of(dialect))))
            for index in table.indexes:
                connection.execute(str(CreateIndex(index).compile(dialect=dialect_of(dialect))))


def _unmake(connection: Connection, _dialect: str, *declared: MetaData) -> None:
    for metadata in declared:
        for table in metadata.sorted_tables:
            connection.execute(f"DROP TABLE {table.name}")


def _shape(database: Database) -> Shape:
    with database.migrating(()) as connection:
        return _shape_of(connection, database.dialect)


def _shape_of(connection: Connection, dialect: str) -> Shape:
    """Of each table the columns with their types, the constraints and the indexes."""
    if dialect == "sqlite":
        names = [name for (name,) in connection.fetch("SELECT name FROM sqlite_master WHERE type = 'table'", (), 1_000)]
        return {name: _sqlite_table(connection, name) for name in names}
    ours = "DATABASE()" if dialect == "mysql" else "'public'"
    shape: Shape = {}
    columns = (
        "table_name, column_name, data_type, character_maximum_length, collation_name, is_nullable, column_default"
    )
    for row in connection.fetch(
        f"SELECT {columns} FROM information_schema.columns WHERE table_schema = {ours}", (), 10_000  # noqa: S608
    ):  # fmt: skip
        shape.setdefault(row[0], set()).add(row[1:])
    for name, *index in connection.fetch(_INDEXES[dialect], (), 10_000):
        shape[name].add(tuple(index))
    for name, check in connection.fetch(_CHECKS[dialect], (), 10_000):
        shape[name].add(check)
    return shape


_INDEXES = {
    "mysql": "SELECT table_name, index_name, seq_in_index, column_name, non_unique, sub_part, index_type "
    "FROM information_schema.statistics WHERE table_schema = DATABASE()",
    "postgresql": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}
_CHECKS = {
    "mysql": "SELECT table_name, check_clause FROM information_schema.check_constraints "
    "WHERE constraint_schema = DATABASE()",
    "postgresql": "SELECT conrelid::regclass::text, conname || pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
}


def _sqlite_table(connection: Connection, name: str) -> Any:
    columns = connection.fetch(f"SELECT * FROM pragma_table_xinfo('{name}')", (), 1_000)  # noqa: S608 - our own
    indexes = connection.fetch(f"SELECT name, \"unique\", origin FROM pragma_index_list('{name}')", (), 100)  # noqa: S608
    described = "sqlite_master t JOIN pragma_table_list l ON l.name = t.name"
    question = f"SELECT t.sql, l.wr FROM {described} WHERE t.type = 'table' AND t.name = '{name}'"  # noqa: S608 - our own
    ((text, compact),) = connection.fetch(question, (), 1)  # fmt: skip
    checks = sorted(part.split(")")[0] for part in text.split("CHECK")[1:])
    parts = {
        index: connection.fetch(f"SELECT name FROM pragma_index_info('{index}')", (), 100)  # noqa: S608
        for index, *_ in indexes
    }
    return columns, sorted(indexes), compact, checks, parts


# Planted migrations.


def planted(*texts: str) -> Any:
    """The samples have more migrations for a while: statements of all engines, or of one by `name|`."""
    more = [Migration(f"samples/{2 + place:04}_planted", text) for place, text in enumerate(texts)]
    return replaced((migrate_module, "known_migrations", lambda service: [*known_migrations(service), *more]))


NOTES = (
    """
CREATE TABLE notes (id {key:48} NOT NULL, store {key:48} NOT NULL, count {int} NOT NULL, PRIMARY KEY (id, store));
INSERT INTO notes (id, store, count) SELECT id, store, amount FROM things;
ALTER TABLE notes ADD COLUMN words {text};
UPDATE notes SET count = count + 1;
CREATE INDEX notes_by_count ON notes (store, count)
""",
    "UPDATE notes SET count = count * 2",
)


@pytest.fixture
def fresh(ground: Ground) -> Iterator[Database]:
    """Samples with two things, in a database that is made for this test alone."""
    yield from _fresh(ground)


@pytest.fixture
def fresh_shared(shared_ground: Ground) -> Iterator[Database]:
    yield from _fresh(shared_ground)


def _fresh(ground: Ground) -> Iterator[Database]:
    yield _made_afresh(ground)
    ground.close()
    ground.dropped(("samples",))
    if ground.shared:  # other tests expect it as they have left it
        ground.made(samples.service())


def _made_afresh(ground: Ground) -> Database:
    ground.dropped(("samples",))
    database = ground.made(samples.service())
    session = Session(database)
    session.add(Thing("a", "first", amount=10))
    session.add(Thing("b", "second", amount=20), store=OTHER)
    return database


def test_each_migration_is_applied_once_and_in_order(ground: Ground, fresh: Database) -> None:
    names = [migration.name for migration in known_migrations(samples.service())]
    assert migrate(samples.service(), fresh, 2) == []
    with planted(*NOTES):
        assert migrate(samples.service(), fresh, 3) == ["samples/0002_planted", "samples/0003_planted"]
        assert migrate(samples.service(), ground.open("samples"), 4) == []
    rows = ground.rows("samples", "SELECT name, applied_at FROM migrations ORDER BY applied_at, name")
    assert rows == [*((name, 1) for name in sorted(names)), ("samples/0002_planted", 3), ("samples/0003_planted", 3)]
    assert _notes(ground) == [("a", 22), ("b", 42)]


def _notes(ground: Ground) -> list[tuple[Any, ...]]:
    return ground.rows("samples", "SELECT id, count FROM notes ORDER BY id")


def test_a_database_that_is_newer_than_the_program_is_refused(fresh: Database) -> None:
    with planted(*NOTES):
        migrate(samples.service(), fresh, 2)
    with pytest.raises(ValueError, match="samples/0002_planted, samples/0003_planted"):
        migrate(samples.service(), fresh, 3)


def test_two_at_the_same_time_apply_each_migration_once(shared_ground: Ground, fresh_shared: Database) -> None:
    """The second one finds nothing left to do: of a database that is there, and of one that is not made yet."""
    with planted(*NOTES), ThreadPoolExecutor(4) as pool:
        both = [shared_ground.open("samples") for _ in range(4)]
        done = list(pool.map(lambda database: migrate(samples.service(), database, 2), both))
        assert sorted(map(len, done)) == [0, 0, 0, 2]
        assert _notes(shared_ground) == [("a", 22), ("b", 42)]
    shared_ground.close()
    shared_ground.dropped(("samples",))
    with ThreadPoolExecutor(4) as pool:
        both = [shared_ground.open("samples") for _ in range(4)]
        done = list(pool.map(lambda database: migrate(samples.service(), database, 2), both))
    assert sorted(map(len, done)) == [0, 0, 0, len(known_migrations(samples.service()))]
    del fresh_shared


class Crash(BaseException):
    """The process is gone."""


def _crash_at(step: int, *, after: bool) -> Any:
    """Crash before or after the connections' so manieth statement of a migration."""
    left = iter(range(step, -1, -1))

    def crashing(execute: Any) -> Any:
        def run(self: Any, text: str, values: Any = (), /) -> int:
            counts = (
                "lock" not in text.lower() and "GRANT" not in text and not text.startswith(("SET", "START", "BEGIN"))
            )
            last = counts and next(left, 1) == 0
            if last and not after:
                raise Crash
            changed: int = execute(self, text, values)
            if last:
                raise Crash
            return changed

        return run

    kinds: Sequence[Any] = (SqliteConnection, PostgresConnection, MysqlConnection)
    return replaced(*((kind, "execute", crashing(kind.execute)) for kind in kinds))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_migration_that_was_interrupted_anywhere_is_completed_by_the_next_try(
    ground: Ground, fresh: Database, after: bool
) -> None:
    with planted(*NOTES):
        migrate(samples.service(), fresh, 2)
        whole = _shape(fresh)
    for step in range(60):
        _take_back(fresh)
        database = ground.open("samples")
        with planted(*NOTES):
            try:
                with _crash_at(step, after=after):
                    migrate(samples.service(), database, 2)
            except Crash:
                database.close()
                migrate(samples.service(), fresh, 3)
            else:
                assert step > 9, "no statement was interrupted"
                return
        assert _shape(fresh) == whole
        assert _notes(ground) == [("a", 22), ("b", 42)]
        marks = ground.rows("samples", "SELECT name FROM migrations WHERE name LIKE '%:%'")
        assert marks == []
    raise AssertionError("it was interrupted at every step")


def _take_back(database: Database) -> None:
    """As if the planted migrations had never been tried."""
    with database.migrating(()) as connection:
        connection.execute("DROP TABLE IF EXISTS notes")
        connection.execute("DELETE FROM migrations WHERE name LIKE 'samples/0002%' OR name LIKE 'samples/0003%'")


def test_a_table_that_is_there_by_somebody_elses_hand_is_not_taken_for_done(ground: Ground, fresh: Database) -> None:
    with fresh.migrating(()) as connection:
        connection.execute("CREATE TABLE notes (id BIGINT)")
    for _ in range(2):  # the second try finds what the first one left behind
        with planted(*NOTES), pytest.raises(Exception, match="exists"):
            migrate(samples.service(), ground.open("samples"), 2)
    with fresh.migrating(()) as connection:
        connection.execute("DROP TABLE notes")
    with planted(*NOTES):
        assert len(migrate(samples.service(), ground.open("samples"), 3)) == 2


# Old code and new.

EXPAND = "ALTER TABLE things ADD COLUMN title {text}; CREATE INDEX things_by_amount ON things (store, amount)"
MOVE = "UPDATE things SET title = label WHERE title IS NULL"
CONTRACT = "ALTER TABLE things DROP COLUMN words; ALTER TABLE things DROP COLUMN number"


class Old:
    """Code that goes on while others change the tables: it adds, changes and finds rows."""

    def __init__(self, database: Database, columns: str, store: str) -> None:
        self._session = Session(database)
        self._columns = columns
        self._store = store
        self._stopping = threading.Event()
        self._rounds = threading.Semaphore(0)
        self.count = 0
        self.fault: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        writer, mark = self._session.writer, "?" if self._session.database.dialect == "sqlite" else "%s"
        marks = ", ".join([mark] * (2 + len(self._columns.split(","))))
        try:
            while not self._stopping.is_set():
                writer.begin((self._store,))
                own: tuple[Any, ...] = (f"{self._columns}{self.count}"[:48], self._store)
                values = (*own, *("x" if each in ("label", "title") else 0 for each in self._columns.split(", ")))
                writer.run(f"INSERT INTO things (id, store, {self._columns}) VALUES ({marks})", values)  # noqa: S608
                found = writer.run(f"SELECT {self._columns} FROM things WHERE id = {mark} AND store = {mark}", own)  # noqa: S608
                assert len(list(found)) == 1
                writer.run(f"UPDATE things SET amount = amount + 1 WHERE id = {mark} AND store = {mark}", own)  # noqa: S608
                writer.execute("COMMIT")
                self.count += 1
                self._rounds.release()
        except Exception as error:
            self.fault = error
            self._rounds.release(1_000)

    def goes_on(self) -> None:
        """Wait until it has done some more since now."""
        while self._rounds.acquire(blocking=False):
            pass
        for _ in range(8):  # more than a driver needs to prepare a statement
            self._rounds.acquire()
        assert self.fault is None, self.fault

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._session.writer.rollback()
        assert self.fault is None, self.fault


def test_old_code_goes_on_while_tables_are_expanded_filled_and_contracted(
    shared_ground: Ground, fresh_shared: Database
) -> None:
    service, database = samples.service(), shared_ground.open("samples")
    old = Old(fresh_shared, "label, number, amount, version", STORE)
    try:
        old.goes_on()
        with planted(EXPAND):
            migrate(service, database, 2)
        old.goes_on()
        new = Old(shared_ground.open("samples"), "label, title, amount, version", OTHER)
        try:
            new.goes_on()
            old.goes_on()
            old.stop()
            with planted(EXPAND, MOVE):
                migrate(service, database, 3)
            new.goes_on()
            with planted(EXPAND, MOVE, CONTRACT):
                migrate(service, database, 4)
            new.goes_on()
        finally:
            new.stop()
    finally:
        old.stop()
    rows = shared_ground.rows("samples", "SELECT store, count(*), count(title), sum(amount) FROM things GROUP BY store")
    assert {row[0]: tuple(map(int, row[1:])) for row in rows} == {
        STORE: (old.count + 1, old.count + 1, old.count + 10),
        OTHER: (new.count + 1, new.count + 1, new.count + 20),
    }
