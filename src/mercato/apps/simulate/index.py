"""The simulated index: what was written outlives every kill, or is lost as a whole; it finds by plain words."""

import random
from collections.abc import Callable, Sequence

from mercato.services.search.domain import Entry, Gone
from mercato.services.search.finding.documents import Document, document_of
from mercato.services.search.finding.index import Index
from mercato.services.search.finding.plan import Answer, Counts, Part, Plan, Scored, Term
from mercato.services.search.text.vocabulary import Vocabulary
from mercato.values.ids import ProductId
from mercato.values.messages import Unavailable

LOST = 0.1  # of the times that a process opens it
FAILS = 0.1  # of the times that something is written, where disks fail


class SimulatedIndex:
    """See Index. Everything that matches scores the same; nothing is counted."""

    def __init__(self, fails: Callable[[], bool]) -> None:
        self.mark = 0
        self._fails = fails
        self.entries: dict[tuple[str, ProductId], Entry] = {}
        self._documents: dict[tuple[str, ProductId], Document] = {}

    def write(self, changes: Sequence[Entry | Gone], mark: int) -> None:
        if self._fails():
            raise Unavailable("the disk of the index fails")
        for change in changes:
            key = (change.store, change.id)
            self.entries.pop(key, None)
            self._documents.pop(key, None)
            if isinstance(change, Entry):
                self.entries[key] = change
                self._documents[key] = document_of(change)
        self.mark = mark

    def run(self, plan: Plan) -> Answer:
        found = [document for document in self._documents.values() if _matches(document, plan)]
        found.sort(key=lambda document: document.id)
        hits = tuple(Scored(1.0, document.payload) for document in found[plan.offset : plan.offset + plan.limit])
        return Answer(hits, len(found))

    def count(self, plan: Plan, facets: Sequence[str]) -> Counts:
        return dict.fromkeys(facets, ())

    def vocabulary(self, store: str) -> Vocabulary:
        counts: dict[str, int] = {}
        for document in self._documents.values():
            for word in document.words if document.store == store else ():
                counts[word] = counts.get(word, 0) + 1
        return Vocabulary(counts.items())

    def close(self) -> None:
        """It is the world's, and outlives the processes."""


class SimulatedShelf:
    """The one place of the index in a world; `lost` counts how often nothing was left of it."""

    def __init__(self, randomness: random.Random, *, bad_disk: bool = False) -> None:
        self.calm = False
        self.lost = 0
        self._random = randomness
        self._bad_disk = bad_disk
        self.index = SimulatedIndex(self._fails)
        self._rebuilds = 0

    def open(self) -> Index:
        if self.index.mark and not self.calm and self._random.random() < LOST:
            self.index = SimulatedIndex(self._fails)
            self.lost += 1
        return self.index

    def rebuilds(self, serving: Index) -> int:
        return self._rebuilds

    def begin(self, serving: Index, rebuilds: int) -> Index:
        return SimulatedIndex(self._fails)

    def finish(self, serving: Index, rebuilt: Index, rebuilds: int) -> Index:
        assert isinstance(rebuilt, SimulatedIndex), "it was begun here"
        self.index = rebuilt
        self._rebuilds = rebuilds
        return rebuilt

    def _fails(self) -> bool:
        return self._bad_disk and not self.calm and self._random.random() < FAILS


def _matches(document: Document, plan: Plan) -> bool:
    """Whether a document is one of the plan's; of filters only the category and the stock are looked at."""
    if document.store != plan.store or document.id in plan.excluded or (plan.only and document.id not in plan.only):
        return False
    if plan.filters.in_stock and not document.available:
        return False
    if (wanted := plan.filters.values.get("category")) and not set(wanted) & set(document.category):
        return False
    met = sum(any(_has(document, part) for part in group.parts) for group in plan.groups)
    return met >= (len(plan.groups) if plan.least is None else plan.least)


def _has(document: Document, part: Part) -> bool:
    words = document.texts[part.field].split()
    if isinstance(part, Term):
        return part.word in words
    return set(part.words) <= set(words)
