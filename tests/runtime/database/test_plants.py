"""The suite of the relational port sees what it is for: it fails where a bug is planted."""

from collections.abc import Iterator

import pytest

from tests.runtime import plants
from tests.runtime.database import samples, test_relational
from tests.runtime.database.test_relational import Session
from tests.runtime.ground import Ground


@pytest.fixture
def session(ground: Ground) -> Iterator[Session]:
    made = Session(ground.made(samples.service()))
    yield made
    made.writer.rollback()


def test_a_store_that_is_left_out_is_found_on_every_engine(session: Session) -> None:
    with plants.store_left_out(), pytest.raises(AssertionError):
        test_relational.test_rows_of_other_stores_are_out_of_reach(session)
    session.writer.rollback()
    assert session.things() != session.things(test_relational.OTHER)
