"""The port of engines: an index of entries that runs plans."""

from collections.abc import Sequence
from typing import Protocol

from mercato.services.search.domain import Entry, Gone
from mercato.services.search.finding.plan import Answer, Counts, Plan
from mercato.services.search.text.vocabulary import Vocabulary


class Index(Protocol):
    """Searchable copies of entries, of all stores; a plan always names one. Thread-safe.

    `mark` says up to which change the index has everything, after a crash too: whoever writes goes on from there.
    """

    @property
    def mark(self) -> int: ...

    def write(self, changes: Sequence[Entry | Gone], mark: int) -> None:
        """Make these changes findable and durable, together with the mark. Raises Unavailable, and nothing is done."""

    def run(self, plan: Plan) -> Answer:
        """The hits of a plan from `offset` on, at most `limit`, and how many match. Raises Unavailable."""

    def count(self, plan: Plan, facets: Sequence[str]) -> Counts:
        """How many matches of the plan, whatever its offset and limit, have each value of these facets. Raises
        Unavailable."""

    def vocabulary(self, store: str) -> Vocabulary:
        """The words of the store's entries, and how many have each."""

    def close(self) -> None: ...
