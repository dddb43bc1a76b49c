"""The fixture `engine`, in a run of its own: what is absent is skipped, and told at the end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.engines import state

ROOT = Path(__file__).parents[1]

TESTS = """
def test_rare(engine):
    engine("rare")

def test_tool(engine):
    assert engine("tool").program == "a path"

def test_nothing(engine):
    engine("nothing")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A temporary folder of the system with the engines of the default folder."""
    folder = tmp_path / "mercato-engines"
    folder.mkdir()
    rows = {"rare": state.Row(reason="nobody makes it"), "other": state.Row(reason="no room for it")}
    state.write(folder, {**rows, "tool": state.Row(program="a path")})
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Exit code, and the last lines of what pytest printed."""
    (folder / "test_some.py").write_text(TESTS)
    options = ["-p", "tests.engines", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder)]
    done = subprocess.run(  # noqa: S603 - pytest itself
        [sys.executable, "-m", "pytest", "-q", *options, *arguments, "test_some.py"],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, [line for line in done.stdout.splitlines() if line]


def test_what_is_absent_is_skipped_and_told_at_the_end(folder: Path) -> None:
    code, lines = run(folder)
    assert code == 0
    assert "engines that could not be had" in lines[1]
    assert lines[2:] == [
        "nothing: it is not up: python -m tools.engines up nothing",
        "rare: nobody makes it",
        "1 passed, 2 skipped in " + lines[-1].rpartition(" in ")[2],
    ]


@pytest.mark.parametrize(
    ("engines", "told"), [("", ["other", "rare"]), ("other", ["other"]), ("tool", []), ("rare,tool", ["rare"])]
)
def test_a_run_tells_of_the_engines_that_it_asked_for(folder: Path, engines: str, told: list[str]) -> None:
    code, lines = run(folder, f"--engines={engines}", "-k", "tool")
    assert code == 0
    assert [line.split(":")[0] for line in lines if line.endswith(("nobody makes it", "no room for it"))] == told


def test_a_run_that_asked_for_none_tells_nothing(folder: Path) -> None:
    assert len(run(folder, "-k", "tool")[1]) == 2
