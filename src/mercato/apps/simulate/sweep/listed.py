"""The points that no simulation can reach: a committed list, each with its reason and the test that covers it."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

FILE = "tests/simulation/not_swept.toml"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points with one reason, and the test that covers them: its file, `::`, its name."""

    points: tuple[str, ...]
    reason: str
    test: str


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a point, or with a row of the list; `replays`: it can be seen again by its name."""

    name: str
    text: str
    replays: bool = False


class _Listed(msgspec.Struct, forbid_unknown_fields=True):
    rows: tuple[Row, ...] = ()


def read_list(root: Path) -> tuple[Row, ...]:
    """The list of a checkout. Raises ValueError where it cannot be read."""
    path = root / FILE
    if not path.is_file():
        raise ValueError(f"{path} is missing: the sweep runs from a checkout of the source, with its tests")
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_Listed).rows
    except msgspec.DecodeError as error:
        raise ValueError(f"{path} cannot be read: {error}. Each [[rows]] has points, a reason and a test") from None


def list_faults(root: Path, rows: tuple[Row, ...], points: Collection[str]) -> Iterator[Fault]:
    """What is wrong with the list by itself."""
    seen: set[str] = set()
    for row in rows:
        for name in row.points:
            if name not in points:
                yield Fault(name, f"there is no such point any more: take it off {FILE}")
            elif name in seen:
                yield Fault(name, f"it stands in {FILE} twice: take one away")
            seen.add(name)
        if not row.reason.strip():
            yield Fault(row.test, f"its row in {FILE} gives no reason")
        if not _exists(root, row.test):
            yield Fault(row.test, f"there is no such test: name one in {FILE} that covers its points, as FILE::TEST")


def _exists(root: Path, test: str) -> bool:
    file, _, name = test.partition("::")
    path = root / file
    if not (file.startswith("tests/") and name and path.is_file()):
        return False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name for node in ast.walk(tree)
    )
