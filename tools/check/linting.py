"""`ruff check` finds nothing. Its rules, and the exceptions with their reasons, are in pyproject.toml."""

import json
from pathlib import Path
from typing import Any

from tools.check.findings import Finding
from tools.check.programs import run_python, with_failure


def check(root: Path) -> list[Finding]:
    outcome = run_python(root, "-m", "ruff", "check", "--quiet", "--output-format", "json", ".")
    findings = [_finding(root, item) for item in json.loads(outcome.output)] if outcome.output[:1] == "[" else []
    return with_failure("ruff check", outcome, findings)


def _finding(root: Path, item: dict[str, Any]) -> Finding:
    return Finding(
        Path(item["filename"]).relative_to(root).as_posix(),
        item["location"]["row"],
        item["message"],
        f"rule {item['code']} ({item['name']})",
        "mend it, or add `# noqa` with the rule and the reason",
    )
