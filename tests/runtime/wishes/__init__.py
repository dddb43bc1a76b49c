"""A small service that only tells: the source that the notebook listens to."""

import msgspec
from sqlalchemy import MetaData

from mercato.runtime.service import Handle, Service
from mercato.runtime.transaction import Transaction
from mercato.values.messages import Anyone, Caller, Command, Event


class Wished(Event, frozen=True):
    """Somebody wants `change` on the page of this name; `kind` says how the listener will behave."""

    name: str
    kind: str
    change: int


class Passed(Event, frozen=True):
    """Nobody listens to this one."""

    name: str


class Wish(msgspec.Struct, frozen=True):
    name: str
    kind: str
    change: int


class Tell(Command[int], frozen=True):
    """Tell of these wishes, each an event of its own; a wish of the kind `passed` interests nobody."""

    allow = Anyone
    wishes: tuple[Wish, ...]


def tell(tx: Transaction, command: Tell, _caller: Caller) -> int:
    for wish in command.wishes:
        passed = wish.kind == "passed"
        event = Passed(wish.name) if passed else Wished(wish.name, wish.kind, wish.change)
        tx.emit(event, wish.name, 1)
    return len(command.wishes)


def service() -> Service:
    return Service(name="wishes", package=__name__, tables=MetaData(), handlers=(Handle(Tell, tell),))
