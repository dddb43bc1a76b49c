"""Functions, files and lists of parameters stay small enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.check.findings import Finding
from tools.check.sources import LAUNCHER, TREES, Function, Source, sources

FUNCTION_LINES = 60
SHORT_FUNCTION_LINES = 35
LONGER_PER_HUNDRED = 5  # so many functions of a tree may be longer than SHORT_FUNCTION_LINES
FILE_LINES = 500
PARAMETERS = 6


class Measured(NamedTuple):
    source: Source
    function: Function

    @property
    def lines(self) -> int:
        return (self.function.end_lineno or self.function.lineno) - self.function.lineno + 1

    @property
    def parameters(self) -> int:
        given = self.function.args
        names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        names += [each.arg for each in (given.vararg, given.kwarg) if each]
        return len(names) - (names[:1] in (["self"], ["cls"]))


def check(root: Path) -> list[Finding]:
    findings = []
    for folder in (*TREES, LAUNCHER):
        files = list(sources(root, folder))
        functions = [Measured(source, function) for source in files for function in _functions(source)]
        findings += _long_files(files) + _long_functions(functions) + _many_parameters(functions)
        findings += _long_tail(folder, functions)
    return findings


def _functions(source: Source) -> Iterator[Function]:
    return (node for node in ast.walk(source.tree) if isinstance(node, Function))


def _long_files(files: list[Source]) -> list[Finding]:
    return [
        Finding(
            source.path,
            source.lines,
            f"a file of {source.lines} lines",
            f"more than {FILE_LINES} are not read as one thing",
            "make it a folder of the same name, cut by capability",
        )
        for source in files
        if source.lines > FILE_LINES
    ]


def _long_functions(functions: list[Measured]) -> list[Finding]:
    return [
        Finding(
            one.source.path,
            one.function.lineno,
            f"`{one.function.name}` has {one.lines} lines",
            f"more than {FUNCTION_LINES} cannot be held in mind",
            "take parts out that have a name of their own",
        )
        for one in functions
        if one.lines > FUNCTION_LINES
    ]


def _many_parameters(functions: list[Measured]) -> list[Finding]:
    return [
        Finding(
            one.source.path,
            one.function.lineno,
            f"`{one.function.name}` has {one.parameters} parameters",
            f"more than {PARAMETERS} hide a record",
            "give the record a name and pass that",
        )
        for one in functions
        if one.parameters > PARAMETERS
    ]


def _long_tail(folder: str, functions: list[Measured]) -> list[Finding]:
    """One finding when too many functions of a tree are longer than short ones; it names the longest."""
    longer = sorted((one for one in functions if one.lines > SHORT_FUNCTION_LINES), key=lambda one: -one.lines)
    permitted = max(1, len(functions) * LONGER_PER_HUNDRED // 100)
    if len(longer) <= permitted:
        return []
    named = " ".join(f"{one.source.path}:{one.function.lineno} ({one.lines})" for one in longer[:10])
    return [
        Finding(
            folder,
            0,
            f"{len(longer)} of {len(functions)} functions have more than {SHORT_FUNCTION_LINES} lines",
            f"a calm house has at most {LONGER_PER_HUNDRED} in 100, here {permitted}",
            f"shorten some of the longest: {named}",
        )
    ]
