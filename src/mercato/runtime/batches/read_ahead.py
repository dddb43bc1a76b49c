"""What the messages of a batch are going to ask for, read before it begins: one question for all rows of a table, one
for all idempotency keys."""

from collections.abc import Iterable, Mapping
from typing import Any

from mercato.runtime.batches.items import CommandItem, Context, EventItem, Item
from mercato.runtime.database.idempotency import FIND_KEYS
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import as_list
from mercato.runtime.service import Loads, Reads, Service
from mercato.runtime.transaction import Transaction
from mercato.values.messages import Caller

MOST = 2_000  # ids of one table; what is beyond is read when it is asked for


def reads_of(service: Service) -> dict[type[Any], Reads]:
    """What to read by the types of messages."""
    handled = {row.message: row.reads for row in service.handlers if row.reads is not None}
    heard = {row.event: row.reads for row in service.listeners if row.reads is not None}
    return {**handled, **heard}


def loads_of(service: Service) -> dict[type[Any], Loads]:
    """Which documents to load by the types of messages."""
    handled = {row.message: row.loads for row in service.handlers if row.loads is not None}
    heard = {row.event: row.loads for row in service.listeners if row.loads is not None}
    return {**handled, **heard}


def read_ahead(items: Iterable[Item], reads: Mapping[type[Any], Reads], tx: Transaction) -> None:
    """Have in memory what these items name."""
    if not reads:
        return
    wanted: dict[tuple[str, Kept[Any]], list[str]] = {}
    for item in items:
        store, message = _message(item)
        names = reads.get(type(message))
        for kept, ids in names(message) if names is not None else ():
            wanted.setdefault((store, kept), []).extend(ids)
    for (store, kept), together in wanted.items():
        if len(together) > 1:
            tx.store = store
            tx.read_ahead(kept, together[:MOST])


def read_documents(items: Iterable[Item], loads: Mapping[type[Any], Loads], tx: Transaction) -> None:
    """Have the documents here that these items name, where they are not in the database."""
    if tx.session is None:
        return
    wanted: dict[tuple[str, str], list[str]] = {}
    for item in items:
        store, message = _message(item)
        names = loads.get(type(message))
        if names is not None:
            caller = item.caller if isinstance(item, CommandItem) else Caller.system(store, "")
            collection, ids = names(message, caller)
            wanted.setdefault((store, collection.name), []).extend(ids)
    for (store, name), together in wanted.items():
        tx.session.find_ahead(store, name, together)


def read_keys(items: Iterable[Item], tx: Transaction, context: Context) -> None:
    """Know what was stored before for the keys of these items."""
    wanted: dict[str, dict[tuple[str, str], None]] = {}
    for item in items:
        if isinstance(item, CommandItem) and item.key is not None:
            wanted.setdefault(item.caller.store, {})[item.key.scope, item.key.key] = None
    for store, pairs in wanted.items():
        if len(pairs) > 1:
            tx.store = store
            for found in tx.all(FIND_KEYS, pairs=as_list(pairs)):
                context.keys[store, found.scope, found.client_key] = found.row
            context.looked_up.update((store, *pair) for pair in pairs)


def _message(item: Item) -> tuple[str, Any]:
    """The store and the command or event; None for an event that is tried again or could not be decoded."""
    match item:
        case CommandItem():
            return item.caller.store, item.command
        case EventItem():
            return item.envelope.store, item.event
        case _:
            return "", None
