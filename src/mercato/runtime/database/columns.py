"""The column types of all tables: they mean the same in SQLite, PostgreSQL and MySQL.

Text that is part of a key or an index is `key(n)`, compared byte by byte everywhere; other text is `Text`. Numbers
are 64-bit integers, documents are JSON in `Text`, anything else is `Bytes`.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, String
from sqlalchemy import Text as AnyText
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

Integer = BigInteger
Text = AnyText().with_variant(mysql.LONGTEXT(), "mysql")
Bytes = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")


def key(length: int = 48) -> TypeEngine[str]:
    """Text of at most `length` characters for keys and indexes, compared by bytes."""
    return (
        String(length)
        .with_variant(postgresql.VARCHAR(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql")
    )


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
