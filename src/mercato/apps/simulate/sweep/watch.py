"""Watching a run: which points are about to be passed.

Python tells of every instruction of a function that is traced, and each instruction knows its place in the source. So
the code under test is left as it is, an await that does not suspend is seen too, and a point is told of before what it
awaits has begun.
"""

import dis
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from mercato.apps.simulate.sweep.points import Kind, Point

Local = Callable[[FrameType, str, Any], Any]


class Watch:
    """Calls `passing` with the name of each point, in whichever function of this thread; what it raises, the function
    raises there. Commits tell of themselves and are not watched. For `with`."""

    def __init__(self, package: Path, points: Iterable[Point], passing: Callable[[str], None]) -> None:
        self._passing = passing
        self._files: dict[str, list[Point]] = {}
        for point in points:
            if point.kind != "commit":
                self._files.setdefault(str(package / point.file), []).append(point)
        self._known: dict[int, tuple[CodeType, Local | None]] = {}
        self._before: Any = None

    def __enter__(self) -> None:
        if self._files:
            self._before = sys.gettrace()
            sys.settrace(self._called)

    def __exit__(self, *_: object) -> None:
        if self._files:
            sys.settrace(self._before)

    def _called(self, frame: FrameType, _event: str, _argument: Any) -> Local | None:
        code = frame.f_code
        points = self._files.get(code.co_filename)
        if points is None:
            return None
        known = self._known.get(id(code))
        if known is None:
            known = self._known[id(code)] = code, self._local(code, points)
        if known[1] is not None:
            frame.f_trace_lines = False
            frame.f_trace_opcodes = True
        return known[1]

    def _local(self, code: CodeType, points: list[Point]) -> Local | None:
        """What follows the instructions of one function; None where it has no point."""
        names = places(code, points)
        passing = self._passing

        def local(frame: FrameType, event: str, _argument: Any) -> Local:
            if event == "opcode" and frame.f_lasti in names:
                passing(names[frame.f_lasti])
            return local

        return local if names else None


def places(code: CodeType, points: Iterable[Point]) -> dict[int, str]:
    """The points in this code by the offset of their instruction."""
    spots = {(point.kind, spot): point.name for point in points for spot in point.spots}
    found: dict[int, str] = {}
    for instruction in dis.get_instructions(code):
        for kind in _kinds(instruction):
            name = spots.get((kind, tuple(instruction.positions or ())))  # type: ignore[arg-type]
            if name is not None:
                found[instruction.offset] = name
    return found


def _kinds(instruction: dis.Instruction) -> tuple[Kind, ...]:
    """What this instruction may be."""
    match instruction.opname, instruction.arg:
        case "GET_AWAITABLE", 1:
            return ("enter",)
        case "GET_AWAITABLE", 2:
            return ("exit",)
        case "GET_AWAITABLE", _:
            return ("await",)
        case "GET_ANEXT", _:
            return ("next",)
        case "CALL", _:
            return ("task", "step")
        case _:
            return ()
