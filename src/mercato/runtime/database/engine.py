"""What the runtime asks of a relational engine. SQLite is the embedded one; servers implement the same."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Table

from mercato.runtime.database.statements import Compiled, Statement

# The parameters of a statement by position, in the form that its driver wants.
Values = tuple[Any, ...]


class CompiledStatements(dict[Statement[Any], Compiled]):
    """Statements compiled for one dialect, each when it is first used."""

    def __init__(self, dialect: str) -> None:
        super().__init__()
        self._dialect = dialect

    def __missing__(self, statement: Statement[Any]) -> Compiled:
        compiled = statement.compile(self._dialect)
        self[statement] = compiled
        return compiled


class Connection(Protocol):
    """One connection of the raw driver, used by one thread at a time.

    `run`, `run_many`, `changes` and `total_changes` are the driver's own functions, or next to them, for those who
    execute many statements: rows are what the result of `run` gives when it is iterated, `changes()` is how many the
    latest statement changed, `total_changes()` how many all together have. `run_across` is `run` for a statement that
    reads or writes rows of several stores. They raise the driver's errors: `translated` turns those into faults of this
    package.
    """

    @property
    def run(self) -> Callable[..., Any]: ...

    @property
    def run_across(self) -> Callable[..., Any]: ...

    @property
    def run_many(self) -> Callable[..., Any]: ...

    @property
    def changes(self) -> Callable[[], int]: ...

    @property
    def total_changes(self) -> Callable[[], int]: ...

    def begin(self, stores: Iterable[str] = (), /) -> None:
        """Begin a transaction about rows of these stores: of one that reads, a view of one moment. A connection that
        was lost is made again. Raises translated errors."""

    def declare(self, stores: Iterable[str], /) -> None:
        """The transaction is about rows of these stores too."""

    def rollback(self) -> None:
        """End the transaction, where there is one, without what it changed. Raises translated errors."""

    def execute(self, sql: str, values: Values = ..., /) -> int:
        """Run one statement; how many rows it changed. Raises translated errors."""

    def fetch(self, sql: str, values: Values, limit: int, /) -> list[tuple[Any, ...]]:
        """At most `limit` rows, of any store. Raises translated errors."""

    def translated(self, error: Exception) -> Exception:
        """DatabaseFault, ConstraintFault or InTheWay for an error of the driver; any other error as it is."""

    def close(self) -> None: ...


class Database(Protocol):
    """One service's database.

    `shared`: other processes write it too. So nothing of it is kept in memory, rows are locked when they are read to be
    changed, the log's numbers are drawn under a lock, and statements take so long that they never run in the loop's
    thread. `commits_tables`: each change of a table is committed by itself, with all that was done before it.
    """

    dialect: str
    compiled: CompiledStatements
    shared: bool
    commits_tables: bool

    @property
    def writer(self) -> Connection:
        """The one connection of this process that changes anything."""

    def reader(self) -> Connection:
        """A connection of its own for questions, for the caller to close."""

    def across(self) -> Connection:
        """A connection of its own for reading and writing rows of all stores, for the caller to close."""

    def plain(self, *, owner: bool = False) -> Connection:
        """A connection as the login, or that of the owner, comes in: to look at what it finds and may do."""

    def migrating(self, tables: Iterable[Table], /) -> AbstractContextManager[Connection]:
        """A connection that may change tables, while nobody else migrates this database. At the end these `tables` are
        as well protected as the engine can."""

    def close(self) -> None: ...


Reached = Callable[[str], None]


def nothing_happens(point: str) -> None:
    """The default for the hook that tests and simulation use to crash or fail at a named point."""
