"""Statements: declared once in SQLAlchemy Core, compiled once for each dialect, executed by the raw driver.

`fetch` declares a question with the record its rows become, `write` a change. Every parameter has a name, and
`store` is always filled by the transaction itself, never by a handler. A statement that reads or writes a table with
a `store` column must name the store for it, or it fails when it is compiled; the few that cross stores are declared
with `across_stores=True` and stand, with their reasons, in across_stores.py.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from operator import itemgetter
from typing import Any, Generic, TypeVar, cast

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    case,
    insert,
    or_,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BinaryExpression, BindParameter
from sqlalchemy.sql.operators import eq
from sqlalchemy.sql.visitors import iterate

Row = TypeVar("Row")

DIALECTS = ("sqlite", "postgresql", "mysql")

_KEY_IN_JSON = "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_VALUES = re.compile(r"VALUES (\((?:\?|%s)(?:, (?:\?|%s))*\))")


class StatementError(Exception):
    """A statement breaks a rule of the house; the text says which statement, which rule and what to do."""


class Compiled(msgspec.Struct, frozen=True):
    """A statement for one dialect, with what a transaction must know of it.

    `values` makes what the driver takes out of the parameters by name, `row` out of a tuple of them in the order of the
    statement's `layout`. `several` is the text for so many rows at once, where it inserts. `constants` are the
    parameters that the declaration itself fixes; `key_of` takes the values of the primary key out of the parameters,
    where the statement is about the one row with that key. `across`: it is about rows of several stores.
    """

    sql: str
    values: Callable[[dict[str, Any]], Any]
    row: Callable[[tuple[Any, ...]], Any]
    several: Callable[[int], str] | None
    constants: dict[str, Any]
    record: Any
    tables: frozenset[str]
    across: bool
    table: str
    key_of: Callable[[dict[str, Any]], Any] | None
    unconditional: bool


class Statement(Generic[Row]):
    """One declared statement. `record` is what a row becomes, None for a change. `layout` names all parameters in the
    order of a tuple, where they may be given so: a record's fields and what is added to them."""

    def __init__(self, core: Any, record: type[Row] | None, across_stores: bool, layout: tuple[str, ...] = ()) -> None:
        self.core = core
        self.record = record
        self.across_stores = across_stores
        self.layout = layout
        self._compiled: dict[str, Compiled] = {}

    @cached_property
    def tables(self) -> frozenset[str]:
        """Names of all tables that are read or written."""
        return frozenset(table.name for table in _tables_of(self.core))

    @cached_property
    def key(self) -> tuple[str, ...] | None:
        """The parameters that name the one row of the one table it is about; None: it may be about others too."""
        core = self.core
        if len(self.tables) != 1:
            return None
        (table,) = _tables_of(core)
        columns = [column.name for column in table.primary_key]
        if isinstance(core, Insert | Upsert):
            return tuple(columns)
        criteria = [clause for clause in core._where_criteria if _is_equality(clause)]
        named = {clause.left.name: clause.right.key for clause in criteria}
        return tuple(named[name] for name in columns) if set(columns) <= named.keys() else None

    @cached_property
    def unconditional(self) -> bool:
        """Whether the change may wait and be grouped: it asks for nothing but rows by their whole primary key."""
        core = self.core
        if isinstance(core, Insert | Upsert):
            return True
        if not isinstance(core, Update | Delete):
            return False
        keys = {column.name for column in cast(Table, core.table).primary_key}
        compared = set()
        for clause in core._where_criteria:
            if not _is_equality(clause):
                return False
            compared.add(clause.left.name)
        return compared == keys

    def compile(self, dialect: str) -> Compiled:
        """The SQL of this statement, made once for all databases. Raises StatementError where it breaks a rule."""
        if dialect not in self._compiled:
            self._compiled[dialect] = self._compile(dialect)
        return self._compiled[dialect]

    def _compile(self, dialect: str) -> Compiled:
        self._check_store()
        self._check_record()
        self._check_kept()
        self._check_order()
        core = self.core.for_dialect(dialect) if isinstance(self.core, Upsert) else self.core
        compiled = core.compile(dialect=dialect_of(dialect))
        fixed = [name for bind, name in compiled.bind_names.items() if not bind.required]
        return Compiled(
            sql=str(compiled),
            values=_by_position(compiled.positiontup),
            row=_of_row(self.layout, compiled.positiontup),
            several=_several(str(compiled)) if isinstance(core, Insert) and self._takes_several(dialect) else None,
            constants={name: compiled.params[name] for name in fixed},
            record=self.record,
            tables=self.tables,
            across=self.across_stores and any("store" in table.c for table in _tables_of(self.core)),
            table=_written(self.core),
            key_of=itemgetter(*self.key) if self.key else None,
            unconditional=self.unconditional,
        )

    def _takes_several(self, dialect: str) -> bool:
        """PostgreSQL refuses to overwrite one row twice by one statement, and rows that wait may have one key."""
        return not (dialect == "postgresql" and isinstance(self.core, Upsert) and self.core.overwrites)

    def _check_order(self) -> None:
        """MySQL assigns one column after the other: what is read of a row must not have been assigned before."""
        if not isinstance(self.core, Update):
            return
        table = cast(Table, self.core.table)
        given: dict[str, Any] = {
            str(getattr(column, "name", column)): value for column, value in (self.core._values or {}).items()
        }
        ordered = self.core._maintain_values_ordering
        assigned: set[str] = set()
        for name in given if ordered else [column.name for column in table.c if column.name in given]:
            read = {each.name for each in iterate(given[name]) if isinstance(each, Column) and each.table is table}
            if late := assigned & read:
                raise StatementError(
                    f"{self.core}\nassigns {', '.join(sorted(late))} before it is read for {name}: MySQL would read "
                    f"what was assigned. Use `ordered_values` with {name} first"
                )
            assigned.add(name)

    def _check_store(self) -> None:
        owned = [table for table in _tables_of(self.core) if "store" in table.c]
        if self.across_stores:
            return
        unowned = [table.name for table in _tables_of(self.core) if "store" not in table.c]
        missing = [table.name for table in owned if not _names_store(self.core, table)]
        if missing or unowned:
            raise StatementError(
                f"{self.core}\ndoes not name the store for {', '.join(missing + unowned)}: add "
                "`table.c.store == bindparam('store')`, or declare it across_stores and give the reason in "
                "runtime/database/across_stores.py"
            )

    def _check_kept(self) -> None:
        if isinstance(self.core, Select):
            return
        own = self.core.table.info.get("kept")
        if own is not None and self not in own:
            raise StatementError(
                f"{self.core}\nwrites a table whose rows are kept in memory: use the transaction's `add`, `add_first`, "
                "`change`, `put` or `remove`"
            )

    def _check_record(self) -> None:
        if self.record is None or not isinstance(self.core, Select):
            return
        columns = tuple(column.key for column in self.core.selected_columns)
        fields = tuple(field.name for field in msgspec.structs.fields(cast(Any, self.record)))
        if columns != fields:
            raise StatementError(
                f"{self.record.__name__} has the fields {fields}, its statement selects {columns}: make them equal"
            )


class Upsert:
    """Insert a row or, where its primary key is there already, overwrite `update` and add to `increase`.

    With `newer`, the column of a version, a row is overwritten only by one with a higher version.
    """

    def __init__(self, table: Table, update: Iterable[str], increase: Iterable[str], newer: str) -> None:
        self.table = table
        self._update = tuple(update)
        self._increase = tuple(increase)
        self._newer = newer

    @property
    def overwrites(self) -> bool:
        """Whether it changes a row that is there."""
        return bool(self._update or self._increase)

    def for_dialect(self, dialect: str) -> Insert:
        values: dict[str, Any] = {column.name: bindparam(column.name) for column in self.table.c}
        change = _module_of(dialect).insert(self.table).values(values)
        if dialect == "mysql":
            changes = list(self._changes(change.inserted).items())  # a list keeps its order, a dict the table's
            return cast(Insert, change.on_duplicate_key_update(changes))
        keys = [column.name for column in self.table.primary_key]
        if not self.overwrites:
            return cast(Insert, change.on_conflict_do_nothing(index_elements=keys))
        return cast(Insert, change.on_conflict_do_update(index_elements=keys, set_=self._changes(change.excluded)))

    def _changes(self, given: Any) -> dict[str, Any]:
        changes: dict[str, Any] = {name: given[name] for name in self._update}
        if self._newer:  # the version last: MySQL assigns one column after the other
            kept, version = self.table.c, self._newer
            is_newer = given[version] > kept[version]
            changes = {name: case((is_newer, given[name]), else_=kept[name]) for name in (*self._update, version)}
        changes.update({name: self.table.c[name] + given[name] for name in self._increase})
        if not changes:  # MySQL has no DO NOTHING; a key set to itself changes nothing
            first = next(iter(self.table.primary_key)).name
            changes[first] = self.table.c[first]
        return changes


class _AnyOf(ColumnElement[bool]):
    """`column` is one of the texts in a JSON array parameter: the same one parameter on all engines."""

    inherit_cache = False

    def __init__(self, column: Column[Any], parameter: str) -> None:
        self.column = column
        self.parameter: BindParameter[Any] = bindparam(parameter)

    def get_children(self, **_: Any) -> Sequence[Any]:
        return (self.column, self.parameter)


@compiles(_AnyOf)
def _any_of(element: _AnyOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.parameter, **kw)
    match compiler.dialect.name:
        case "sqlite":
            return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - parts of a compiled statement
        case "postgresql":
            return f"{column} = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST({values} AS jsonb))))"
        case _:
            table = f"JSON_TABLE({values}, '$[*]' COLUMNS (value {_KEY_IN_JSON} PATH '$')) AS given"
            return f"{column} IN (SELECT given.value FROM {table})"  # noqa: S608 - as above


class _AnyPair(ColumnElement[bool]):
    """Two columns are one of the pairs of texts in a JSON array of arrays."""

    inherit_cache = False

    def __init__(self, first: Column[Any], second: Column[Any], parameter: str) -> None:
        self.columns = (first, second)
        self.parameter: BindParameter[Any] = bindparam(parameter)

    def get_children(self, **_: Any) -> Sequence[Any]:
        return (*self.columns, self.parameter)


@compiles(_AnyPair)
def _any_pair(element: _AnyPair, compiler: SQLCompiler, **kw: Any) -> str:
    first, second = (compiler.process(column, **kw) for column in element.columns)
    values = compiler.process(element.parameter, **kw)
    match compiler.dialect.name:
        case "sqlite":
            pairs = f"SELECT value->>0, value->>1 FROM json_each({values})"  # noqa: S608 - as above
        case "postgresql":
            pairs = f"SELECT pair->>0, pair->>1 FROM jsonb_array_elements(CAST({values} AS jsonb)) AS pair"  # noqa: S608
        case _:
            columns = f"COLUMNS (one {_KEY_IN_JSON} PATH '$[0]', two {_KEY_IN_JSON} PATH '$[1]')"
            pairs = f"SELECT given.one, given.two FROM JSON_TABLE({values}, '$[*]' {columns}) AS given"  # noqa: S608
    return f"({first}, {second}) IN ({pairs})"


def fetch(record: type[Row], core: Select[Any], *, across_stores: bool = False) -> Statement[Row]:
    """A question; each row becomes `record(*row)`, so the columns stand in the order of its fields."""
    return Statement(core, record, across_stores)


def write(
    core: Insert | Update | Delete, *, across_stores: bool = False, layout: tuple[str, ...] = ()
) -> Statement[None]:
    """A change with conditions of its own; `insert_into` and `upsert` are the short forms for whole rows."""
    return Statement(core, None, across_stores, layout)


def insert_into(table: Table, *, across_stores: bool = False, layout: tuple[str, ...] = ()) -> Statement[None]:
    """Insert a row: one parameter for each column."""
    return Statement(insert(table).values({c.name: bindparam(c.name) for c in table.c}), None, across_stores, layout)


def upsert(
    table: Table,
    *,
    update: Iterable[str] = (),
    increase: Iterable[str] = (),
    newer: str = "",
    across_stores: bool = False,
    layout: tuple[str, ...] = (),
) -> Statement[None]:
    """Insert a row, or overwrite `update` and add to `increase` in the row that has its key.

    `newer` names a version: a row with the same or a higher one stays as it is, whatever comes late.
    """
    return Statement(Upsert(table, update, increase, newer), None, across_stores, layout)


def any_of(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """`column` is one of the texts of a JSON array, given as the parameter of this name (see `as_list`)."""
    return _AnyOf(column, parameter)


def any_pair(first: Column[Any], second: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Both columns together are one of the pairs of a JSON array of arrays, given as this parameter (see `as_list`)."""
    return _AnyPair(first, second, parameter)


def as_list(values: Iterable[str] | Iterable[tuple[str, str]]) -> str:
    """The parameter of `any_of` or `any_pair`."""
    return msgspec.json.encode(tuple(values)).decode()


def one_of(column: Column[Any], *values: str) -> ColumnElement[bool]:
    """`column` is one of these constants."""
    return or_(*(column == value for value in values))


def claim(core: Select[Any]) -> Select[Any]:
    """Lock the rows found and pass over those that others hold (SQLite has one writer and needs no lock)."""
    return core.with_for_update(skip_locked=True)


def _by_position(names: Sequence[str] | None) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """Takes the values of these parameters, in this order."""
    match tuple(names or ()):
        case ():
            return lambda _parameters: ()
        case (name,):
            return lambda parameters: (parameters[name],)
        case several:
            return itemgetter(*several)


def _several(sql: str) -> Callable[[int], str]:
    """The text of an insertion, its list of values as often as there are rows."""
    (values,) = _VALUES.findall(sql)

    @cache
    def text(rows: int) -> str:
        return sql.replace(f"VALUES {values}", "VALUES " + ", ".join([values] * rows))

    return text


def _of_row(layout: tuple[str, ...], positions: Sequence[str] | None) -> Callable[[tuple[Any, ...]], Any]:
    """Makes what the driver takes out of a tuple in this layout."""
    if not layout:
        return tuple
    return cast(Callable[[tuple[Any, ...]], Any], itemgetter(*map(layout.index, positions or ())))


@cache
def dialect_of(name: str) -> Dialect:
    """The dialect with this name, one of DIALECTS; parameters are given by position."""
    dialect = _module_of(name).dialect(paramstyle="qmark" if name == "sqlite" else "format")
    dialect._bind_typing_render_casts = False  # a parameter has the type of what it is compared with
    return cast(Dialect, dialect)


def _module_of(dialect: str) -> Any:
    if dialect == "sqlite":
        return sqlite
    from sqlalchemy.dialects import mysql, postgresql

    return mysql if dialect == "mysql" else postgresql


def _tables_of(core: Any) -> list[Table]:
    if isinstance(core, Upsert):
        return [core.table]
    found = {element.name: element for element in iterate(core) if isinstance(element, Table)}
    if isinstance(core, Insert | Update | Delete):
        table = cast(Table, core.table)
        found[table.name] = table
    return list(found.values())


def _written(core: Any) -> str:
    """The table that a change writes; "" for a question."""
    return "" if isinstance(core, Select) else str(core.table.name)


def _is_equality(clause: Any) -> bool:
    return (
        isinstance(clause, BinaryExpression)
        and clause.operator is eq
        and isinstance(clause.left, Column)
        and isinstance(clause.right, BindParameter)
    )


def _names_store(core: Any, table: Table) -> bool:
    """Whether rows of `table` are bound to one store: by a parameter, or by a join with a table that is."""
    if isinstance(core, Insert | Upsert):
        return True  # every column is a parameter, and the transaction fills `store`
    for element in iterate(core):
        if isinstance(element, BinaryExpression) and element.operator is eq:
            sides = (element.left, element.right)
            if any(side is table.c.store for side in sides) and any(
                (isinstance(side, BindParameter) and side.key == "store")
                or (isinstance(side, Column) and side.name == "store" and side.table is not table)
                for side in sides
            ):
                return True
    return False
