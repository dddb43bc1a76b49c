"""What a server says about itself, the login and one service's database: facts, for whoever judges them."""

from typing import Any

import msgspec

from mercato.runtime.database.engine import Connection, Database
from mercato.runtime.database.migrating import LIST_MIGRATIONS

_MANY = 10_000

_POSTGRESQL = """
SELECT current_setting('server_version'), current_setting('max_connections')::bigint,
  (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
  (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user),
  (SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = session_user),
  has_schema_privilege(session_user, 'public', 'CREATE'),
  to_regclass('public.migrations') IS NOT NULL
"""
_POSTGRESQL_LOOSE = """
SELECT name || '=' || setting FROM pg_settings
WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting = 'off'
"""
_POSTGRESQL_OPEN = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'store'
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
"""
_MYSQL = """
SELECT VERSION(), @@max_connections, CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED), @@innodb_flush_log_at_trx_commit,
  (SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'migrations')
"""


class Login(msgspec.Struct, frozen=True):
    """What a login may do: it is above all rules; it may change or drop tables."""

    superuser: bool
    changes_tables: bool


class Condition(msgspec.Struct, frozen=True):
    """`now` is the server's clock in milliseconds. `loose` are settings by which an acknowledged commit may be lost,
    `unprotected` are tables with stores and without a row policy, `migrations` is None where there are no tables."""

    engine: str
    version: str
    most_connections: int
    now: int
    login: Login
    loose: tuple[str, ...]
    unprotected: tuple[str, ...]
    migrations: frozenset[str] | None


def read_condition(database: Database) -> Condition:
    """Raises DatabaseFault, or what else the driver says."""
    connection = database.plain()
    try:
        condition = _of_mysql(connection) if database.dialect == "mysql" else _of_postgresql(connection)
    finally:
        connection.close()
    if condition.migrations is None:
        return condition
    reader = database.reader()
    rows = reader.fetch(database.compiled[LIST_MIGRATIONS].sql, (), _MANY)
    return msgspec.structs.replace(condition, migrations=frozenset(name for name, _ in rows))


def read_owner(database: Database) -> Login:
    """What the login may do that makes tables. Raises DatabaseFault, or what else the driver says."""
    connection = database.plain(owner=True)
    try:
        read = _of_mysql if database.dialect == "mysql" else _of_postgresql
        return read(connection).login
    finally:
        connection.close()


def _of_postgresql(connection: Connection) -> Condition:
    ((version, most, now, superuser, owned, creates, migrated),) = connection.fetch(_POSTGRESQL, (), 1)
    loose = connection.fetch(_POSTGRESQL_LOOSE, (), _MANY)
    unprotected = connection.fetch(_POSTGRESQL_OPEN, (), _MANY)
    return Condition(
        "PostgreSQL",
        version.split()[0],
        most,
        now,
        Login(bool(superuser), bool(owned) or bool(creates)),
        _firsts(loose),
        _firsts(unprotected),
        frozenset() if migrated else None,
    )


def _of_mysql(connection: Connection) -> Condition:
    ((version, most, now, flushed, migrated),) = connection.fetch(_MYSQL, (), 1)
    grants = _firsts(connection.fetch("SHOW GRANTS FOR CURRENT_USER()", (), _MANY))
    everywhere = [grant for grant in grants if " ON *.*" in grant]
    rights = [grant.partition(" ON ")[0] for grant in grants]
    return Condition(
        "MariaDB" if "mariadb" in version.lower() else "MySQL",
        version.partition("-")[0],
        int(most),
        int(now),
        Login(
            any("ALL PRIVILEGES" in grant or "SUPER" in grant for grant in everywhere),
            any(word in right for right in rights for word in ("ALL PRIVILEGES", "ALTER", "DROP")),
        ),
        () if int(flushed) == 1 else (f"innodb_flush_log_at_trx_commit={flushed}",),
        (),
        frozenset() if migrated else None,
    )


def _firsts(rows: list[tuple[Any, ...]]) -> tuple[str, ...]:
    return tuple(sorted(str(first) for first, *_ in rows))
