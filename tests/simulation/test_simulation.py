"""Whole simulations: clean where nothing is planted, the same from the same seed, wherever they are killed."""

import pytest

from mercato.apps.simulate.seeds import Task, Workshop, digest_of, run_all
from mercato.apps.simulate.world import CrashPoint

SEEDS = 30


def test_seeds_are_clean() -> None:
    reports = list(run_all((Task(seed) for seed in range(SEEDS)), jobs=2))
    assert [
        f"seed {report.outcome.seed}: {report.outcome.finding}" for report in reports if report.outcome.finding
    ] == []
    assert sum(report.outcome.crashes for report in reports) > SEEDS
    assert sum(report.outcome.paid for report in reports) > SEEDS


def test_the_same_seed_is_the_same_story_in_another_process_too() -> None:
    first, second = (list(run_all([Task(3, twice=True, told=True)], jobs=1)) for _ in range(2))
    assert first[0].outcome.finding is None
    assert first[0].story == second[0].story
    assert digest_of([first[0].outcome]) == digest_of([second[0].outcome])
    assert len(first[0].story) > 100


def test_a_story_does_not_say_where_its_files_are() -> None:
    """They are in another folder at each run. A start that fails tells of a file; which seed has one changes with
    every statement that is added, so it is looked for."""
    told = run_all((Task(seed, told=True) for seed in range(100)), jobs=1)
    first = next(report for report in told if any("cannot start" in line for line in report.story))
    second = next(iter(run_all([Task(first.outcome.seed, told=True)], jobs=1)))
    assert first.outcome.digest == second.outcome.digest


def test_other_seeds_are_other_stories(workshop: Workshop) -> None:
    assert workshop.run(Task(1)).outcome.digest != workshop.run(Task(2)).outcome.digest


@pytest.mark.parametrize(
    "point", [CrashPoint("orders: before commit", 5), CrashPoint("orders: after commit", 5), CrashPoint("step", 700)]
)
def test_a_process_is_killed_where_it_is_told_to(workshop: Workshop, point: CrashPoint) -> None:
    report = workshop.run(Task(2, told=True, crash_at=point))
    assert report.outcome.finding is None
    assert report.outcome.crashes > workshop.run(Task(2)).outcome.crashes
