"""The check of statements, with a planted violation for each of its rules."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import Column, MetaData, Table, bindparam, delete, select, update

from mercato.runtime.database.across_stores import ACROSS_STORES
from mercato.runtime.database.columns import Integer, identity, required, store
from mercato.runtime.database.statements import DIALECTS, Statement, StatementError, fetch, upsert, write
from tools.check import statements as check
from tools.check.project import statements

metadata = MetaData()
things = Table("things", metadata, identity(), store(), required("amount", Integer), sqlite_with_rowid=False)
others = Table("others", metadata, identity(), store(), required("thing_id", Integer), sqlite_with_rowid=False)
rootless = Table("rootless", metadata, Column("name", Integer, primary_key=True))


class Amount(msgspec.Struct, frozen=True):
    amount: int


FORGOTTEN: dict[str, Statement[Any]] = {
    "select": fetch(Amount, select(things.c.amount).where(things.c.id == bindparam("id"))),
    "update": write(update(things).where(things.c.id == bindparam("id")).values(amount=0)),
    "delete": write(delete(things).where(things.c.id == bindparam("id"))),
    "join": fetch(
        Amount,
        select(things.c.amount)
        .select_from(things.join(others, others.c.thing_id == things.c.id))
        .where(things.c.store == bindparam("store")),
    ),
    "other value": fetch(Amount, select(things.c.amount).where(things.c.store == "sto_a")),
    "no store column": write(delete(rootless)),
}


@pytest.mark.parametrize("name", FORGOTTEN)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_statement_that_forgets_the_store_does_not_compile(name: str, dialect: str) -> None:
    with pytest.raises(StatementError, match="does not name the store"):
        FORGOTTEN[name].compile(dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_statement_that_names_the_store_compiles(dialect: str) -> None:
    mine = things.c.store == bindparam("store")
    assert "things" in fetch(Amount, select(things.c.amount).where(mine)).compile(dialect).sql
    assert "others" in (
        fetch(
            Amount,
            select(things.c.amount).select_from(things.join(others, others.c.store == things.c.store)).where(mine),
        )
        .compile(dialect)
        .sql
    )
    assert "things" in upsert(things, update=("amount",)).compile(dialect).sql


def test_columns_that_are_not_the_fields_of_the_record_do_not_compile() -> None:
    wrong = fetch(Amount, select(things.c.id).where(things.c.store == bindparam("store")))
    with pytest.raises(StatementError, match="make them equal"):
        wrong.compile("sqlite")


def test_a_column_that_is_read_after_it_was_assigned_does_not_compile() -> None:
    """MySQL assigns one column after the other, in the order of the table where no other is given."""
    one = update(others).where(others.c.store == bindparam("store"), others.c.id == bindparam("id"))
    swapped = one.values(thing_id=others.c.id, id=bindparam("to"))
    with pytest.raises(StatementError, match="assigns id before it is read for thing_id"):
        write(swapped).compile("mysql")
    in_order = one.ordered_values((others.c.thing_id, others.c.id), (others.c.id, bindparam("to")))
    assert "thing_id=others.id" in write(in_order).compile("mysql").sql
    assert "thing_id + " in write(one.values(thing_id=others.c.thing_id + 1)).compile("mysql").sql


def test_a_write_with_a_condition_of_its_own_must_not_wait() -> None:
    mine = (things.c.store == bindparam("store"), things.c.id == bindparam("id"))
    assert write(update(things).where(*mine).values(amount=1)).unconditional
    assert not write(update(things).where(*mine, things.c.amount > 0).values(amount=1)).unconditional
    assert not write(delete(things).where(things.c.store == bindparam("store"))).unconditional


def test_crossing_statements_and_their_list_are_the_same() -> None:
    crossing = {name for name, statement in statements().items() if statement.across_stores}
    assert crossing == set(ACROSS_STORES)
    assert all(ACROSS_STORES.values())


def test_a_crossing_statement_without_a_reason_is_found() -> None:
    planted: dict[str, Statement[Any]] = {
        **statements(),
        "services.orders.storage.PLANTED": write(delete(things), across_stores=True),
    }
    found = [finding.what for finding in check._unlisted(planted)]
    assert found == ["services.orders.storage.PLANTED"]


@pytest.mark.parametrize(
    ("plan", "slow"),
    [
        ("SCAN orders", True),
        ("SEARCH orders USING PRIMARY KEY (store=?)", True),
        ("SEARCH orders USING PRIMARY KEY (id=? AND store=?)", False),
        ("SCAN json_each VIRTUAL TABLE INDEX 1:", False),
    ],
)
def test_a_plan_that_reads_all_rows_is_found(plan: str, slow: bool) -> None:
    assert check._is_slow(plan) is slow
