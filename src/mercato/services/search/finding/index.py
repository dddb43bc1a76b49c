"""The port of engines: an index of entries that runs plans."""

from collections.abc import Sequence
from typing import Protocol

from mercato.services.search.domain import Entry, Gone


class Index(Protocol):
    """Searchable copies of entries, of all stores; a plan always names one. Thread-safe.

    `mark` says up to which change the index has everything, after a crash too: whoever writes goes on from there.
    """

    @property
    def mark(self) -> int: ...

    def write(self, changes: Sequence[Entry | Gone], mark: int) -> None:
        """Make these changes findable and durable, together with the mark. Raises Unavailable, and nothing is done."""

    def close(self) -> None: ...
