"""Inside a service every file has the same name and meaning as in all others, and there are no others."""

import ast
from pathlib import Path

from tools.check.findings import Finding
from tools.check.sources import sources

SERVICES = "src/mercato/services"
FILES = ("service", "api", "listeners", "jobs", "commands", "queries", "work", "storage", "domain", "messages")
FOLDERS = ("adapters", "migrations")

# What one service has beside them, and why.
OWN = {
    "search": {
        "finding": "from what is typed to a plan that every engine runs: rules of its own, larger than a domain",
        "text": "how texts become words, which finding and every engine share",
        "indexer.py": "the task that follows entries into the index, as no job and no slow work does",
    },
}

_PERMITTED = {"__init__.py", "__pycache__", *FOLDERS, *FILES, *(f"{name}.py" for name in FILES)}


def check(root: Path) -> list[Finding]:
    services = sorted((root / SERVICES).iterdir()) if (root / SERVICES).exists() else []
    findings = []
    for service in services:
        if service.is_dir() and service.name != "__pycache__":
            findings += _strangers(root, service) + _code_in_init(root, service)
        elif service.name not in ("__init__.py", "__pycache__"):
            findings.append(_stranger(root, service, "each service is a folder", "move it into a service's folder"))
    return findings


def _strangers(root: Path, service: Path) -> list[Finding]:
    why = "who knows one service is to know all"
    remedy = f"put it into one of {', '.join((*FILES, *FOLDERS))}"
    own = OWN.get(service.name, {})
    strangers = [entry for entry in sorted(service.iterdir()) if not _fits(entry) and entry.name not in own]
    gone = [service / name for name in own if not (service / name).exists()]
    return [
        *(_stranger(root, entry, why, remedy) for entry in strangers),
        *(_stranger(root, entry, "there is none any more", "take it out of the table of this check") for entry in gone),
    ]


def _fits(entry: Path) -> bool:
    """A name of the list; those without a suffix are folders: the fixed ones, or a file that has grown into one."""
    return entry.name in _PERMITTED and entry.is_dir() == (not entry.suffix)


def _stranger(root: Path, entry: Path, why: str, remedy: str) -> Finding:
    return Finding(entry.relative_to(root).as_posix(), 0, f"`{entry.name}` is no file of a service", why, remedy)


def _code_in_init(root: Path, service: Path) -> list[Finding]:
    """A service's `__init__.py` is a docstring: what it owns, publishes and listens to."""
    return [
        Finding(
            source.path,
            node.lineno,
            "code beside the docstring",
            "a service's `__init__.py` only says what it owns, publishes and listens to",
            "move it into the file of that meaning",
        )
        for source in sources(root, f"{service.relative_to(root).as_posix()}/__init__.py")
        for node in source.tree.body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
