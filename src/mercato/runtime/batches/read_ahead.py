"""What the messages of a batch are going to ask for, read before it begins: one question for all rows of a table, one
for all idempotency keys."""

from collections.abc import Iterable, Mapping
from typing import Any

from mercato.runtime.batches.items import CommandItem, Context, EventItem, Item
from mercato.runtime.database.idempotency import FIND_KEYS
from mercato.runtime.database.statements import as_list
from mercato.runtime.reader import Reader
from mercato.runtime.service import Keys, Reads, Service
from mercato.runtime.transaction import Transaction
from mercato.values.messages import Caller

MOST = 2_000  # ids of one table; what is beyond is read when it is asked for

Message = tuple[tuple[Keys, ...], Any, Caller]  # what it asks for, itself, who sends it


def keys_of(service: Service, *, on_server: bool) -> dict[type[Any], tuple[Keys, ...]]:
    """What to read by the types of messages."""
    rows: list[tuple[type[Any], Reads | None, tuple[Keys, ...]]] = [
        *((row.message, row.reads, row.keys) for row in service.handlers),
        *((row.event, row.reads, row.keys) for row in service.listeners),
    ]
    steps = {
        message: ((_from_message(reads),) if reads is not None else ()) + (keys if on_server else ())
        for message, reads, keys in rows
    }
    return {message: keys for message, keys in steps.items() if keys}


def read_ahead(items: Iterable[Item], keys: Mapping[type[Any], tuple[Keys, ...]], tx: Transaction) -> None:
    """Have in memory what these items name."""
    if not keys:
        return
    asking = []
    for item in items:
        message, caller = _message(item)
        if (steps := keys.get(type(message))) is not None:
            asking.append((steps, message, caller))
    read_together(asking, tx)


def read_together(asking: Iterable[Message], reader: Reader) -> None:
    """Step by step, each for all messages: rows that are named by one alone are left to it."""
    step = 0
    while asking := [each for each in asking if step < len(each[0])]:
        wanted: dict[tuple[str, Any], list[str]] = {}
        for steps, message, caller in asking:
            reader.store = caller.store
            for kept, ids in steps[step](reader, message, caller):
                wanted.setdefault((caller.store, kept), []).extend(ids)
        for (store, kept), together in wanted.items():
            if len(together) > 1:
                reader.store = store
                reader.read_ahead(kept, together[:MOST])
        step += 1


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


def _from_message(reads: Reads) -> Keys:
    return lambda _reader, message, _caller: reads(message)


def _message(item: Item) -> tuple[Any, Caller]:
    """The command or event with its caller; None for an event that is tried again or could not be decoded."""
    match item:
        case CommandItem():
            return item.command, item.caller
        case EventItem():
            return item.event, Caller.system(item.envelope.store, item.envelope.id)
        case _:
            return None, _NOBODY


_NOBODY = Caller(store="")
