"""Databases on servers for tests: their owner's connection, how they are emptied and removed."""

from contextlib import closing
from typing import Any

import psycopg
import pymysql

from mercato.runtime.database.urls import Address


def connected(address: Address) -> Any:
    """A connection of the raw driver that commits each statement."""
    if address.scheme == "mysql":
        return pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.database or None,
            autocommit=True,
        )
    return psycopg.connect(address.url, autocommit=True)


def asked(address: Address, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement; its rows."""
    with closing(connected(address)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def empty_tables(owner: Address) -> None:
    """Take everything out of a database, but for its tables."""
    schema = "table_schema = DATABASE()" if owner.scheme == "mysql" else "table_schema = 'public'"
    with closing(connected(owner)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT table_name FROM information_schema.tables WHERE {schema}")  # noqa: S608 - our own
        names = [name for (name,) in cursor.fetchall() if name != "migrations"]
        if owner.scheme == "mysql":
            for name in names:
                cursor.execute(f"DELETE FROM `{name}`")  # noqa: S608 - our own
        elif names:
            quoted = ", ".join('"' + name + '"' for name in names)
            cursor.execute(f"TRUNCATE {quoted}")


def drop(owner: Address) -> None:
    """Remove a database with its roles."""
    maintenance = owner.at("" if owner.scheme == "mysql" else "postgres")
    with closing(connected(maintenance)) as connection, connection.cursor() as cursor:
        if owner.scheme == "mysql":
            cursor.execute(f"DROP DATABASE IF EXISTS `{owner.database}`")
            return
        # WITH (FORCE) fails whenever an autovacuum worker is in the database: ours leave, DROP waits for the worker.
        ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        cursor.execute(f"{ours} AND datname = %s", (owner.database,))
        cursor.execute(f'DROP DATABASE IF EXISTS "{owner.database}"')
        for role in ("app", "across"):
            cursor.execute(f'DROP ROLE IF EXISTS "{owner.database}_{role}"')
