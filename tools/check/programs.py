"""Starts the programs that some checks consist of."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tools.check.findings import Finding


class Outcome(NamedTuple):
    code: int
    output: str


def run_python(root: Path, *arguments: str) -> Outcome:
    """Run this Python with the arguments in `root`; `output` is what it printed, errors after the rest."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "1000", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout + done.stderr)


def with_failure(program: str, outcome: Outcome, findings: list[Finding]) -> list[Finding]:
    """The findings; or, when the program failed without any, one that shows what it said."""
    if findings or outcome.code == 0:
        return findings
    said = " / ".join(outcome.output.strip().splitlines()[-5:]) or "nothing"
    what = f"{program} ended with code {outcome.code} and said: {said}"
    return [Finding(".", 0, what, "a check that could not run has found nothing out", f"make {program} run")]
