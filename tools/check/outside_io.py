"""Only the adapters of a service touch the network and files."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from tools.check.findings import Finding
from tools.check.sources import Source, imports, sources, within

FOLDERS = ("src/mercato/services", "src/mercato/contracts")
ADAPTERS = "src/mercato/services/*/adapters/*"

MODULES = (
    "aiohttp",
    "ftplib",
    "http",
    "httpx",
    "imaplib",
    "poplib",
    "requests",
    "shutil",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "subprocess",
    "tempfile",
    "urllib.request",
    "xmlrpc",
)


def check(root: Path) -> list[Finding]:
    return [
        Finding(
            source.path,
            line,
            f"`{name}` is used outside adapters",
            "what waits for the outside world must be in one place, and replaceable",
            "move the call into the service's adapters, and reach it by work.py",
        )
        for source in sources(root, *FOLDERS)
        if not fnmatchcase(source.path, ADAPTERS)
        for name, line in _touches(source)
    ]


def _touches(source: Source) -> Iterator[tuple[str, int]]:
    for found in imports(source.tree):
        if not found.level and within(found.dotted, MODULES):
            yield found.dotted, found.line
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            yield "open", node.lineno
