"""`python -m tools.check`: all checks run, whatever each of them finds."""

from pathlib import Path

import pytest

from tests.architecture.conftest import PROJECT
from tools.check import __main__ as command
from tools.check.findings import Finding


def passes(root: Path) -> list[Finding]:
    return []


def finds(root: Path) -> list[Finding]:
    return [Finding("a.py", 3, "what", "why", "remedy")]


def breaks(root: Path) -> list[Finding]:
    raise RuntimeError("the check is broken")


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "CHECKS", {"breaks": breaks, "finds": finds, "passes": passes})


def test_all_run_and_the_summary_names_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 1
    said = capsys.readouterr().out
    assert "  a.py:3: what, why, remedy\n" in said
    assert "the check is broken" in said
    assert said.endswith("\n1 checks passed, 2 failed: breaks 1, finds 1\n")


def test_only_the_named_ones_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["passes"]) == 0
    assert capsys.readouterr().out.endswith("\n1 checks passed, 0 failed\n")


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["passes", "nothing"]) == 2
    assert "no check is called nothing; there are breaks, finds, passes" in capsys.readouterr().out


def test_every_check_has_a_test_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    tested = {path.stem.removeprefix("test_") for path in (PROJECT / "tests/architecture").glob("test_*.py")}
    assert set(command.CHECKS) <= tested
