"""Bugs of the runtime, planted for a while: the suites of engines and logs must find each of them."""

from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import bindparam, update

from mercato.apps.simulate.mutants.planting import replaced
from mercato.runtime.bus.positions import MOVE_POSITION
from mercato.runtime.database.statements import Statement, fetch, write
from mercato.runtime.transaction import Transaction
from tests.runtime.database import samples
from tests.runtime.database.samples import Thing, things


def outbox_row_lost() -> AbstractContextManager[None]:
    """Of several events of a batch the last one is numbered, and is not in the log."""
    send = Transaction.send_outbox

    def forgetful(self: Transaction) -> None:
        if len(self.events) < 2:
            send(self)
            return
        *kept, _ = whole = self.events
        self.events = kept
        send(self)
        self.events = whole

    return replaced((Transaction, "send_outbox", forgetful))


def position_not_moved() -> AbstractContextManager[None]:
    """The position stays where it was, as if somebody had taken its move for done."""
    run = Transaction.run

    def lenient(self: Transaction, statement: Statement[None], **parameters: Any) -> int:
        return 1 if statement is MOVE_POSITION else run(self, statement, **parameters)

    return replaced((Transaction, "run", lenient))


def store_left_out() -> AbstractContextManager[None]:
    """A question and a change name the store of nothing, and nobody has asked why."""
    columns = [column for column in things.c if column.name != "store"]
    everything = fetch(Thing, things.select().with_only_columns(*columns).order_by(things.c.id), across_stores=True)
    label = write(
        update(things).where(things.c.id == bindparam("id")).values(label=bindparam("to")), across_stores=True
    )
    return replaced((samples, "LIST", everything), (samples, "SET_LABEL", label))
