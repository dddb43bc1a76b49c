"""No committed file names a folder of one machine or the address of a package registry."""

import re
import subprocess
from pathlib import Path

from tools.check.findings import Finding

# Each form stands behind nothing that could make it the middle of a longer path or address.
_MACHINE = re.compile(r"(?<![\w.~/-])/(?:home|root|Users|work)/[\w.-]*|(?<!\w)[A-Za-z]:\\Users\\")
_REGISTRY = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs|npmjs\.(?:com|org)|crates\.io|proxy\.golang\.org"
    r"|rubygems\.org|repo1?\.maven|packagist\.org)"
)

RULES = (
    (_MACHINE, "a folder of one machine", "it is not there elsewhere", "use a path relative to the root or a setting"),
    (_REGISTRY, "the address of a registry", "where packages come from is for each user to set", "leave it out"),
)

_NOT_COMMITTED = (".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")


def check(root: Path) -> list[Finding]:
    return [finding for path in _files(root) for finding in _in_file(root, path)]


def _files(root: Path) -> list[Path]:
    """What is, or would be, committed."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
        return [root / name for name in sorted(listed.split("\0")) if name and (root / name).is_file()]
    found = (path for path in sorted(root.rglob("*")) if path.is_file())
    return [path for path in found if not set(path.relative_to(root).parts) & set(_NOT_COMMITTED)]


def _in_file(root: Path, path: Path) -> list[Finding]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []  # no text
    return [
        Finding(path.relative_to(root).as_posix(), number, f"`{match[0]}` is {what}", why, remedy)
        for number, line in enumerate(lines, start=1)
        for form, what, why, remedy in RULES
        for match in form.finditer(line)
    ]
