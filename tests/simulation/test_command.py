"""The command: one line for each seed that fails, exit codes, and planted bugs by name."""

import pytest

from mercato.apps.command_line import main
from mercato.apps.commands import simulate
from mercato.apps.simulate.findings import Finding
from mercato.apps.simulate.mutants.table import MUTANTS
from mercato.apps.simulate.seeds import Report
from mercato.apps.simulate.world import Outcome

FAILED = Outcome(7, Finding("I1", "sto_one var_one", "2 came, 3 are there"), "d1", 60.0, 2, 10, 5, {"sold_out": 3})
CLEAN = Outcome(8, None, "d2", 30.0, 1, 20, 15, {"sold_out": 1, "200": 90})


def test_a_seed_that_fails_is_one_line_with_the_way_to_replay_it(capsys: pytest.CaptureFixture[str]) -> None:
    simulate._tell(Report("", FAILED))
    line = "seed 7: I1 sto_one var_one: 2 came, 3 are there; replay: mercato simulate --seed 7 -v\n"
    assert capsys.readouterr().out == line


def test_the_last_line_sums_up(capsys: pytest.CaptureFixture[str]) -> None:
    simulate._sum_up([CLEAN, FAILED], 4.0)
    line = capsys.readouterr().out
    assert line.startswith("2 seeds in 4 s, 1 failed; trace ")
    assert line.endswith("3 crashes, 30 orders, 20 paid; refusals: sold_out 4\n")


def test_failing_seeds_make_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    for outcomes, code in (([CLEAN], 0), ([CLEAN, FAILED], 1)):
        reports = [Report("", outcome) for outcome in outcomes]
        monkeypatch.setattr(simulate, "run_all", lambda _tasks, _jobs, reports=reports: iter(reports))
        assert main(["simulate", "--seeds", "2"]) == code


def test_a_planted_bug_that_lives_makes_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    for outcomes, code in (([CLEAN], 1), ([CLEAN, FAILED], 0)):
        reports = [Report("stale_reply", outcome) for outcome in outcomes]
        monkeypatch.setattr(simulate, "run_all", lambda _tasks, _jobs, reports=reports: iter(reports))
        assert main(["simulate", "--mutant", "stale_reply"]) == code


def test_planted_bugs_are_listed_with_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--mutant", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(MUTANTS)
    assert all(len(line.split()) > 4 for line in lines)


def test_one_seed_is_told_as_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--seed", "3", "-v"]) == 0
    story = capsys.readouterr().out.splitlines()
    assert "weather" in story[0]
    assert any(" commits " in line for line in story)
    assert story[-1].startswith("1 seeds in ")
