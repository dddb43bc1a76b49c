"""What a simulation has found: the first broken invariant ends it."""

from collections.abc import Callable

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """A broken promise: the number of the invariant, what it is about, what was seen."""

    invariant: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.text}"


Fail = Callable[[str, str, str], None]
