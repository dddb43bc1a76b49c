"""How far a move into a server's database is: a table in that database, written in the transactions of the copies."""

from collections.abc import Iterable
from typing import Any

import msgspec

from mercato.runtime.database.copying import Copier, Row
from mercato.runtime.database.engine import Connection, Database
from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.database.migrating import Migration

_TABLE = Migration(
    "runtime/moved",
    "CREATE TABLE IF NOT EXISTS moved (name {key:120} NOT NULL, state {key:16} NOT NULL, copied {int} NOT NULL, "
    "after_key {text} NOT NULL, PRIMARY KEY (name)) {compact}",
)
_ALL = "SELECT name, state, copied, after_key FROM moved"
_ADD = "INSERT INTO moved (name, state, copied, after_key) VALUES (%s, %s, %s, %s)"
_MOVE = "UPDATE moved SET state = %s, copied = %s, after_key = %s WHERE name = %s AND copied = %s"
_FINISH = "UPDATE moved SET state = %s WHERE name = %s"
_MANY = 1_000

FOLDER = "(folder)"  # the row of the whole: its key is the state of the folder that is moved
COPYING, COPIED, FINISHED = "copying", "copied", "finished"


class Progress(msgspec.Struct, frozen=True):
    """How far a table is: so many rows, up to the one with this key. `done`: there are no more."""

    copied: int = 0
    after: Row = ()
    done: bool = False


class Moved:
    """The progress of one database. `folder` is None where no move has begun."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        rows: dict[str, Any] = {name: more for name, *more in connection.fetch(_ALL, (), _MANY)}
        whole = rows.pop(FOLDER, None)
        self.folder: str | None = whole[2] if whole else None
        self.finished = bool(whole) and whole[0] == FINISHED
        self._tables = {
            name: Progress(copied, tuple(msgspec.json.decode(after)) if after else (), state == COPIED)
            for name, (state, copied, after) in rows.items()
        }

    def of(self, table: str) -> Progress:
        return self._tables[table]

    @property
    def copied(self) -> int:
        return sum(progress.copied for progress in self._tables.values())

    def begin(self, folder: str, tables: Iterable[str]) -> None:
        """Note what will be moved, all of it or nothing."""
        self._connection.begin()
        self._connection.execute(_ADD, (FOLDER, COPYING, 0, folder))
        for name in tables:
            self._connection.execute(_ADD, (name, COPYING, 0, ""))
            self._tables[name] = Progress()
        self._connection.execute("COMMIT")
        self.folder = folder

    def add(self, copier: Copier, rows: list[Row]) -> None:
        """Copy a page, in one transaction with how far the table is then; no rows: it is at its end."""
        before = self._tables[copier.name]
        after = copier.key_of(rows[-1]) if rows else before.after
        progress = Progress(before.copied + len(rows), after, not rows)
        connection = self._connection
        connection.begin()
        try:
            copier.insert(connection, rows)
            state, key = COPIED if progress.done else COPYING, msgspec.json.encode(progress.after).decode()
            if connection.execute(_MOVE, (state, progress.copied, key, copier.name, before.copied)) != 1:
                raise DatabaseFault(f"another process moves {copier.name} into the same database: let one of them end")
        except BaseException:
            connection.rollback()
            raise
        connection.execute("COMMIT")
        self._tables[copier.name] = progress

    def finish(self) -> None:
        self._connection.begin()
        self._connection.execute(_FINISH, (FINISHED, FOLDER))
        self._connection.execute("COMMIT")
        self.finished = True


def make_progress_table(database: Database) -> None:
    with database.migrating(()) as connection:
        for statement in _TABLE.statements(database.dialect):
            connection.execute(statement)
