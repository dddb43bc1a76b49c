"""What real work left in a data folder, and any number of copies of it: how a shop grows old within minutes.

The tables are compared before and after. Rows that were added are copied: in a copy, everything that was made in that
time (an id that carries its moment, a moment itself, wherever they stand in texts and documents) was made earlier.
Numbers that went up or down in rows that were there before go on by as much for each copy. Logs of events go on where
they end, and their readers have read them.
"""

import itertools
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.outcome import BenchmarkError

Row = tuple[Any, ...]
Tables = Mapping[str, frozenset[str]]
"""Which tables of which service the work is known to touch, beside those of the runtime."""

LOG = "outbox"
POSITIONS = "positions"
OF_A_PROCESS = frozenset({"jobs", "leases"})  # they tell of the process that did the work
EARLIER = 72_000  # ms by which each copy was made before the last one: a thousand copies fill twenty hours
AHEAD = 3_600_000  # ms: what was made may name a moment so far ahead, such as the end of a hold

_ID = r"(?P<kind>[a-z]{2,8})_(?P<made>[0-9a-f]{12})(?=[0-9a-f]{20})"  # its moment is what differs, so ids stay apart
_MOMENT = r"(?<![0-9a-f])(?P<moment>[1-9][0-9]{12})(?![0-9a-f])"


class Work(msgspec.Struct, frozen=True):
    """What was done between `begun` and `ended` (ms since the epoch), `count` times.

    Ids of the kinds `renewed` are new in each copy although they were made before. `numbered` is a pattern whose one
    group is a number that counts on from copy to copy, by `count`.
    """

    begun: int
    ended: int
    count: int
    tables: Tables
    renewed: frozenset[str] = frozenset()
    numbered: str = r"(?!)()"


class Change(msgspec.Struct, frozen=True):
    """By how much the numbers of one row went up, and the values of its key."""

    by: tuple[int, ...]
    key: Row


class Changes(msgspec.Struct, frozen=True):
    """Rows of one table that were there before: the columns that changed, those of the key."""

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: tuple[Change, ...]


class Footprint:
    """What `work` left: the difference between two data folders of shops that are closed.

    Raises BenchmarkError where a table was touched that the work is not known to touch, or in a way that copies cannot
    repeat, and where one was not touched that should have been.
    """

    def __init__(self, before: Path, after: Path, work: Work) -> None:
        self.work = work
        self._marks = _Marks(work)
        self._added: dict[str, list[Added]] = {}
        self._changes: dict[str, list[Changes]] = {}
        for file in sorted(after.glob("*.db")):
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("ATTACH ? AS old", (str(before / file.name),))
                self._compare(file.stem, connection)

    def copy_into(self, data: Path, copies: range) -> None:
        """Add the copies with these numbers, from 1 on and each once, to the data folder of a closed shop."""
        for service in self._added.keys() | self._changes.keys():
            with closing(sqlite3.connect(data / f"{service}.db", isolation_level=None)) as connection:
                # Nobody else has the file, and a folder that is not finished is of no use: nothing is kept for undoing.
                for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-262144"):
                    connection.execute(f"PRAGMA {pragma}").fetchall()
                connection.execute("BEGIN")
                self._copy(service, connection, copies)
                connection.execute("COMMIT")
                connection.execute("PRAGMA journal_mode=WAL").fetchall()
        ends = _ends(data)
        for file in sorted(data.glob("*.db")):
            _read_to_the_end(file, ends)
            with file.open("rb") as written:
                os.fsync(written.fileno())  # or the disk would be busy with it while the shop is measured

    def _compare(self, service: str, connection: sqlite3.Connection) -> None:
        touched = set()
        for table, columns, key in _tables(connection):
            if table in OF_A_PROCESS:
                continue
            names = ", ".join(columns)
            now, before = f"SELECT {names} FROM main.{table}", f"SELECT {names} FROM old.{table}"
            rows = connection.execute(f"{now} EXCEPT {before}").fetchall()
            gone = connection.execute(f"{before} EXCEPT {now}").fetchall()
            if not rows and not gone:
                continue
            touched.add(table)
            if table != POSITIONS:
                self._note(service, table, columns, key, (rows, gone))
        known = self.work.tables.get(service, frozenset())
        unknown = touched - known - {LOG, POSITIONS}
        if unknown or known - touched:
            raise BenchmarkError(
                f"{service}: {sorted(unknown)} are touched and not known to be, {sorted(known - touched)} are known"
                " and not touched: look at what copies of their rows must be, and at the tables in benchmarks/growth.py"
            )

    def _note(
        self,
        service: str,
        table: str,
        columns: tuple[str, ...],
        key: tuple[str, ...],
        rows: tuple[list[Row], list[Row]],
    ) -> None:
        """Sort rows (as they are, as they were) into those that were added and those that changed."""
        now, before = rows
        places = [columns.index(name) for name in key]

        def key_of(row: Row) -> Row:
            return tuple(row[place] for place in places)

        were = {key_of(row): row for row in before}
        added = [row for row in now if key_of(row) not in were]
        changed = [(were.pop(key_of(row)), row) for row in now if key_of(row) in were]
        if were or (table == LOG and changed):
            raise BenchmarkError(f"{service}: rows of {table} have gone or changed, and copies cannot repeat that")
        if added:
            added.sort(key=key_of)
            self._added.setdefault(service, []).append(Added(table, columns, added, self._marks))
        if changed:
            self._changes.setdefault(service, []).append(_changes(f"{service}.{table}", columns, key, changed))

    def _copy(self, service: str, connection: sqlite3.Connection, copies: range) -> None:
        added = self._added.get(service, ())
        number = _last(connection)
        for copy in reversed(copies):  # the oldest first
            moved = self._marks.moved(copy)
            for rows in added:
                made: Iterable[Sequence[Any]] = rows.rows(moved)
                if rows.table == LOG:
                    made = _numbered(made, number + 1)
                    number += rows.count
                connection.executemany(rows.insert, made)
        for changes in self._changes.get(service, ()):
            settings = ", ".join(f"{name} = {name} + ?" for name in changes.columns)
            keys = " AND ".join(f"{name} = ?" for name in changes.key)
            connection.executemany(
                f"UPDATE {changes.table} SET {settings} WHERE {keys}",
                ((*(by * len(copies) for by in row.by), *row.key) for row in changes.rows),
            )


class Added:
    """Rows of one table as text, cut at whatever differs between copies."""

    def __init__(self, table: str, columns: Sequence[str], rows: Sequence[Row], marks: "_Marks") -> None:
        self.table = table
        self.count = len(rows)
        blobs = [any(isinstance(row[place], bytes) for row in rows) for place in range(len(columns))]
        values = ", ".join("CAST(? AS BLOB)" if blob else "?" for blob in blobs)
        self.insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"
        texts = [tuple(cell.decode() if isinstance(cell, bytes) else cell for cell in row) for row in rows]
        self._pieces = marks.cut(msgspec.json.encode(texts).decode())

    def rows(self, moved: Mapping[str, str]) -> list[list[Any]]:
        """The rows of a copy; `moved` says what stands there in place of each mark."""
        pieces = self._pieces.copy()
        pieces[1::2] = [moved[mark] for mark in pieces[1::2]]
        rows: list[list[Any]] = msgspec.json.decode("".join(pieces))
        return rows


class _Marks:
    """Finds in a text what differs between copies, and says what it is in each of them.

    A mark is one letter for what it is and the text that stands there: the moment of an id, a moment, or a number.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._any = re.compile(f"{_ID}|{_MOMENT}|{work.numbered}")
        self._known: dict[str, int] = {}

    def cut(self, text: str) -> list[str]:
        """The text in pieces: every second one is a mark."""
        pieces: list[str] = []
        at = 0
        for found in self._any.finditer(text):
            mark = self._mark(found)
            if mark:
                group = found.lastindex or 0
                pieces += (text[at : found.start(group)], mark)
                at = found.end(group)
        return [*pieces, text[at:]]

    def moved(self, copy: int) -> dict[str, str]:
        """What stands in place of each mark in copy number `copy`."""
        earlier, more = copy * EARLIER, copy * self._work.count
        forms: dict[str, Callable[[int], str]] = {
            "i": lambda made: f"{made - earlier:012x}",
            "m": lambda moment: str(moment - earlier),
            "n": lambda number: str(number + more),
        }
        return {mark: forms[mark[0]](value) for mark, value in self._known.items()}

    def _mark(self, found: re.Match[str]) -> str:
        """The mark of something that differs between copies; "" where it is the same in all."""
        work, text = self._work, found[found.lastindex or 0]
        if found["kind"]:
            mark, value = f"i{text}", int(text, 16)
            differs = found["kind"] in work.renewed or work.begun <= value <= work.ended
        elif found["moment"]:
            mark, value = f"m{text}", int(text)
            differs = work.begun <= value <= work.ended + AHEAD
        else:
            mark, value, differs = f"n{text}", int(text), True
        if differs:
            self._known[mark] = value
        return mark if differs else ""


def is_quiet(data: Path) -> bool:
    """Whether all events have been read by all their readers, and no slow work waits."""
    ends = _ends(data)
    for file in data.glob("*.db"):
        with closing(_reading(file)) as connection:
            read = dict(connection.execute("SELECT source, number FROM positions").fetchall())
            if any(number != ends[source] for source, number in read.items()):
                return False
            if connection.execute("SELECT count(*) FROM intents").fetchone() != (0,):
                return False
    return True


def size_of(data: Path) -> int:
    """Bytes of all databases."""
    return sum(file.stat().st_size for file in data.glob("*.db"))


def _changes(name: str, columns: tuple[str, ...], key: tuple[str, ...], pairs: Sequence[tuple[Row, Row]]) -> Changes:
    """What changed in rows, each as it was and as it is."""
    places = [place for place in range(len(columns)) if any(was[place] != row[place] for was, row in pairs)]
    for was, row in pairs:
        if not all(type(was[place]) is type(row[place]) is int for place in places):
            raise BenchmarkError(f"{name}: more than numbers has changed, and copies cannot repeat that: {was} {row}")
    rows = tuple(
        Change(
            tuple(row[place] - was[place] for place in places),
            tuple(row[columns.index(column)] for column in key),
        )
        for was, row in pairs
    )
    return Changes(name.partition(".")[2], tuple(columns[place] for place in places), key, rows)


def _tables(connection: sqlite3.Connection) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """The name, the columns and the key of each table, as the file itself has them."""
    names = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    for (name,) in names:
        described = connection.execute(f"PRAGMA main.table_info({name})").fetchall()
        key = sorted((place, column) for _, column, *_, place in described if place)
        yield name, tuple(column for _, column, *_ in described), tuple(column for _, column in key)


def _numbered(rows: Iterable[Sequence[Any]], first: int) -> Iterator[Sequence[Any]]:
    """Rows of a log, whose first column is their number, with numbers from `first` on."""
    for number, row in zip(itertools.count(first), rows, strict=False):
        yield (number, *row[1:])


def _ends(data: Path) -> dict[str, int]:
    """The number of the last event in the log of each service."""
    ends = {}
    for file in data.glob("*.db"):
        with closing(_reading(file)) as connection:
            ends[file.stem] = _last(connection)
    return ends


def _last(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM outbox").fetchone()
    return int(number)


def _read_to_the_end(file: Path, ends: Mapping[str, int]) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for source, number in ends.items():
            connection.execute("UPDATE positions SET number = ? WHERE source = ?", (number, source))


def _reading(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
