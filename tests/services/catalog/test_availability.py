"""Availability is copied from events that may come late: what is newer stays."""

from collections.abc import Iterator
from typing import cast

import apsw
import pytest

from mercato.runtime.database.statements import DIALECTS
from mercato.runtime.migrate import known_migrations
from mercato.runtime.service import Service
from mercato.services.catalog import storage

KEY = {"store": "sto_one", "variant_id": "var_one", "location_id": "loc_one"}


@pytest.fixture
def database() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    for migration in known_migrations(Service("catalog", "mercato.services.catalog", storage.metadata)):
        for statement in migration.statements("sqlite"):
            connection.execute(statement)
    yield connection
    connection.close()


def save(database: apsw.Connection, available: int, version: int) -> int:
    """Copy a figure; what is stored then."""
    compiled = storage.SAVE_AVAILABILITY.compile("sqlite")
    values = compiled.values({**KEY, "available": available, "version": version, **compiled.constants})
    database.execute(compiled.sql, values)
    ((stored,),) = database.execute("SELECT available FROM availability").fetchall()
    return cast(int, stored)


def test_a_later_figure_replaces_an_earlier_one(database: apsw.Connection) -> None:
    assert save(database, 5, 1) == 5
    assert save(database, 3, 2) == 3


def test_a_figure_that_comes_late_changes_nothing(database: apsw.Connection) -> None:
    """As that of an event which was parked while other orders went on."""
    assert save(database, 3, 2) == 3
    assert save(database, 5, 1) == 3
    assert save(database, 4, 2) == 3
    assert save(database, 2, 3) == 2


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_engine_compares_the_versions(dialect: str) -> None:
    assert "CASE WHEN" in storage.SAVE_AVAILABILITY.compile(dialect).sql
