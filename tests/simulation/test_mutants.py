"""Every planted bug is found, each by one of a few seeds."""

from collections import Counter

import pytest

from mercato.apps.simulate.mutants.table import MUTANTS
from mercato.apps.simulate.seeds import Task, Workshop

WITHIN = 12  # seeds
# Where a mutant that no earlier seed finds begins, so that the tests stay quick.
FIRST = Counter(
    gateway_key_for_each_try=3,
    timeout_is_failure=3,
    redo_keeps_half=8,
    erased_person_remembered=13,
    parked_overtaken=24,
)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_planted_bug_is_found(workshop: Workshop, mutant: str) -> None:
    seeds = range(FIRST[mutant], FIRST[mutant] + WITHIN)
    assert any(workshop.run(Task(seed, mutant=mutant)).outcome.finding for seed in seeds)


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= 20


def test_a_mutant_leaves_nothing_behind(workshop: Workshop) -> None:
    before = workshop.run(Task(0)).outcome.digest
    workshop.run(Task(0, mutant="stale_reply"))
    assert workshop.run(Task(0)).outcome.digest == before
