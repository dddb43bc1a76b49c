"""What questions of one store have in common, kept in memory: its categories and its rules, until they change."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from mercato.contracts.search import SearchRules, StoredRules
from mercato.runtime.reader import Reader
from mercato.services.search import storage
from mercato.services.search.domain import above, path_of
from mercato.services.search.messages import CATEGORIES, RULES
from mercato.services.search.storage import CategoryRow
from mercato.services.search.text.analysis import words_of
from mercato.values.ids import CategoryId
from mercato.values.messages import NotFound

STORES = 1_000  # that are kept
MOST_CATEGORIES = 100_000

Kept = TypeVar("Kept")

_read_rules = msgspec.json.Decoder(SearchRules).decode


class Tree:
    """The categories of a store."""

    def __init__(self, rows: Iterable[CategoryRow]) -> None:
        self.nodes: Mapping[str, CategoryRow] = {row.id: row for row in rows}
        self._by_handle = {row.handle: row for row in self.nodes.values()}
        self._words: list[tuple[list[str], CategoryRow]] | None = None

    def find(self, given: str) -> CategoryRow:
        """A category by its id or handle. Raises NotFound."""
        found = self._by_handle.get(given) or self.nodes.get(given)
        if found is None:
            raise NotFound("there is no such category")
        return found

    def path(self, category: CategoryRow) -> str:
        return path_of(category.id, self.nodes)

    def depth(self, category: CategoryRow) -> int:
        return len(above(category.id, self.nodes))

    def beginning(self, typed: str) -> list[CategoryRow]:
        """Categories whose names have all words that are typed, the last of which may go on: those near the root
        first."""
        *whole, last = words_of(typed) or [""]
        if not last:
            return []
        if self._words is None:
            self._words = [(words_of(row.name), row) for row in self.nodes.values()]
        found = [
            row
            for words, row in self._words
            if any(word.startswith(last) for word in words) and all(word in words for word in whole)
        ]
        return sorted(found, key=lambda row: (self.depth(row), row.position, row.name))


class Known:
    """Trees and rules of stores. `forget` is called in the loop, everything else in the threads that answer."""

    def __init__(self) -> None:
        self._trees: dict[str, Tree] = {}
        self._rules: dict[str, SearchRules] = {}
        self._changes = 0

    def forget(self, store: str, subject: str) -> None:
        """Categories or rules of a store have changed."""
        self._changes += 1
        if subject == CATEGORIES:
            self._trees.pop(store, None)
        elif subject == RULES:
            self._rules.pop(store, None)

    def tree(self, reader: Reader) -> Tree:
        found = self._trees.get(reader.store)
        if found is None:
            changes = self._changes
            found = Tree(reader.all(storage.LIST_CATEGORIES, limit=MOST_CATEGORIES))
            if changes == self._changes:
                _keep(self._trees, reader.store, found)
        return found

    def rules(self, reader: Reader) -> SearchRules:
        found = self._rules.get(reader.store)
        if found is None:
            changes = self._changes
            found = read_rules(reader).rules
            if changes == self._changes:
                _keep(self._rules, reader.store, found)
        return found


def read_rules(reader: Reader) -> StoredRules:
    row = reader.one(storage.FIND_RULES)
    return StoredRules(_read_rules(row.body), row.version) if row else StoredRules(SearchRules(), 0)


def category_id(tree: Tree, given: str) -> CategoryId:
    return CategoryId(tree.find(given).id)


def _keep(shelf: dict[str, Kept], store: str, found: Kept) -> None:
    if len(shelf) >= STORES:
        shelf.clear()
    shelf[store] = found
