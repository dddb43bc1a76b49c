"""What a benchmark hands back, and the tables that it prints."""

from collections.abc import Iterable, Sequence

import msgspec

from benchmarks.machine import Figure


class BenchmarkError(Exception):
    """A benchmark cannot be run here, or what it measures has broken; the message says what and what to do."""


class Outcome(msgspec.Struct, frozen=True):
    """The figures of a run. `faults` are sentences about what must not be: any of them makes the exit code 1."""

    figures: dict[str, Figure]
    faults: tuple[str, ...] = ()


def print_table(title: str, rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns: the first one to the left, the others to the right; a last one in words to the left."""
    lines = [list(row) for row in rows]
    widths: dict[int, int] = {}
    for line in lines:
        for place, cell in enumerate(line):
            widths[place] = max(widths.get(place, 0), len(cell))
    print(f"\n{title}")
    for line in lines:
        cells = [
            cell.rjust(widths[place]) if place and _is_figure(cell) else cell.ljust(widths[place])
            for place, cell in enumerate(line)
        ]
        print(("  " + "  ".join(cells)).rstrip())


def number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


def tell(text: str) -> None:
    """What is going on, for who watches."""
    print(f"  {text}", flush=True)


def _is_figure(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in "-+" or cell == ""
