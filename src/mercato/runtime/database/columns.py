"""The column types of all tables: they mean the same in SQLite, PostgreSQL and MySQL.

Text that is part of a key or an index is `key(n)`, compared byte by byte everywhere; other text is `Text`. Numbers
are 64-bit integers, documents are JSON in `Text`, anything else is `Bytes`.

Three differences are left, and nothing may hang on them. MySQL and MariaDB take texts for equal that differ only in
spaces at their end: they have no collation in common that does not. PostgreSQL refuses a text with a zero character.
SQLite knows no length, and keeps a key that is too long, which the others refuse.
"""

from typing import Any

import sqlalchemy
from sqlalchemy import BigInteger, Column, LargeBinary, String
from sqlalchemy.ext.compiler import compiles

Integer = BigInteger


class Text(sqlalchemy.Text):
    """Text of any length, for no key and no index."""


class Bytes(LargeBinary):
    """Bytes of any length."""


class Key(String):
    """Text of at most `length` characters for keys and indexes, compared by bytes."""


@compiles(Text, "mysql")
def _long_text(_type: Text, _compiler: Any, **_: Any) -> str:
    return "LONGTEXT"


@compiles(Bytes, "mysql")
def _long_bytes(_type: Bytes, _compiler: Any, **_: Any) -> str:
    return "LONGBLOB"


@compiles(Key, "postgresql")
def _key_in_postgresql(kind: Key, _compiler: Any, **_: Any) -> str:
    return f'VARCHAR({kind.length}) COLLATE "C"'


@compiles(Key, "mysql")
def _key_in_mysql(kind: Key, _compiler: Any, **_: Any) -> str:
    return f"VARCHAR({kind.length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"


def key(length: int = 48) -> Key:
    return Key(length)


def store() -> Column[Any]:
    """The last column of every business table's primary key: whose row it is.

    It is the last one because ids are unique everywhere, and because an engine that finds a store at the beginning of a
    key is tempted to read all rows of a large store for one.
    """
    return Column("store", key(), primary_key=True)


def identity(name: str = "id") -> Column[Any]:
    """An id that, with the store after it, is the primary key."""
    return Column(name, key(), primary_key=True)


def required(name: str, kind: Any) -> Column[Any]:
    """A column that always has a value."""
    return Column(name, kind, nullable=False)
