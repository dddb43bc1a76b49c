"""Tables whose rows a process keeps in memory: read once, changed in memory first, written in groups."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Table, bindparam, delete, select, update

from mercato.runtime.database.statements import Statement, any_of, fetch, insert_into, upsert, write

Record = TypeVar("Record", bound=msgspec.Struct)


class Kept(Generic[Record]):
    """The rows of a table, kept together by the first column of its key: all stock of a variant, one order.

    `record` has a field for each column but `store`, in their order. `changing` are the columns that a change writes;
    it is refused where `guard`, a version or a state, is no longer what it was. All writes go through the
    transaction's `add`, `add_first`, `change`, `put` and `remove`, or memory would be wrong. A transaction locks what
    it reads, where the engine has other writers.
    """

    def __init__(
        self,
        table: Table,
        record: type[Record],
        *,
        changing: Iterable[str] = (),
        guard: str = "",
    ) -> None:
        key = [column for column in table.primary_key if column.name != "store"]
        same_store, same_id = table.c.store == bindparam("store"), key[0] == bindparam("of")
        one = (same_store, *(column == bindparam(column.name) for column in key))
        self.name = table.name
        self.key = tuple(column.name for column in key)
        self.id_of = attrgetter(key[0].name)
        self.key_of = attrgetter(*self.key)
        self.alone = len(key) == 1
        self.guard_of = attrgetter(guard) if guard else None
        row = (*record.__struct_fields__, "store")
        found = select(*(c for c in table.c if c.name != "store")).order_by(*key)
        self.find = fetch(record, found.where(same_store, same_id))
        self.lock = fetch(record, found.where(same_store, same_id).with_for_update())
        several = found.where(same_store, any_of(key[0], "ids"))
        self.find_several = fetch(record, several)
        self.lock_several = fetch(record, several.with_for_update())
        self.add = insert_into(table, layout=row)
        self.put = upsert(table, update=[c.name for c in table.c if not c.primary_key], layout=row)
        self.remove = write(delete(table).where(*one))
        self.change: Statement[None] | None = None
        changes: dict[str, Any] = {name: bindparam(name) for name in changing}
        if changes:
            unchanged = table.c[guard] == bindparam("known")
            self.change = write(update(table).where(*one, unchanged).values(changes), layout=(*row, "known"))
        table.info["kept"] = tuple(self.statements.values())

    def in_order(self, *rows: Record) -> tuple[Record, ...]:
        return rows if len(rows) == 1 else tuple(sorted(rows, key=self.key_of))

    @property
    def statements(self) -> dict[str, Statement[Any]]:
        """Its statements by what they do."""
        made: dict[str, Statement[Any] | None] = {
            "find": self.find,
            "lock": self.lock,
            "find_several": self.find_several,
            "lock_several": self.lock_several,
            "add": self.add,
            "put": self.put,
            "remove": self.remove,
            "change": self.change,
        }
        return {name: statement for name, statement in made.items() if statement is not None}
