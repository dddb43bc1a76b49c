"""A savepoint for each item of a batch that runs again: what one has done is taken back without the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mercato.runtime.database.engine import Database
from mercato.runtime.memory import Place
from mercato.runtime.transaction import Transaction


class Saved:
    """What a transaction had done at a savepoint."""

    def __init__(self, tx: Transaction, database: Database) -> None:
        self._tx = tx
        self._writer = database.writer
        self._number = tx.number
        self._marks = (len(tx.events), len(tx.intents), len(tx.answers))
        self._known: dict[Place, Any] = dict(tx.known)
        self._documents = None if tx.session is None else tx.session.mark()

    def back(self) -> None:
        """Take back everything since the savepoint."""
        tx = self._tx
        self._writer.execute("ROLLBACK TO item")
        tx.forget(self._known)
        tx.number = self._number
        events, intents, answers = self._marks
        del tx.events[events:]
        del tx.intents[intents:]
        del tx.answers[answers:]
        if tx.session is not None and self._documents is not None:
            tx.session.back(self._documents)


@contextmanager
def savepoint(tx: Transaction, database: Database) -> Iterator[Saved]:
    database.writer.execute("SAVEPOINT item")
    yield Saved(tx, database)
    database.writer.execute("RELEASE SAVEPOINT item")
