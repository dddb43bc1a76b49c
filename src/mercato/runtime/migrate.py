"""Bring a service's database up to date: the runtime's tables first, then its own."""

from mercato.runtime.database import tables
from mercato.runtime.database.engine import Connection, Database
from mercato.runtime.database.migrating import ADD_MIGRATION, LIST_MIGRATIONS, Migration, migrations_of, pending
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
        rows = connection.fetch(database.compiled[LIST_MIGRATIONS].sql, (), 10_000)
        missing = pending(known_migrations(service), {name for (name,) in rows})
        for migration in missing:
            _apply(migration, database, connection, now)
    return [migration.name for migration in missing]


def _apply(migration: Migration, database: Database, connection: Connection, now: int) -> None:
    added = database.compiled[ADD_MIGRATION]
    connection.begin()
    try:
        for statement in migration.statements(database.dialect):
            connection.execute(statement)
        connection.execute(added.sql, added.values({"name": migration.name, "applied_at": now}))
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")
