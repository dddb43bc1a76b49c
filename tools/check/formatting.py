"""Every file has the form that `ruff format` gives it."""

import json
from pathlib import Path

from tools.check.findings import Finding
from tools.check.programs import run_python, with_failure


def check(root: Path) -> list[Finding]:
    outcome = run_python(root, "-m", "ruff", "format", "--check", "--quiet", "--output-format", "json", ".")
    findings = [_finding(root, item) for item in json.loads(outcome.output)] if outcome.output[:1] == "[" else []
    return with_failure("ruff format", outcome, findings)


def _finding(root: Path, item: dict[str, str]) -> Finding:
    return Finding(
        Path(item["filename"]).relative_to(root).as_posix(),
        0,
        "not formatted",
        "one form for all keeps differences about meaning",
        "run `.venv/bin/ruff format`",
    )
