"""What the events of a batch are going to ask for, read before it begins: one question for all rows of a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from mercato.runtime.batches.items import EventItem, Item
from mercato.runtime.database.kept import Kept
from mercato.runtime.service import Reads
from mercato.runtime.transaction import Transaction

MOST = 2_000  # ids of one table; what is beyond is read when it is asked for


def read_ahead(items: Iterable[Item], reads: Mapping[str, Reads], tx: Transaction) -> None:
    """Have in memory what these items name; `reads` has what to read by the types of events."""
    if not reads:
        return
    wanted: dict[tuple[str, Kept[Any]], list[str]] = {}
    for item in items:
        if isinstance(item, EventItem) and item.event is not None and (names := reads.get(item.envelope.type)):
            kept, ids = names(item.event)
            wanted.setdefault((item.envelope.store, kept), []).extend(ids)
    for (store, kept), together in wanted.items():
        if len(together) > 1:
            tx.store = store
            tx.read_ahead(kept, together[:MOST])
