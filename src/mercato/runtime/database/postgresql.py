"""PostgreSQL: one database a service, reached by a role that owns nothing of it.

Whoever logs in takes the role `DATABASE_app` at once. Rows of other stores than those that a transaction declares do
not exist for it: row-level security is forced. The few statements that cross stores take the role `DATABASE_across`
for themselves alone. Both roles are made with the tables, by the login of `owner`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8Dumper
from sqlalchemy import Table

from mercato.runtime.database.engine import CompiledStatements, Connection, Values
from mercato.runtime.database.faults import ConstraintFault, DatabaseFault, InTheWay
from mercato.runtime.database.urls import Address

# A process that stands still in a transaction must not keep others waiting for its locks; a server that has gone away
# without a word is given up.
_SESSION = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "mercato",
}
_LIMITS = "-c idle_in_transaction_session_timeout=5s -c lock_timeout=5s -c statement_timeout=20s"
_MIGRATION_LOCK = 5_283_120_917  # of all databases of Mercato: no other program takes it by chance

_WRITE = "BEGIN; SET LOCAL mercato.stores = {}"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL mercato.stores = {}"
_DECLARED = "(SELECT string_to_array(current_setting('mercato.stores', true), ','))::text[]"


class _WholeNumber(Loader):
    """Sums of 64-bit integers come as `numeric`."""

    def load(self, data: Any) -> int:
        return int(bytes(data))


class PostgresConnection:
    """One connection, made when it is first needed and made again when it was lost."""

    def __init__(
        self, conninfo: str, name: str, *, read_only: bool = False, roles: tuple[str, str] | None = None
    ) -> None:
        self._conninfo = conninfo
        self._name = name
        self._begin = _READ if read_only else _WRITE
        self._roles = roles
        self._raw: psycopg.Connection[Any] | None = None
        self._cursor: psycopg.Cursor[Any] | None = None
        self._declared: set[str] = set()
        self._total = 0

    # What the driver does, with its errors.

    def run(self, text: str, values: Values = ()) -> Any:
        cursor = self._open_cursor()
        cursor.execute(text, values)
        self._total += max(cursor.rowcount, 0)
        return cursor

    def run_across(self, text: str, values: Values = ()) -> Any:
        if self._roles is None:
            return self.run(text, values)
        app, across = self._roles
        cursor = self._open_cursor()
        assert self._raw is not None, "a cursor has its connection"
        with self._raw.pipeline(), self._raw.cursor() as switch:
            switch.execute(f'SET LOCAL ROLE "{across}"')
            cursor.execute(text, values)
            switch.execute(f'SET LOCAL ROLE "{app}"')
        self._total += max(cursor.rowcount, 0)
        return cursor

    def run_many(self, text: str, rows: Iterable[Values]) -> None:
        cursor = self._open_cursor()
        cursor.executemany(text, rows)
        self._total += max(cursor.rowcount, 0)

    def changes(self) -> int:
        return 0 if self._cursor is None else max(self._cursor.rowcount, 0)

    def total_changes(self) -> int:
        return self._total

    # What the runtime does, with its own faults.

    def begin(self, stores: Iterable[str] = (), /) -> None:
        self._declared = set(stores)
        text = self._begin.format(_quoted(",".join(self._declared)))
        try:
            if self._raw is not None and not self._is_idle():
                self.close()
            try:
                self._execute_plain(text)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self.close()  # it may have been lost since it was last used
                self._execute_plain(text)
        except psycopg.Error as error:
            raise self.translated(error) from error

    def declare(self, stores: Iterable[str], /) -> None:
        self._declared |= set(stores)
        self._execute_plain(f"SET LOCAL mercato.stores = {_quoted(','.join(self._declared))}")

    def rollback(self) -> None:
        if self._raw is None or self._raw.closed:
            return
        try:
            self._execute_plain("ROLLBACK")
        except psycopg.Error:
            self.close()  # the server ends the transaction of a connection that is gone

    def execute(self, text: str, values: Values = (), /) -> int:
        try:
            if values:
                self.run(text, values)
                return self.changes()
            changed = self._execute_plain(text)
        except psycopg.Error as error:
            raise self.translated(error) from error
        if text == "COMMIT" and self._cursor is not None and self._cursor.statusmessage != text:
            raise DatabaseFault(f"{self._name}: a transaction in which a statement had failed was rolled back")
        return changed

    def fetch(self, text: str, values: Values, limit: int, /) -> list[tuple[Any, ...]]:
        own = self._raw is None or self._raw.closed or self._is_idle()  # closed: lost in the middle of a question
        if own:
            self.begin()
        try:
            rows = list(islice(self.run_across(text, values), limit))
        except psycopg.Error as error:
            raise self.translated(error) from error
        finally:
            if own:
                self.rollback()
        return rows

    def translated(self, error: Exception) -> Exception:
        match error:
            case psycopg.IntegrityError():
                return ConstraintFault(f"{self._name}: {error}")
            case errors.SerializationFailure() | errors.DeadlockDetected() | errors.LockNotAvailable():
                return InTheWay(f"{self._name}: {error}")
            case psycopg.OperationalError() | psycopg.InterfaceError() | psycopg.InternalError():
                return DatabaseFault(f"{self._name}: {error}; see that the server runs and can be reached")
            case _:
                return error

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()
        self._raw = self._cursor = None

    def _is_idle(self) -> bool:
        return self._raw is not None and self._raw.info.transaction_status == TransactionStatus.IDLE

    def _execute_plain(self, text: str) -> int:
        """Statements without parameters: several in one message."""
        cursor = self._open_cursor()
        cursor.execute(text.encode())
        return max(cursor.rowcount, 0)

    def _open_cursor(self) -> "psycopg.Cursor[Any]":
        if self._cursor is None:
            raw = psycopg.connect(self._conninfo, autocommit=True)
            raw.adapters.register_dumper(int, Int8Dumper)
            raw.adapters.register_loader("numeric", _WholeNumber)
            if self._roles is not None:
                raw.execute(f'SET ROLE "{self._roles[0]}"'.encode())
            self._raw, self._cursor = raw, raw.cursor()
        return self._cursor


class PostgresDatabase:
    """The database of one service on a server. `owner` logs in where tables are made or changed."""

    dialect = "postgresql"
    shared = True
    commits_tables = False

    def __init__(self, address: Address, owner: Address | None = None) -> None:
        self.name = address.database
        self.compiled = CompiledStatements("postgresql")
        self._address = address
        self._owner = owner or address
        self._roles = (f"{self.name}_app", f"{self.name}_across")
        self.writer: Connection = self._connection()
        self._readers: list[Connection] = []

    def reader(self) -> Connection:
        connection = self._connection(read_only=True)
        self._readers.append(connection)
        return connection

    def across(self) -> PostgresConnection:
        across = self._roles[1]
        return PostgresConnection(_conninfo(self._address), self.name, roles=(across, across))

    def plain(self, *, owner: bool = False) -> PostgresConnection:
        return PostgresConnection(_conninfo(self._owner if owner else self._address), self.name)

    @contextmanager
    def migrating(self, tables: Iterable[Table]) -> Iterator[PostgresConnection]:
        self._make_database()
        connection = PostgresConnection(_conninfo(self._owner, "-c lock_timeout=30s"), self.name)
        try:
            connection.execute(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
            yield connection
            self._protect(connection, tables)
        finally:
            connection.close()

    def close(self) -> None:
        self.writer.close()
        for connection in self._readers:
            connection.close()

    def _connection(self, *, read_only: bool = False) -> PostgresConnection:
        return PostgresConnection(_conninfo(self._address), self.name, read_only=read_only, roles=self._roles)

    def _make_database(self) -> None:
        """Make the database where there is none yet, and its roles."""
        maintenance = PostgresConnection(_conninfo(self._owner.at("postgres")), "postgres")
        try:
            if not maintenance.fetch("SELECT 1 FROM pg_database WHERE datname = %s", (self.name,), 1):
                try:
                    maintenance.execute(f'CREATE DATABASE "{self.name}"')
                except ConstraintFault:
                    pass  # another process was faster
                except Exception as error:
                    if not isinstance(error, errors.DuplicateDatabase):
                        raise
            maintenance.execute(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
            for role in self._roles:
                if not maintenance.fetch("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,), 1):
                    maintenance.execute(f'CREATE ROLE "{role}" NOLOGIN')
            app, across = self._roles
            for login in {self._owner.user, self._address.user}:
                maintenance.execute(f'GRANT "{app}", "{across}" TO "{login}"')
        finally:
            maintenance.close()

    def _protect(self, connection: PostgresConnection, tables: Iterable[Table]) -> None:
        """Let the roles at the tables, and row-level security before all that belong to stores."""
        app, across = self._roles
        connection.execute(
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{app}", "{across}"'
        )
        protected = {name for (name,) in connection.fetch("SELECT tablename FROM pg_policies", (), 10_000)}
        for table in tables:
            if "store" in table.c and table.name not in protected:
                connection.begin()
                for statement in (
                    f'ALTER TABLE "{table.name}" ENABLE ROW LEVEL SECURITY',
                    f'ALTER TABLE "{table.name}" FORCE ROW LEVEL SECURITY',
                    f'CREATE POLICY own_stores ON "{table.name}" TO "{app}" USING (store = ANY ({_DECLARED}))',
                    f'CREATE POLICY all_stores ON "{table.name}" TO "{across}" USING (true)',
                    "COMMIT",
                ):
                    connection.execute(statement)


def _conninfo(address: Address, limits: str = _LIMITS) -> str:
    given: dict[str, Any] = {**_SESSION, "options": limits, **conninfo_to_dict(address.url)}
    return make_conninfo(**{**given, "dbname": address.database})


def _quoted(text: str) -> str:
    return sql.Literal(text).as_string(None)
