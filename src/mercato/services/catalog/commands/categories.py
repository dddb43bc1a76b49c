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
    tx.emit(CategoryChanged(CategoryId(row.id)), row.id, row.version)
    return category_of(row)


def category_at(tx: Transaction, path: tuple[str, ...]) -> CategoryId | None:
    """The category with this path of names, made with all above it where it is missing; None for an empty path."""
    parent: storage.CategoryRow | None = None
    for depth in range(1, len(path) + 1):
        text = PATH.join(path[:depth])[:LONGEST_PATH]
        known = tx.one(storage.FIND_CATEGORY_BY_PATH, path=text)
        parent = known or _add(tx, parent, path[depth - 1], text)
    return CategoryId(parent.id) if parent else None


def _add(tx: Transaction, parent: storage.CategoryRow | None, name: str, path: str) -> storage.CategoryRow:
    row = storage.CategoryRow(tx.new_id("cat"), parent.id if parent else None, _free_handle(tx, name), name, path, 0, 1)
    tx.run(storage.SAVE_CATEGORY, **msgspec.structs.asdict(row))
    tx.emit(CategoryChanged(CategoryId(row.id)), row.id, row.version)
    return row


def _free_handle(tx: Transaction, name: str) -> str:
    slug, number = slug_of(name), 1
    handle = slug
    while tx.one(storage.FIND_CATEGORY_BY_HANDLE, handle=handle) is not None:
        number += 1
        handle = f"{slug}-{number}"
    return handle
