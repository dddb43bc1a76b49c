"""Only the storage of a service and the runtime's engines know SQL."""

from fnmatch import fnmatchcase
from pathlib import Path

from tools.check.findings import Finding
from tools.check.sources import imports, sources, within

HOMES = (
    "src/mercato/services/*/storage.py",
    "src/mercato/services/*/storage/*",
    "src/mercato/runtime/database/*",
    "src/mercato/runtime/database.py",
    "src/mercato/runtime/documents/*",
    "src/mercato/runtime/documents.py",
    "src/mercato/runtime/bus/*",
    "src/mercato/runtime/service.py",
    "src/mercato/apps/verify/statements.py",
)


def check(root: Path) -> list[Finding]:
    return [
        Finding(
            source.path,
            line,
            "`sqlalchemy` is imported",
            "tables and statements have one home, where every statement takes the store",
            "ask the service's storage for a statement that says what is wanted",
        )
        for source in sources(root, "src/mercato")
        if not any(fnmatchcase(source.path, home) for home in HOMES)
        for line in sorted({found.line for found in imports(source.tree) if within(found.dotted, ("sqlalchemy",))})
    ]
