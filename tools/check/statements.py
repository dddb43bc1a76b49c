"""Every statement compiles for all three dialects, names its store, and finds its rows by an index.

The tables compile too, no indexed column is long text, and the migrations lead to exactly the declared tables.
"""

from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import Any

import apsw
from sqlalchemy import MetaData, Table
from sqlalchemy.schema import CreateTable

from mercato.runtime.database import tables as runtime_tables
from mercato.runtime.database.across_stores import ACROSS_STORES
from mercato.runtime.database.columns import Text
from mercato.runtime.database.statements import DIALECTS, Statement, StatementError, dialect_of
from mercato.runtime.migrate import known_migrations
from mercato.runtime.service import Service
from tools.check.findings import Finding
from tools.check.project import statements, with_services

LIST = "src/mercato/runtime/database/across_stores.py"

# Statements that read a whole table on purpose.
MAY_SCAN = {
    "runtime.database.jobs.FIND_JOB": "a handful of rows",
    "runtime.database.migrating.LIST_MIGRATIONS": "a handful of rows",
    "runtime.database.migrating.SET_MIGRATION": "a handful of rows",
    "runtime.database.migrating.REMOVE_MIGRATION": "a handful of rows",
    "runtime.database.migrating.ADD_MIGRATION": "its table is made before the first migration",
    "services.catalog.storage.LIST_CATEGORIES": "the category tree of a store is wanted whole",
    "services.search.storage.LIST_CATEGORIES": "the category tree of a store is wanted whole",
    "services.search.storage.LIST_CATEGORIES_OF_STORES": "the category trees of some stores are wanted whole",
    "services.search.storage.LIST_GROWN": "a job looks through what is sold every few minutes",
    "services.search.storage.LIST_NO_RESULTS": "searches in vain that a store keeps are bounded",
    "services.search.storage.LIST_NO_RESULTS_SINCE": "searches in vain that a store keeps are bounded",
    "services.search.storage.TELL_INDEX_OF_STORE": "a store that changes its language has everything indexed again",
    "services.notifications.storage.DELIVERIES.find_several": "asked of databases on servers alone",
    "services.notifications.storage.DELIVERIES.lock_several": "asked of databases on servers alone",
    "services.payments.storage.LIST_REFUNDS": "staff list the refunds of a whole store, in the order of their ids",
    "services.inventory.storage.FIRST_LOCATION": "finds the first row of its index",
    "services.stores.storage.FIND_FIRST": "finds the first row of its index",
    "services.stores.storage.LIST_STORES": "stores are few, and listed for the operator",
    "services.stores.storage.FIND_STORE": "the primary key of stores is the store",
    "services.stores.storage.FIND_BY_HOST": "the primary key of stores is the store",
    "services.stores.storage.CHANGE_STORE": "the primary key of stores is the store",
    "runtime.bus.positions.LIST_POSITIONS": "a handful of rows",
    "runtime.bus.parked.PARKED_KEYS": "parked events are few, and read at the start",
    "runtime.bus.parked.LIST_PARKED": "parked events are few, and for an operator",
    "runtime.bus.parked.DUE_PARKED": "parked events are few",
    "runtime.bus.outbox.LAST_NUMBER": "SQLite finds a maximum at the end of the key",
    "runtime.database.intents.RENEW": "open slow work is bounded; done work leaves its table",
    "runtime.database.intents.ORPHANED": "once at a start",
}


def check(_root: Path) -> list[Finding]:
    declared = statements()
    return [
        *_uncompiled(declared),
        *_unlisted(declared),
        *with_services(lambda services: [*_tables(services), *_schemas(services), *_plans(services, declared)]),
    ]


def _uncompiled(declared: dict[str, Statement[Any]]) -> Iterable[Finding]:
    for name, statement in declared.items():
        for dialect in DIALECTS:
            try:
                statement.compile(dialect)
            except (StatementError, Exception) as error:
                yield Finding(_path(name), 0, f"{name} for {dialect}", str(error), "mend the statement")


def _unlisted(declared: dict[str, Statement[Any]]) -> Iterable[Finding]:
    crossing = {name for name, statement in declared.items() if statement.across_stores}
    for name in sorted(crossing - ACROSS_STORES.keys()):
        yield Finding(_path(name), 0, name, "it crosses stores and has no reason", f"give its reason in {LIST}")
    for name in sorted(ACROSS_STORES.keys() - crossing):
        yield Finding(LIST, 0, name, "no statement with this name crosses stores", "take the row out")


def _tables(services: tuple[Service, ...]) -> Iterable[Finding]:
    for owner, table in _all_tables(services):
        for dialect in DIALECTS:
            CreateTable(table).compile(dialect=dialect_of(dialect))
        indexed = {column for index in table.indexes for column in index.columns} | set(table.primary_key)
        for column in indexed:
            if isinstance(column.type, Text):
                yield Finding(
                    owner,
                    0,
                    f"{table.name}.{column.name}",
                    "long text is indexed, which MySQL refuses",
                    "make it key(n)",
                )


def _schemas(services: tuple[Service, ...]) -> Iterable[Finding]:
    """The migrated schema and the declared tables, compared as SQLite describes them."""
    for service in services:
        declared = _described(_made_of(runtime_tables.metadata, service.tables))
        migrated = _described(_migrated(service))
        for name in sorted(declared.keys() | migrated.keys()):
            if declared.get(name) != migrated.get(name):
                yield Finding(
                    f"{service.package.replace('.', '/')}/migrations",
                    0,
                    f"table {name}",
                    f"the migrations make {migrated.get(name)}, storage declares {declared.get(name)}",
                    "add a numbered migration",
                )


def _plans(services: tuple[Service, ...], declared: dict[str, Statement[Any]]) -> Iterable[Finding]:
    """SQLite must find rows by an index, and never by their store alone."""
    databases = {service.name: _migrated(service) for service in services}
    for name, statement in declared.items():
        owner = name.split(".")[1] if name.startswith("services.") else "orders"
        if name in MAY_SCAN or owner not in databases or name.startswith("apps.verify."):
            continue
        compiled = statement.compile("sqlite")
        try:
            rows = (
                databases[owner].execute(f"EXPLAIN QUERY PLAN {compiled.sql}", compiled.values(_Anything())).fetchall()
            )
        except apsw.Error as error:
            yield Finding(_path(name), 0, name, f"SQLite refuses it: {error}", "mend the statement")
            continue
        for *_, detail in rows:
            if _is_slow(str(detail)):
                yield Finding(_path(name), 0, name, f"its plan is `{detail}`", "add an index, or a reason to MAY_SCAN")


def _is_slow(detail: str) -> bool:
    if detail.startswith("SCAN ") and "VIRTUAL TABLE" not in detail and "CONSTANT ROW" not in detail:
        return "USING COVERING INDEX" not in detail and "json_each" not in detail
    return detail.endswith("(store=?)")


class _Anything(dict[str, str]):
    """Parameters for a statement that is only explained."""

    def __missing__(self, _name: str) -> str:
        return "1"


def _all_tables(services: tuple[Service, ...]) -> Iterable[tuple[str, Table]]:
    for table in runtime_tables.metadata.sorted_tables:
        yield "src/mercato/runtime/database/tables.py", table
    for service in services:
        for table in service.tables.sorted_tables:
            yield f"src/mercato/services/{service.name}/storage.py", table


def _made_of(*metadatas: MetaData) -> apsw.Connection:
    database = apsw.Connection(":memory:")
    for metadata in metadatas:
        for table in metadata.sorted_tables:
            database.execute(str(CreateTable(table).compile(dialect=dialect_of("sqlite"))))
            for index in table.indexes:
                unique = "UNIQUE " if index.unique else ""
                columns = ", ".join(column.name for column in index.columns)
                database.execute(f"CREATE {unique}INDEX {index.name} ON {table.name} ({columns})")
    return database


def _migrated(service: Service) -> apsw.Connection:
    database = apsw.Connection(":memory:")
    for migration in known_migrations(service):
        for statement in migration.statements("sqlite"):
            database.execute(statement)
    return database


def _described(database: apsw.Connection) -> dict[str, list[tuple[object, ...]]]:
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    described: dict[str, list[tuple[object, ...]]] = {}
    for name in names:
        columns = [tuple(row[1:]) for row in database.execute(f"PRAGMA table_info({name})")]
        indexes = sorted(
            (row[1], row[2], tuple(info[2] for info in database.execute(f"PRAGMA index_info({row[1]})")))
            for row in database.execute(f"PRAGMA index_list({name})")
            if not row[1].startswith("sqlite_")
        )
        described[name] = [*columns, *indexes]
    return described


def _path(name: str) -> str:
    home = takewhile(lambda part: not part.isupper(), name.split("."))
    return f"src/mercato/{'/'.join(home)}.py"
