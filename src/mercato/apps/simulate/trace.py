"""Everything observable in one line each: hashed, so that two runs can be compared, and shown when a story is told."""

import hashlib
from collections.abc import Callable
from typing import Any

from mercato.apps.simulate.loop import SimulatedLoop

Tell = Callable[[str], None]


class Trace:
    """`tell` is called with each line of the story; without it lines are only hashed."""

    def __init__(self, loop: SimulatedLoop, tell: Tell | None = None) -> None:
        self._loop = loop
        self._tell = tell
        self._hash = hashlib.blake2b(digest_size=16)

    def note(self, who: str, what: str, *details: Any) -> None:
        """Somebody did something. Bytes among the details count whole and are shown shortened."""
        now = self._loop.time()
        self._hash.update(f"{now!r} {who} {what} {details!r}\n".encode())
        if self._tell is not None:
            shown = " ".join(_short(detail) for detail in details)
            self._tell(f"{now:9.3f}  {who:<18} {what:<12} {shown}".rstrip())

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def _short(detail: Any) -> str:
    text = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
    return text if len(text) <= 160 else text[:157] + "..."  # noqa: PLR2004 - what fits beside the rest of a line
