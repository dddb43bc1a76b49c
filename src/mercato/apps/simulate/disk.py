"""SQLite on a disk that fails now and then, or is full for a while."""

import random
import sqlite3
from pathlib import Path
from typing import Any

from mercato.apps.simulate.weather import Weather
from mercato.runtime.database import sqlite

FULL_FOR = 1.5  # seconds
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "COMMIT"})


class Disk:
    """Opens the files of one simulation. `full` and `calm` are set by the world."""

    def __init__(self, weather: Weather, randomness: random.Random) -> None:
        self.full = False
        self.calm = False
        self._weather = weather
        self._random = randomness
        self._fails = bool(weather.statement_fault or weather.full_every or weather.unknown_commit)
        self._left = self._pause()

    def open(self, path: Path) -> sqlite3.Connection:
        """As `sqlite.connect`, with the faults of this disk."""
        if not self._fails:
            return sqlite.connect(path)
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=512, factory=_Connection
        )
        connection.disk = self
        return connection

    def strike(self, cursor: sqlite3.Cursor, sql: str) -> None:
        """Raise what the disk does to this statement, if anything."""
        word, connection = sql[:6], cursor.connection
        assert isinstance(connection, _Connection), "this disk has opened it"
        if self.calm or word == "ROLLBA" or (word == "COMMIT" and connection.only_reads):
            return
        self._left -= 1
        if self.full and word in _WRITES:
            self._fail(cursor, "database or disk is full")
        elif self._left <= 0:
            self._left = self._pause()
            self._fail(cursor, "disk I/O error")
        elif word == "COMMIT" and self._random.random() < self._weather.unknown_commit:
            sqlite3.Cursor.execute(cursor, sql)
            raise sqlite3.OperationalError("disk I/O error")

    def _fail(self, cursor: sqlite3.Cursor, message: str) -> None:
        """SQLite itself sometimes rolls back before it tells."""
        if cursor.connection.in_transaction and self._random.random() < 0.5:  # noqa: PLR2004 - a coin
            sqlite3.Cursor.execute(cursor, "ROLLBACK")
        raise sqlite3.OperationalError(message)

    def _pause(self) -> float:
        """How many statements go well before the next one fails."""
        rate = self._weather.statement_fault
        return self._random.expovariate(rate) if rate else float("inf")


class _Connection(sqlite3.Connection):
    disk: Disk
    only_reads = False

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Pragmas come this way: they tell what the connection is for."""
        self.only_reads = self.only_reads or sql == "PRAGMA query_only=ON"
        return super().execute(sql, parameters)

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(_Cursor)


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        connection: Any = self.connection
        connection.disk.strike(self, sql)
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        connection: Any = self.connection
        connection.disk.strike(self, sql)
        return super().executemany(sql, parameters)
