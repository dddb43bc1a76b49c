"""The project's Python files, parsed once for all checks that read them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

TREES = ("src", "tools", "benchmarks", "tests")
LAUNCHER = "mercato"

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """A parsed file; `path` is relative to the root, with slashes."""

    path: str
    lines: int
    tree: ast.Module


def sources(root: Path, *folders: str) -> Iterator[Source]:
    """The parsed files below the folders, in order of path. A folder may be a file; one that is missing has none.

    What cannot be parsed is left out: the linter reports it.
    """
    for folder in folders:
        start = root / folder
        for path in [start] if start.is_file() else sorted(start.rglob("*.py")):
            tree, lines = _parse(path)
            if tree is not None:
                yield Source(path.relative_to(root).as_posix(), lines, tree)


@cache
def _parse(path: Path) -> tuple[ast.Module | None, int]:
    text = path.read_text(encoding="utf-8")
    try:
        return ast.parse(text), len(text.splitlines())
    except SyntaxError:
        return None, 0


def places(root: Path) -> list[str]:
    """Those of TREES and the launcher that have any Python."""
    return [name for name in (*TREES, LAUNCHER) if (root / name).is_file() or any((root / name).rglob("*.py"))]


class Import(NamedTuple):
    """One imported name: `dotted` is what is imported, `level` counts its leading dots.

    `local` is the name that it binds here, and `origin` what that name stands for: `import a.b` binds `a`.
    """

    dotted: str
    local: str
    origin: str
    line: int
    level: int


def imports(tree: ast.AST) -> Iterator[Import]:
    """Every import below `tree`; `from a.b import c` counts as one of `a.b.c`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name, local in ((alias.name, alias.asname) for alias in node.names):
                first = name.partition(".")[0]
                yield Import(name, local or first, name if local else first, node.lineno, 0)
        elif isinstance(node, ast.ImportFrom):
            for name, local in ((alias.name, alias.asname) for alias in node.names):
                dotted = f"{node.module}.{name}" if node.module else name
                yield Import(dotted, local or name, dotted, node.lineno, node.level)


def within(dotted: str, modules: tuple[str, ...]) -> str:
    """The one of `modules` that `dotted` is or lies in, "" for none."""
    return next((module for module in modules if dotted == module or dotted.startswith(module + ".")), "")
