"""Imports keep the contracts of pyproject.toml, which import-linter checks."""

import re
from pathlib import Path

from tools.check.findings import Finding
from tools.check.programs import run_python, with_failure

_PROGRAM = "from importlinter.cli import lint_imports_command; lint_imports_command()"
_HEADING = re.compile(r"-+")
_LINK = re.compile(r"[\s-]*(?P<importer>[\w.]+) -> (?P<imported>[\w.]+) \((l\.(?P<line>\d+)|\d+ imports?).*\)")
_UNLISTED = re.compile(r"- (?P<module>mercato\.\w+)")
_PARENT = re.compile(r"No cycles are allowed in (?P<parent>[\w.]+)\.")

_OBEY = "send a message instead, or move the code down a layer"
_UNTIE = "take what both sides need into a module of its own"


def check(root: Path) -> list[Finding]:
    outcome = run_python(root, "-c", _PROGRAM, "--no-logo", "--no-cache")
    _, _, details = outcome.output.partition("Broken contracts\n")
    return _unseen(root) + with_failure("import-linter", outcome, _read(root, details))


def _unseen(root: Path) -> list[Finding]:
    """Folders that import-linter passes over, so that no contract would hold for them."""
    folders = {path.parent for path in (root / "src/mercato").rglob("*.py")}
    return [
        Finding(
            folder.relative_to(root).as_posix(),
            0,
            "a folder of modules without `__init__.py`",
            "import-linter does not look into it",
            "add an `__init__.py` with a docstring",
        )
        for folder in sorted(folders)
        if not (folder / "__init__.py").exists()
    ]


def _read(root: Path, details: str) -> list[Finding]:
    """The findings in import-linter's report: a heading for each contract, below it the imports that break it."""
    findings = []
    contract = parent = before = ""
    for line in details.splitlines():
        if _HEADING.fullmatch(line) and before:
            contract, parent = before, ""
        elif match := _PARENT.fullmatch(line):
            parent = match["parent"]
        elif match := _LINK.fullmatch(line):
            # Members of a cycle are named from their parent on.
            importer, imported = (name if name[0] != "." else parent + name for name in match.group(1, 2))
            remedy = _UNTIE if parent else _OBEY
            what, why = f"{importer} imports {imported}", f"contract: {contract}"
            findings.append(Finding(_path(root, importer), int(match["line"] or 0), what, why, remedy))
        elif match := _UNLISTED.fullmatch(line):
            what, why = f"{match['module']} has no layer", f"contract: {contract}"
            findings.append(Finding(_path(root, match["module"]), 0, what, why, "give it one in pyproject.toml"))
        before = line
    return findings


def _path(root: Path, module: str) -> str:
    base = Path("src", *module.split("."))
    return (base if (root / base).is_dir() else base.with_suffix(".py")).as_posix()
