"""Numbered migrations: forward only, each applied once, in one transaction where the engine allows it.

Where it does not, every statement leaves a mark before it and after it, until the migration is complete. So one that
was interrupted goes on where it was. Of a statement that was begun and may have been done, an engine that commits each
change of a table by itself says that it was done before.

A migration is a file such as `0002_add_barcode.sql` in the `migrations` folder of its owner: statements in the SQL
that all three engines share, separated by semicolons, with `{key:N}`, `{int}`, `{text}`, `{bytes}` and `{compact}`
(the end of a CREATE TABLE whose primary key orders its rows) in the places where they differ. It must be safe while
the code before it still runs: expand first, contract in a later release.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec
from sqlalchemy import MetaData, bindparam, delete, select, update
from sqlalchemy.schema import CreateIndex, CreateTable

from mercato.runtime.database import tables
from mercato.runtime.database.statements import dialect_of, fetch, insert_into, write

_WORDS = {
    "sqlite": {"int": "BIGINT", "text": "TEXT", "bytes": "BLOB", "compact": "WITHOUT ROWID"},
    "postgresql": {"int": "BIGINT", "text": "TEXT", "bytes": "BYTEA", "compact": ""},
    "mysql": {"int": "BIGINT", "text": "LONGTEXT", "bytes": "LONGBLOB", "compact": ""},
}
_KEYS = {
    "sqlite": "VARCHAR({})",
    "postgresql": 'VARCHAR({}) COLLATE "C"',
    "mysql": "VARCHAR({}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
}
_MARK = ":"
_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")


class Applied(msgspec.Struct, frozen=True):
    """A migration; or a mark, the `name` of a migration with the number of one of its statements, which was begun, and
    done where there is a time."""

    name: str
    applied_at: int


_migrations = tables.migrations
LIST_MIGRATIONS = fetch(Applied, select(_migrations.c.name, _migrations.c.applied_at), across_stores=True)
ADD_MIGRATION = insert_into(_migrations, across_stores=True)
SET_MIGRATION = write(
    update(_migrations).where(_migrations.c.name == bindparam("of")).values(applied_at=bindparam("at")),
    across_stores=True,
)
REMOVE_MIGRATION = write(delete(_migrations).where(_migrations.c.name == bindparam("of")), across_stores=True)


class Migration(msgspec.Struct, frozen=True):
    """`name` is its owner and file, as in `orders/0001_orders`."""

    name: str
    text: str

    def mark(self, number: int) -> str:
        """The name of the mark of its statement with this number."""
        return f"{self.name}{_MARK}{number}"

    def statements(self, dialect: str) -> list[str]:
        """The single statements of this migration in the words of a dialect."""
        text = re.sub(r"--[^\n]*", "", self.text)
        text = re.sub(r"\{key:(\d+)\}", lambda found: _KEYS[dialect].format(found[1]), text)
        text = re.sub(r"\{(\w+)\}", lambda found: _WORDS[dialect][found[1]], text)
        return [statement.strip() for statement in text.split(";") if statement.strip()]


@cache
def migrations_of(owner: str, package: str) -> tuple[Migration, ...]:
    """The migrations in the `migrations` folder of a package, in order. Raises ValueError for a gap or a bad name."""
    folder = files(package) / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    for place, name in enumerate(names, 1):
        if not _NAME.fullmatch(name) or int(name[:4]) != place:
            raise ValueError(f"{package}/migrations/{name}: migrations are numbered 0001, 0002 ... without a gap")
    return tuple(Migration(f"{owner}/{name[:-4]}", (folder / name).read_text("utf-8")) for name in names)


def draft(tables: MetaData) -> str:
    """A first migration for these tables, in the form of the files: a help for whoever adds a table."""
    parts: list[str] = []
    for table in tables.sorted_tables:
        parts.append(_neutral(str(CreateTable(table).compile(dialect=dialect_of("sqlite")))))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        parts.extend(_neutral(str(CreateIndex(index).compile(dialect=dialect_of("sqlite")))) for index in indexes)
    return "\n\n".join(part + ";" for part in parts) + "\n"


def _neutral(sql: str) -> str:
    sql = re.sub(r"VARCHAR\((\d+)\)", r"{key:\1}", sql.strip())
    for native, word in (("BIGINT", "{int}"), ("TEXT", "{text}"), ("BLOB", "{bytes}"), ("WITHOUT ROWID", "{compact}")):
        sql = re.sub(rf"\b{native}\b", word, sql)
    lines = [line.rstrip() for line in sql.replace("\t", "    ").splitlines() if line.strip()]
    return "\n".join(lines).replace(")\n {compact}", ") {compact}")


def pending(known: Iterable[Migration], applied: set[str]) -> list[Migration]:
    """What is left to apply. Raises ValueError when the database is newer than this program."""
    known = list(known)
    unknown = {name.partition(_MARK)[0] for name in applied} - {migration.name for migration in known}
    if unknown:
        raise ValueError(
            f"the database has migrations that this version does not know ({', '.join(sorted(unknown))}): "
            "start the version of Mercato that made them, or a newer one"
        )
    return [migration for migration in known if migration.name not in applied]
