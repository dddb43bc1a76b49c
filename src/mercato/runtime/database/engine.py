"""What the runtime asks of a relational engine. SQLite is the embedded one; servers implement the same."""

from collections.abc import Callable
from typing import Any, Protocol

from mercato.runtime.database.statements import Compiled, Statement

# The parameters of a statement in the form that its driver wants: by position, or by name.
Values = tuple[Any, ...] | dict[str, Any]


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

    `run`, `run_many`, `changes` and `total_changes` are the driver's own functions, for those who execute many
    statements: rows are what the result of `run` gives when it is iterated, `changes()` is how many the latest
    statement changed, `total_changes()` how many all together have. They raise the driver's errors: `translated` turns
    those into faults of this module.
    """

    run: Callable[..., Any]
    run_many: Callable[..., Any]
    changes: Callable[[], int]
    total_changes: Callable[[], int]

    def execute(self, sql: str, values: Values = ..., /) -> int:
        """Run one statement; how many rows it changed. Raises translated errors."""

    def fetch(self, sql: str, values: Values, limit: int, /) -> list[tuple[Any, ...]]:
        """At most `limit` rows. Raises translated errors."""

    def translated(self, error: Exception) -> Exception:
        """DatabaseFault or ConstraintFault for an error of the driver; any other error as it is."""

    def close(self) -> None: ...


class Database(Protocol):
    """One service's database."""

    dialect: str
    compiled: CompiledStatements

    @property
    def writer(self) -> Connection:
        """The one connection that changes anything."""

    def reader(self) -> Connection:
        """A connection of its own for questions, for the caller to close."""

    def close(self) -> None: ...


Reached = Callable[[str], None]


def nothing_happens(point: str) -> None:
    """The default for the hook that tests and simulation use to crash or fail at a named point."""
