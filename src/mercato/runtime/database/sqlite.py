"""SQLite, the embedded engine: one file a service, WAL, synchronous=FULL, one writer.

The driver is apsw: it brings its own, current SQLite, and costs half of what Python's own module does for a statement.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
from sqlalchemy import Table

from mercato.runtime.database.engine import CompiledStatements, Values
from mercato.runtime.database.faults import ConstraintFault, DatabaseFault

_CACHED_STATEMENTS = 512
_CACHE_KIB = 16_384
_MAPPED = 1 << 28  # bytes of a file that readers see without copying
_BUSY_MS = 5_000

# Errors of the engine or its files; all others are faults of whoever wrote the statement.
_FAULTS = (
    apsw.AbortError,
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.FullError,
    apsw.InternalError,
    apsw.InterruptError,
    apsw.IOError,
    apsw.LockedError,
    apsw.NoMemError,
    apsw.NotADBError,
    apsw.PermissionsError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
    apsw.SchemaChangeError,
    apsw.SQLError,
)

Connect = Callable[[Path], apsw.Connection]


def connect(path: Path, kind: type[apsw.Connection] = apsw.Connection) -> apsw.Connection:
    """Open a database file. Transactions are begun and ended by the runtime, never by the driver."""
    connection = kind(str(path), statementcachesize=_CACHED_STATEMENTS)
    # Plans hold for all values. Without this SQLite plans a statement again for each new value of a parameter.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return connection


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except apsw.ConstraintError as error:
        raise ConstraintFault(f"{path.name}: {error}") from error
    except apsw.Error as error:
        raise _fault(path, error) from error


class SqliteConnection:
    """One connection. At any moment a single thread uses it: the loop's, then a pool's until its COMMIT is back."""

    def __init__(self, path: Path, open_file: Connect, *, read_only: bool) -> None:
        self._path = path
        with _faults(path):
            self.raw = open_file(path)
            self.raw.set_busy_timeout(_BUSY_MS)
            for pragma in _pragmas(read_only):
                self.raw.execute(pragma)
        self._begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"
        cursor = self.raw.cursor()
        self.run = self.run_across = cursor.execute
        self.run_many = cursor.executemany
        self.changes = self.raw.changes
        self.total_changes = self.raw.total_changes

    def begin(self, _stores: Iterable[str] = (), /) -> None:
        self.execute(self._begin)

    def declare(self, _stores: Iterable[str], /) -> None:
        """There are no row policies here."""

    def rollback(self) -> None:
        if self.raw.in_transaction:
            self.execute("ROLLBACK")

    def execute(self, sql: str, values: Values = (), /) -> int:
        try:
            self.run(sql, values)
        except apsw.Error as error:
            raise self.translated(error) from error
        return self.changes()

    def fetch(self, sql: str, values: Values, limit: int, /) -> list[tuple[Any, ...]]:
        try:
            return list(islice(self.run(sql, values), limit))
        except apsw.Error as error:
            raise self.translated(error) from error

    def translated(self, error: Exception) -> Exception:
        if isinstance(error, apsw.ConstraintError):
            return ConstraintFault(f"{self._path.name}: {error}")
        return _fault(self._path, error) if isinstance(error, _FAULTS) else error

    def close(self) -> None:
        self.raw.close()


def _fault(path: Path, error: Exception) -> DatabaseFault:
    return DatabaseFault(f"{path}: {error}; check the disk and the file's rights, then try again")


def _pragmas(read_only: bool) -> Sequence[str]:
    shared = (
        f"PRAGMA mmap_size={_MAPPED}",
        f"PRAGMA cache_size=-{_CACHE_KIB}",
        "PRAGMA temp_store=MEMORY",
    )
    if read_only:
        return (*shared, "PRAGMA query_only=ON")
    return ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=2000", *shared)


class SqliteDatabase:
    """The database file of one service, its writing connection, and readers as they are asked for."""

    dialect = "sqlite"
    shared = False
    commits_tables = False

    def __init__(self, path: Path, open_file: Connect = connect) -> None:
        self.path = path
        self.compiled = CompiledStatements("sqlite")
        self._open_file = open_file
        self.writer = SqliteConnection(path, open_file, read_only=False)
        self._readers: list[SqliteConnection] = []

    def reader(self) -> SqliteConnection:
        connection = SqliteConnection(self.path, self._open_file, read_only=True)
        self._readers.append(connection)
        return connection

    def across(self) -> SqliteConnection:
        return SqliteConnection(self.path, self._open_file, read_only=False)

    def plain(self, *, owner: bool = False) -> SqliteConnection:
        return SqliteConnection(self.path, self._open_file, read_only=True)

    @contextmanager
    def migrating(self, _tables: Iterable[Table]) -> Iterator[SqliteConnection]:
        yield self.writer

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        self.writer.close()


def integrity_problems(path: Path) -> list[str]:
    """What SQLite itself finds wrong with a file; an empty list is a sound file."""
    try:
        with _faults(path):
            connection = connect(path)
            try:
                rows = connection.execute("PRAGMA integrity_check(20)").fetchall()
            finally:
                connection.close()
    except DatabaseFault as fault:
        return [str(fault)]
    return [f"{path}: {text}" for (text,) in rows if text != "ok"]
