"""Commands about the category tree."""

import msgspec

from mercato.contracts.catalog import Category, CategoryChanged, HandleInUse, SaveCategory
from mercato.runtime.transaction import Transaction
from mercato.services.catalog import storage
from mercato.services.catalog.domain import slug_of
from mercato.services.catalog.queries import category_of
from mercato.values.ids import CategoryId
from mercato.values.messages import Caller, NotFound

PATH = " > "
LONGEST_PATH = 600


def save_category(tx: Transaction, command: SaveCategory, _caller: Caller) -> Category:
    known = tx.one(storage.FIND_CATEGORY, id=command.category_id)
    other = tx.one(storage.FIND_CATEGORY_BY_HANDLE, handle=command.handle)
    if other is not None and other.id != command.category_id:
        raise HandleInUse
    parent = tx.one(storage.FIND_CATEGORY, id=command.parent_id) if command.parent_id else None
    if command.parent_id and (parent is None or parent.id == command.category_id):
        raise NotFound("there is no such parent category")
    row = storage.CategoryRow(
        command.category_id,
        command.parent_id,
        command.handle,
        command.name,
        f"{parent.path} > {command.name}" if parent else command.name,
        command.position,
        known.version + 1 if known else 1,
    )
    tx.defer(storage.SAVE_CATEGORY, **msgspec.structs.asdict(row))
    tell(tx, row)
    return category_of(row)


def tell(tx: Transaction, row: storage.CategoryRow) -> None:
    """Tell what the category is."""
    parent_id = CategoryId(row.parent_id) if row.parent_id else None
    event = CategoryChanged(CategoryId(row.id), parent_id, row.handle, row.name, row.path, row.position)
    tx.emit(event, row.id, row.version)


class Tree:
    """The categories of the store as one command sees them: each is read once."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._rows: dict[str, storage.CategoryRow | None] = {}
        self._at: dict[tuple[str, ...], CategoryId | None] = {(): None}

    def at(self, path: tuple[str, ...]) -> CategoryId | None:
        """The category with this path of names, made with all above it where it is missing; None for no path."""
        if path not in self._at:
            parent_id = self.at(path[:-1])
            text = PATH.join(path)[:LONGEST_PATH]
            row = self._tx.one(storage.FIND_CATEGORY_BY_PATH, path=text) or _add(self._tx, parent_id, path[-1], text)
            self._rows[row.id] = row
            self._at[path] = CategoryId(row.id)
        return self._at[path]

    def require(self, category_ids: tuple[CategoryId, ...]) -> None:
        """Raises NotFound unless all of these exist."""
        for category_id in category_ids:
            if self._row(category_id) is None:
                raise NotFound(f"there is no category {category_id}")

    def shown_in(self, category_ids: tuple[CategoryId, ...]) -> list[str]:
        """Where what belongs to these is shown: the whole store (""), these, and all above them."""
        shown = {"": None}
        waiting: list[str | None] = list(category_ids)
        while waiting:
            category_id = waiting.pop()
            if category_id and category_id not in shown:
                shown[category_id] = None
                row = self._row(category_id)
                waiting.append(row.parent_id if row else None)
        return list(shown)

    def _row(self, category_id: str) -> storage.CategoryRow | None:
        if category_id not in self._rows:
            self._rows[category_id] = self._tx.one(storage.FIND_CATEGORY, id=category_id)
        return self._rows[category_id]


def _add(tx: Transaction, parent_id: CategoryId | None, name: str, path: str) -> storage.CategoryRow:
    row = storage.CategoryRow(tx.new_id("cat"), parent_id, _free_handle(tx, name), name, path, 0, 1)
    tx.run(storage.SAVE_CATEGORY, **msgspec.structs.asdict(row))
    tell(tx, row)
    return row


def _free_handle(tx: Transaction, name: str) -> str:
    slug, number = slug_of(name), 1
    handle = slug
    while tx.one(storage.FIND_CATEGORY_BY_HANDLE, handle=handle) is not None:
        number += 1
        handle = f"{slug}-{number}"
    return handle
