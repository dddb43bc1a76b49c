"""Where a process can be killed: every await and every commit under services/ and runtime/, found in the source.

A point is named by file, function, and how many-th of its kind it is there, so that names stay when lines move:
`services/orders/api.py:_place:await3`. A commit has a name for each service.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

FOLDERS = ("services", "runtime")

# `enter` and `exit` are those of an `async with`, `next` is that of an `async for`; `task` hands a coroutine to the
# loop, `step` drives one by hand, `commit` is a call of `reached`.
Kind = Literal["await", "enter", "exit", "next", "task", "step", "commit"]
Spot = tuple[int | None, int | None, int | None, int | None]  # first and last line, first and last column

_TASKS = frozenset({"create_task", "ensure_future", "run_coroutine_threadsafe"})


class Point(msgspec.Struct, frozen=True):
    """`spots` are where its instructions may say that they are; `said` is what a commit says to `reached`."""

    name: str
    file: str
    kind: Kind
    spots: frozenset[Spot]
    said: str = ""


def all_points(package: Path, services: Iterable[str]) -> dict[str, Point]:
    """Every point of a source tree by its name; commits for each of these services."""
    found: dict[str, Point] = {}
    for folder in FOLDERS:
        for path in sorted((package / folder).rglob("*.py")):
            for point in scan(path.read_text(encoding="utf-8"), path.relative_to(package).as_posix()):
                found |= {each.name: each for each in _of_services(point, services)}
    return found


def _of_services(point: Point, services: Iterable[str]) -> Iterator[Point]:
    if "{}" not in point.said:
        yield point
        return
    for service in services:
        yield msgspec.structs.replace(point, name=f"{point.name}:{service}", said=point.said.replace("{}", service))


def scan(text: str, file: str) -> list[Point]:
    """The points of one module."""
    scanner = _Scanner(file)
    scanner.visit(ast.parse(text))
    return scanner.points


class _Scanner(ast.NodeVisitor):
    """Comprehensions and lambdas belong to the function around them."""

    def __init__(self, file: str) -> None:
        self.points: list[Point] = []
        self._file = file
        self._path: list[str] = []
        self._counts: Counter[tuple[str, Kind]] = Counter()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._inside(node)

    def _inside(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._path.append(node.name)
        self.generic_visit(node)
        self._path.pop()

    def visit_Await(self, node: ast.Await) -> None:
        self._add("await", node)
        self.generic_visit(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self._add("next", node)
        self.generic_visit(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        """One point for all that is entered, one for all that is left: bytecode does not tell them apart."""
        for kind in ("enter", "exit"):
            self._add(kind, node, *(item.context_expr for item in node.items))
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        if any(generator.is_async for generator in node.generators):
            self._add("next", node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _TASKS:
            self._add("task", node)
        elif name == "send" and _is_none(node.args):
            self._add("step", node)
        elif name == "reached" and node.args:
            self._add("commit", node, said=_said(node.args[0]))
        self.generic_visit(node)

    def _add(self, kind: Kind, *nodes: ast.stmt | ast.expr, said: str = "") -> None:
        function = ".".join(self._path) or "module"
        self._counts[function, kind] += 1
        spots = frozenset((node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) for node in nodes)
        name = f"{self._file}:{function}:{kind}{self._counts[function, kind]}"
        self.points.append(Point(name, self._file, kind, spots, said))


def _is_none(arguments: list[ast.expr]) -> bool:
    """`send(None)` begins or goes on with a coroutine; everything else that is called send is something else."""
    match arguments:
        case [ast.Constant(value=None)]:
            return True
        case _:
            return False


def _said(text: ast.expr) -> str:
    """The text with {} where a value is filled in, which is the name of a service."""
    match text:
        case ast.Constant(value=str(said)):
            return said
        case ast.JoinedStr(values=values):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values)
        case _:
            return "{}"
