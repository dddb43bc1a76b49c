"""`mypy --strict` finds nothing."""

import re
from pathlib import Path

from tools.check.findings import Finding
from tools.check.programs import run_python, with_failure
from tools.check.sources import places

_ERROR = re.compile(r"(?P<path>[^:]+):(?P<line>\d+): error: (?P<message>.*?)(  \[(?P<code>[\w-]+)\])?")


def check(root: Path) -> list[Finding]:
    options = ("--strict", "--no-pretty", "--no-error-summary", "--hide-error-context")
    outcome = run_python(root, "-m", "mypy", *options, *places(root))
    matches = (_ERROR.fullmatch(line) for line in outcome.output.splitlines())
    findings = [_finding(match) for match in matches if match]
    return with_failure("mypy", outcome, findings)


def _finding(match: re.Match[str]) -> Finding:
    return Finding(
        match["path"],
        int(match["line"]),
        match["message"],
        f"mypy --strict ({match['code']})",
        "make the types say what the code does",
    )
