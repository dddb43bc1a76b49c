"""Which events a transaction tells, and their numbers, where several processes write one log."""

from msgspec.structs import replace

from mercato.runtime.bus.outbox import FIND_LOGGED
from mercato.runtime.bus.sequence import ADVANCE, LAST_DRAWN
from mercato.runtime.database.statements import as_list
from mercato.runtime.transaction import Transaction


def draw_numbers(tx: Transaction) -> int:
    """Number the events told here after the latest of all processes, who wait until this transaction ends; that latest
    number. First come those of earlier transactions that only documents know of."""
    _find_late(tx)
    count = len(tx.late) + len(tx.events)
    if not count:
        return tx.number
    tx.run(ADVANCE, count=count)
    drawn = tx.one(LAST_DRAWN)
    assert drawn is not None, "the row is made when the service starts"
    before = drawn.number - count
    first = before + 1
    tx.late = [replace(made, source=tx.source, number=first + place) for place, made in enumerate(tx.late)]
    first += len(tx.late)
    if tx.events and tx.events[0][0].number != first:
        tx.events = [(replace(made, number=first + place), event) for place, (made, event) in enumerate(tx.events)]
    tx.number = drawn.number
    return before


def _find_late(tx: Transaction) -> None:
    """Of the events that documents hold, those that are not in the log. Whoever might bring them there holds the row of
    the sequence until its end, so what is found here stays true until ours."""
    held = tx.session.held if tx.session is not None else []
    if tx.session is None or not held:
        return
    tx.run(ADVANCE, count=0)
    ids = [event.id for _, event in held]
    after = min(event.after for _, event in held)
    logged = tx.all(FIND_LOGGED, limit=len(ids), after=after, ids=as_list(ids))
    tx.late = tx.session.leave_out({row.id for row in logged})
