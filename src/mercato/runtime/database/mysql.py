"""MySQL 8 and MariaDB, in what both have in common: one database a service.

There are no row policies here: that statements stay in their store is left to the statements.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pymysql
from pymysql.constants import CLIENT, ER, FIELD_TYPE
from pymysql.converters import conversions
from sqlalchemy import Table

from mercato.runtime.database.engine import CompiledStatements, Connection, Values
from mercato.runtime.database.faults import ConstraintFault, DatabaseFault, DoneBefore, InTheWay
from mercato.runtime.database.urls import Address

# Whoever stands still in a transaction is cut off, so that others need not wait for its locks.
_SESSION = (
    "SET SESSION TRANSACTION ISOLATION LEVEL {isolation}",
    "SET SESSION innodb_lock_wait_timeout = 5, SESSION wait_timeout = {idle}, "
    "SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'",
)
_IDLE_WRITER = 20  # seconds
_IDLE_READER = 600
_PATIENCE = 20  # seconds for an answer
_MIGRATION_LOCK = "mercato_migrates"
_LOCK_PATIENCE = 60  # seconds
_AT_ONCE = 64  # statements in one message

_CONSTRAINTS = (ER.DUP_ENTRY, ER.BAD_NULL_ERROR, ER.NO_REFERENCED_ROW_2, ER.ROW_IS_REFERENCED_2, 3819, 4025)
_DONE_BEFORE = (
    ER.TABLE_EXISTS_ERROR,
    ER.BAD_TABLE_ERROR,
    ER.DUP_FIELDNAME,
    ER.DUP_KEYNAME,
    ER.MULTIPLE_PRI_KEY,
    ER.CANT_DROP_FIELD_OR_KEY,
)
_IN_THE_WAY = (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT)
_FAULTS = (pymysql.OperationalError, pymysql.InterfaceError, pymysql.InternalError, OSError)

_WHOLE_NUMBERS: dict[Any, Any] = {
    **conversions,
    FIELD_TYPE.DECIMAL: int,
    FIELD_TYPE.NEWDECIMAL: int,
}  # sums of 64-bit integers


class MysqlConnection:
    """One connection, made when it is first needed and made again when it was lost."""

    def __init__(
        self, address: Address, *, read_only: bool = False, database: str | None = None, idle: int = _IDLE_WRITER
    ) -> None:
        self._address = address
        self._name = address.database
        self._database = address.database if database is None else database
        self._isolation = "REPEATABLE READ" if read_only else "READ COMMITTED"
        self._idle = idle
        self._begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY" if read_only else "START TRANSACTION"
        self._raw: pymysql.Connection[Any] | None = None
        self._cursor: Any = None
        self._in_transaction = False
        self._total = 0

    # What the driver does, with its errors.

    def run(self, text: str, values: Values = ()) -> Any:
        cursor = self._open_cursor()
        cursor.execute(text, values or None)
        self._total += max(cursor.rowcount, 0)
        return cursor

    run_across = run

    def run_many(self, text: str, rows: Sequence[Values]) -> None:
        """Many changes in few messages: the driver's own way sends one at a time, but for insertions."""
        cursor = self._open_cursor()
        changed = 0
        for start in range(0, len(rows), _AT_ONCE):
            cursor.execute(";".join(cursor.mogrify(text, row) for row in rows[start : start + _AT_ONCE]))
            changed += max(cursor.rowcount, 0)
            while cursor.nextset():
                changed += max(cursor.rowcount, 0)
        self._total += changed

    def changes(self) -> int:
        return 0 if self._cursor is None else max(self._cursor.rowcount, 0)

    def total_changes(self) -> int:
        return self._total

    # What the runtime does, with its own faults.

    def begin(self, _stores: Iterable[str] = (), /) -> None:
        try:
            if self._in_transaction:
                self.rollback()
            try:
                self._open_cursor().execute(self._begin)
            except _FAULTS:
                self.close()  # it may have been lost since it was last used
                self._open_cursor().execute(self._begin)
        except Exception as error:
            raise self.translated(error) from error
        self._in_transaction = True

    def declare(self, _stores: Iterable[str], /) -> None:
        """There are no row policies here."""

    def rollback(self) -> None:
        if self._raw is None or not self._in_transaction:
            return
        self._in_transaction = False
        try:
            self._open_cursor().execute("ROLLBACK")
        except Exception:
            self.close()  # the server ends the transaction of a connection that is gone

    def execute(self, text: str, values: Values = (), /) -> int:
        try:
            changed: int = max(self.run(text, values).rowcount, 0)
        except Exception as error:
            raise self.translated(error) from error
        if text == "COMMIT":
            self._in_transaction = False
        return changed

    def fetch(self, text: str, values: Values, limit: int, /) -> list[tuple[Any, ...]]:
        if self._raw is not None and not self._in_transaction:
            try:
                self._raw.ping(reconnect=False)
            except Exception:
                self.close()  # it was lost since it was last used
        try:
            return list(islice(self.run(text, values), limit))
        except Exception as error:
            raise self.translated(error) from error

    def translated(self, error: Exception) -> Exception:
        code = error.args[0] if isinstance(error, pymysql.Error) and error.args else None
        if isinstance(error, pymysql.IntegrityError) or code in _CONSTRAINTS:
            return ConstraintFault(f"{self._name}: {error}")
        if code in _IN_THE_WAY:
            return InTheWay(f"{self._name}: {error}")
        if code in _DONE_BEFORE:
            return DoneBefore(f"{self._name}: {error}")
        if isinstance(error, _FAULTS):
            return DatabaseFault(f"{self._address.shown}: {error}; see that the server runs and can be reached")
        return error

    def close(self) -> None:
        if self._raw is not None and self._raw.open:
            self._raw.close()
        self._raw = self._cursor = None
        self._in_transaction = False

    def _open_cursor(self) -> Any:
        if self._cursor is None:
            address = self._address
            self._raw = pymysql.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password,
                database=self._database or None,
                charset="utf8mb4",
                collation="utf8mb4_bin",
                autocommit=True,
                client_flag=CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS,
                connect_timeout=3,
                read_timeout=_PATIENCE,
                write_timeout=_PATIENCE,
                conv=_WHOLE_NUMBERS,
            )
            self._cursor = self._raw.cursor()
            for statement in _SESSION:
                self._cursor.execute(statement.format(isolation=self._isolation, idle=self._idle))
        return self._cursor


class MysqlDatabase:
    """The database of one service on a server. `owner` logs in where tables are made or changed."""

    dialect = "mysql"
    shared = True
    commits_tables = True

    def __init__(self, address: Address, owner: Address | None = None) -> None:
        self.name = address.database
        self.compiled = CompiledStatements("mysql")
        self._address = address
        self._owner = owner or address
        self.writer: Connection = MysqlConnection(address)
        self._readers: list[Connection] = []

    def reader(self) -> Connection:
        connection = MysqlConnection(self._address, read_only=True, idle=_IDLE_READER)
        self._readers.append(connection)
        return connection

    def across(self) -> MysqlConnection:
        return MysqlConnection(self._address, idle=_IDLE_READER)

    def plain(self, *, owner: bool = False) -> MysqlConnection:
        return MysqlConnection(self._owner.at(self.name) if owner else self._address)

    @contextmanager
    def migrating(self, _tables: Iterable[Table]) -> Iterator[MysqlConnection]:
        """Nobody else may migrate while the first connection is there, which holds the lock."""
        maintenance = MysqlConnection(self._owner, database="", idle=_IDLE_READER)
        connection = MysqlConnection(self._owner.at(self.name))
        try:
            locked = maintenance.fetch("SELECT GET_LOCK(%s, %s)", (_MIGRATION_LOCK, _LOCK_PATIENCE), 1)
            if locked != [(1,)]:
                raise DatabaseFault(f"{self._address.shown}: another process migrates it and does not come to an end")
            maintenance.execute(
                f"CREATE DATABASE IF NOT EXISTS `{self.name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            )
            if self._owner.user != self._address.user:
                maintenance.execute(
                    f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{self.name}`.* TO '{self._address.user}'@'%'"
                )
            yield connection
        finally:
            connection.close()
            maintenance.close()

    def close(self) -> None:
        self.writer.close()
        for connection in self._readers:
            connection.close()
