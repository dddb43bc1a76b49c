"""Bring a service's database up to date: the runtime's tables first, then its own."""

from typing import Any

from mercato.runtime.database import tables
from mercato.runtime.database.engine import Connection, Database
from mercato.runtime.database.faults import DoneBefore
from mercato.runtime.database.migrating import (
    ADD_MIGRATION,
    LIST_MIGRATIONS,
    REMOVE_MIGRATION,
    SET_MIGRATION,
    Migration,
    migrations_of,
    pending,
)
from mercato.runtime.database.statements import Statement
from mercato.runtime.service import Service

_FIRST = Migration(
    "runtime/0000_migrations",
    "CREATE TABLE IF NOT EXISTS migrations "
    "(name {key:120} NOT NULL, applied_at {int} NOT NULL, PRIMARY KEY (name)) {compact}",
)
_PROBE = "DELETE FROM migrations WHERE name = ''"  # removes nothing, but only who may write may run it


def known_migrations(service: Service) -> list[Migration]:
    """All migrations of a service, in the order in which they are applied."""
    return [
        *migrations_of("runtime", "mercato.runtime.database"),
        *migrations_of(service.name, service.package),
    ]


def migrate(service: Service, database: Database, now: int) -> list[str]:
    """Apply what is missing, each migration in a transaction of its own; their names.

    Raises DatabaseFault for a database that cannot be written, also where nothing is missing.
    """
    with database.migrating((*tables.metadata.sorted_tables, *service.tables.sorted_tables)) as connection:
        for statement in _FIRST.statements(database.dialect):
            connection.execute(statement)
        connection.execute(_PROBE)
        found: dict[str, int] = dict(connection.fetch(database.compiled[LIST_MIGRATIONS].sql, (), 10_000))
        missing = pending(known_migrations(service), set(found))
        for migration in missing:
            if database.commits_tables:
                _apply_by_steps(migration, database, connection, found, now)
            else:
                _apply(migration, database, connection, now)
    return [migration.name for migration in missing]


def _apply(migration: Migration, database: Database, connection: Connection, now: int) -> None:
    connection.begin()
    try:
        for statement in migration.statements(database.dialect):
            connection.execute(statement)
        _run(database, connection, ADD_MIGRATION, name=migration.name, applied_at=now)
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")


def _apply_by_steps(
    migration: Migration, database: Database, connection: Connection, found: dict[str, int], now: int
) -> None:
    """Statement by statement, beginning after those that an earlier try has done."""
    statements = migration.statements(database.dialect)
    for number, statement in enumerate(statements):
        mark = migration.mark(number)
        if found.get(mark):
            continue
        if mark not in found:
            _run(database, connection, ADD_MIGRATION, name=mark, applied_at=0)
        connection.begin()  # of what is no change of a table, the mark tells that it was committed with it
        try:
            connection.execute(statement)
        except DoneBefore:
            if mark not in found:  # by something else than an earlier try
                connection.rollback()
                _run(database, connection, REMOVE_MIGRATION, of=mark)
                raise
        _run(database, connection, SET_MIGRATION, of=mark, at=now)
        connection.execute("COMMIT")
    connection.begin()
    for number in range(len(statements)):
        _run(database, connection, REMOVE_MIGRATION, of=migration.mark(number))
    _run(database, connection, ADD_MIGRATION, name=migration.name, applied_at=now)
    connection.execute("COMMIT")


def _run(database: Database, connection: Connection, statement: Statement[Any], **parameters: Any) -> None:
    compiled = database.compiled[statement]
    connection.execute(compiled.sql, compiled.values(parameters))
