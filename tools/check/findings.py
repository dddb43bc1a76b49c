"""What a check returns."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Finding(NamedTuple):
    """One violation. `path` is relative to the root; `line` counts from 1, 0 means the file or folder as a whole."""

    path: str
    line: int
    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}, {self.why}, {self.remedy}"


Check = Callable[[Path], list[Finding]]
