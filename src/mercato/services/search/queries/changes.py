"""What an index follows, and what the jobs of search ask."""

from itertools import groupby

import msgspec

from mercato.contracts.catalog import ProductDescribed
from mercato.runtime.database.migrating import LIST_MIGRATIONS
from mercato.runtime.database.statements import as_list
from mercato.runtime.reader import Reader
from mercato.services.search import storage
from mercato.services.search.domain import Entry, Figures, Gone, Node, entry_of
from mercato.services.search.messages import LAST_ID, Changes, FindUntold, Grown, ListChanges, ListGrown
from mercato.services.search.storage import ChangedRow
from mercato.values.ids import ProductId
from mercato.values.messages import Caller
from mercato.values.money import LIMIT

MOST_CATEGORIES = 100_000  # of the stores whose entries are read together
GROWN_AT_ONCE = 2_000
LANGUAGE = "en"  # of stores that have not said theirs

read_described = msgspec.json.Decoder(ProductDescribed).decode


def list_changes(reader: Reader, query: ListChanges, _caller: Caller) -> Changes:
    latest = _mark(reader, storage.ENTRIES)
    rebuilds = _mark(reader, storage.REBUILDS)
    rows = reader.all(storage.LIST_CHANGED, changed=query.changed, after_id=query.after_id, limit_=query.limit)
    entries = _entries(reader, rows)
    if len(rows) < query.limit:
        return Changes(entries, latest, latest, LAST_ID, latest, rebuilds)
    last = rows[-1]
    return Changes(entries, last.changed - 1, last.changed, last.id, latest, rebuilds)


def list_grown(reader: Reader, _query: ListGrown, _caller: Caller) -> tuple[Grown, ...]:
    rows = reader.all(storage.LIST_GROWN, limit_=GROWN_AT_ONCE)
    by_store = groupby(rows, key=lambda row: row.store)
    return tuple(Grown(store, tuple(ProductId(row.product_id) for row in group)) for store, group in by_store)


def find_untold(reader: Reader, _query: FindUntold, _caller: Caller) -> int | None:
    """Services hear of everything from their first migration on."""
    told = reader.one(storage.FIND_MARK, name=storage.TOLD)
    if told is None:
        return min(row.applied_at for row in reader.all(LIST_MIGRATIONS))
    return None if told.number else LIMIT


def _mark(reader: Reader, name: str) -> int:
    row = reader.one(storage.FIND_MARK, name=name)
    return row.number if row else 0


def _entries(reader: Reader, rows: list[ChangedRow]) -> tuple[Entry | Gone, ...]:
    if not rows:
        return ()
    stores = as_list({row.store: None for row in rows})
    trees: dict[str, dict[str, Node]] = {row.store: {} for row in rows}
    for node in reader.all(storage.LIST_CATEGORIES_OF_STORES, limit=MOST_CATEGORIES, stores=stores):
        trees[node.store][node.id] = node
    languages = {row.store: row.language for row in reader.all(storage.LIST_LANGUAGES, stores=stores)}
    return tuple([_entry(row, trees[row.store], languages.get(row.store, LANGUAGE)) for row in rows])


def _entry(row: ChangedRow, tree: dict[str, Node], language: str) -> Entry | Gone:
    if row.status != "active":
        return Gone(row.store, ProductId(row.id))
    figures = Figures(row.price_from, bool(row.available), row.sold or 0)
    return entry_of(row.store, read_described(row.body), figures, tree, language)
