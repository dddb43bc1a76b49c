"""Watching a run: which points are about to be passed.

Python tells of every instruction of a function that is watched, and each instruction knows its place in the source. So
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

_MONITORING: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on, where tracing no longer tells of all of them
_TOOL = 3  # the number by which it knows us

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
        self._known: dict[int, tuple[CodeType, dict[int, str]]] = {}
        self._before: Any = None

    def __enter__(self) -> None:
        if _MONITORING is not None:
            self._begin_monitoring()
        elif self._files:
            self._before = sys.gettrace()
            sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        if _MONITORING is not None:
            self._end_monitoring()
        elif self._files:
            sys.settrace(self._before)

    def _names(self, code: CodeType) -> dict[int, str]:
        """The points of one function by the offset of their instruction; nearly all functions have none."""
        points = self._files.get(code.co_filename)
        if points is None:
            return {}
        known = self._known.get(id(code))
        if known is None:
            known = self._known[id(code)] = code, places(code, points)
        return known[1]

    # Python 3.11.

    def _trace(self, frame: FrameType, _event: str, _argument: Any) -> Local | None:
        names, passing = self._names(frame.f_code), self._passing
        if not names:
            return None

        def local(frame: FrameType, event: str, _argument: Any) -> Local:
            if event == "opcode" and frame.f_lasti in names:
                passing(names[frame.f_lasti])
            return local

        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        return local

    # Python 3.12 and later.

    def _begin_monitoring(self) -> None:
        events = _MONITORING.events
        _MONITORING.use_tool_id(_TOOL, "mercato")
        _MONITORING.register_callback(_TOOL, events.PY_START, self._started)
        _MONITORING.register_callback(_TOOL, events.INSTRUCTION, self._instructed)
        _MONITORING.set_events(_TOOL, events.PY_START)

    def _end_monitoring(self) -> None:
        for code, _ in self._known.values():
            _MONITORING.set_local_events(_TOOL, code, 0)
        _MONITORING.set_events(_TOOL, 0)
        _MONITORING.free_tool_id(_TOOL)

    def _started(self, code: CodeType, _offset: int) -> None:
        if self._names(code):
            _MONITORING.set_local_events(_TOOL, code, _MONITORING.events.INSTRUCTION)

    def _instructed(self, code: CodeType, offset: int) -> None:
        name = self._names(code).get(offset)
        if name is not None:
            self._passing(name)


def places(code: CodeType, points: Iterable[Point]) -> dict[int, str]:
    """The points in this code by the offset of their instruction."""
    spots: dict[tuple[Any, ...], str] = {(point.kind, *spot): point.name for point in points for spot in point.spots}
    found: dict[int, str] = {}
    for instruction in dis.get_instructions(code):
        for kind in _kinds(instruction):
            name = spots.get((kind, *(instruction.positions or ())))
            if name is not None:
                found[instruction.offset] = name
    return found


def _kinds(instruction: dis.Instruction) -> tuple[Kind, ...]:
    """What this instruction may be."""
    match instruction.opname, instruction.arg:
        case "GET_AWAITABLE", 1:  # what is awaited to enter an `async with`, and 2 to leave it
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
