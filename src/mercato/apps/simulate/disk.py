"""SQLite on a disk that fails now and then, or is full for a while."""

import random
from pathlib import Path
from typing import Any, cast

import apsw

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

    def open(self, path: Path) -> apsw.Connection:
        """As `sqlite.connect`, with the faults of this disk."""
        if not self._fails:
            return sqlite.connect(path)
        connection = cast(_Connection, sqlite.connect(path, _Connection))
        connection.disk = self
        connection.cursor_factory = _Cursor
        return connection

    def strike(self, cursor: apsw.Cursor, sql: str) -> None:
        """Raise what the disk does to this statement, if anything."""
        word, connection = sql[:6], cursor.connection
        assert isinstance(connection, _Connection), "this disk has opened it"
        if self.calm or word == "ROLLBA" or (word == "COMMIT" and connection.only_reads):
            return
        self._left -= 1
        if self.full and word in _WRITES:
            self._fail(cursor, apsw.FullError("database or disk is full"))
        elif self._left <= 0:
            self._left = self._pause()
            self._fail(cursor, apsw.IOError("disk I/O error"))
        elif word == "COMMIT" and self._random.random() < self._weather.unknown_commit:
            apsw.Cursor.execute(cursor, sql)
            raise apsw.IOError("disk I/O error")

    def _fail(self, cursor: apsw.Cursor, error: apsw.Error) -> None:
        """SQLite itself sometimes rolls back before it tells."""
        if cursor.connection.in_transaction and self._random.random() < 0.5:  # noqa: PLR2004 - a coin
            apsw.Cursor.execute(cursor, "ROLLBACK")
        raise error

    def _pause(self) -> float:
        """How many statements go well before the next one fails."""
        rate = self._weather.statement_fault
        return self._random.expovariate(rate) if rate else float("inf")


class _Connection(apsw.Connection):
    disk: Disk
    only_reads = False

    def execute(self, statements: str, bindings: Any = None, **options: Any) -> apsw.Cursor:
        """Pragmas come this way: they tell what the connection is for."""
        self.only_reads = self.only_reads or statements == "PRAGMA query_only=ON"
        return super().execute(statements, bindings, **options)


class _Cursor(apsw.Cursor):
    def execute(self, statements: str, bindings: Any = None, **options: Any) -> apsw.Cursor:
        connection: Any = self.connection
        connection.disk.strike(self, statements)
        return super().execute(statements, bindings, **options)

    def executemany(self, statements: str, sequenceofbindings: Any, **options: Any) -> apsw.Cursor:
        connection: Any = self.connection
        connection.disk.strike(self, statements)
        return super().executemany(statements, sequenceofbindings, **options)
