"""SQLite, the embedded engine: one file a service, WAL, synchronous=FULL, one writer."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mercato.runtime.database.engine import CompiledStatements, ConstraintFault, DatabaseFault

_CACHED_STATEMENTS = 512
_CACHE_KIB = 16_384
_MAPPED = 1 << 28  # bytes of a file that readers see without copying

Connect = Callable[[Path], sqlite3.Connection]


def connect(path: Path) -> sqlite3.Connection:
    """Open a database file. Transactions are begun and ended by the runtime, never by the driver."""
    return sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=_CACHED_STATEMENTS, timeout=5.0
    )


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise ConstraintFault(f"{path.name}: {error}") from error
    except sqlite3.Error as error:
        raise DatabaseFault(f"{path}: {error}; check the disk and the file's rights, then try again") from error


class SqliteConnection:
    """One connection. At any moment a single thread uses it: the loop's, then a pool's until its COMMIT is back."""

    def __init__(self, path: Path, open_file: Connect, *, read_only: bool) -> None:
        self._path = path
        with _faults(path):
            self.raw = open_file(path)
            for pragma in _pragmas(read_only):
                self.raw.execute(pragma)
        self.cursor = self.raw.cursor()

    def execute(self, sql: str, parameters: dict[str, Any] | tuple[()] = (), /) -> int:
        try:
            return self.cursor.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            raise self.translated(error) from error

    def fetch(self, sql: str, parameters: dict[str, Any], limit: int, /) -> list[tuple[Any, ...]]:
        try:
            return self.cursor.execute(sql, parameters).fetchmany(limit)
        except sqlite3.Error as error:
            raise self.translated(error) from error

    def translated(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.IntegrityError):
            return ConstraintFault(f"{self._path.name}: {error}")
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.ProgrammingError):
            return DatabaseFault(f"{self._path}: {error}; check the disk and the file's rights, then try again")
        return error

    def close(self) -> None:
        self.raw.close()


def _pragmas(read_only: bool) -> list[str]:
    shared = [
        "PRAGMA busy_timeout=5000",
        f"PRAGMA mmap_size={_MAPPED}",
        f"PRAGMA cache_size=-{_CACHE_KIB}",
        "PRAGMA temp_store=MEMORY",
    ]
    if read_only:
        return [*shared, "PRAGMA query_only=ON"]
    return ["PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=2000", *shared]


class SqliteDatabase:
    """The database file of one service, its writing connection, and readers as they are asked for."""

    dialect = "sqlite"

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
