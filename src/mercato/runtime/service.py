"""The shape of a service: the tables of its manifest, joined into one Service.

Each row names a message or an event and the plain function that serves it. Nothing is found by scanning; what a
service does is what its manifest says.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Literal, Protocol, TypeVar

import msgspec
from sqlalchemy import MetaData

from mercato.runtime.database.kept import Kept
from mercato.runtime.documents.collection import Collection
from mercato.runtime.reader import Reader
from mercato.runtime.transaction import Intent, Transaction
from mercato.values.messages import Caller, Command, Event, Query, Refusal

Reply = TypeVar("Reply")


class Door(Protocol):
    """How workers and jobs speak to services: by messages, like everybody else."""

    def do(self, command: Command[Reply], caller: Caller) -> Awaitable[Reply]:
        """Have a command executed; its reply, or its Refusal raised, after the commit."""

    async def ask(self, query: Query[Reply], caller: Caller) -> Reply:
        """Ask about committed state; the reply, or a Refusal raised."""


Handler = Callable[[Transaction, Any, Caller], Any]
Answerer = Callable[[Reader, Any, Caller], Any]
Listener = Callable[[Transaction, Any, Caller], None]
Names = Iterable[tuple[Kept[Any] | Collection[Any], Iterable[str]]]
Reads = Callable[[Any], Names]
Keys = Callable[[Reader, Any, Caller], Names]


class Needs(msgspec.Struct, frozen=True):
    """A command is of use only if work of this `kind` can begin at once. While its outside party fails, the command is
    answered with `refusal`, which says in its fact `retry_after` (seconds) when to come back. Nothing is stored."""

    kind: str
    refusal: type[Refusal]


class Handle(msgspec.Struct, frozen=True):
    """This command is executed by `run`.

    `reads` names rows that `run` will ask for: those of all messages of a batch are read at once, a question for each
    table. `keys` does so on server databases alone, where a question costs a way to the server: one after the other,
    each with what the earlier ones have found, and locked in the order of their ids. `subject` is for a command whose
    answer is decided later: the id under which `tx.answer` will complete it.
    """

    message: type[Command[Any]]
    run: Handler
    keys: tuple[Keys, ...] = ()
    subject: Callable[[Any], str] | None = None
    needs: Needs | None = None
    reads: Reads | None = None


class Ask(msgspec.Struct, frozen=True):
    """This query is answered by `run`: in the loop when it is a `point` query, else in the pool of readers.

    Its statements see one state; without `snapshot` each of them sees the latest, which is cheaper and right where they
    tell of things that change apart from each other. `keys` are as a Handle's: read together with those of the other
    questions that wait.
    """

    message: type[Query[Any]]
    run: Answerer
    point: bool = True
    snapshot: bool = True
    keys: tuple[Keys, ...] = ()


class Await(msgspec.Struct, frozen=True):
    """This query is answered when `settled(reply, query)`: `events` about `subject(query)` are worth a new look, and so
    is what the service says that has `changed`.

    The query has the field `seconds`, after which the answer is what `read` says then. `keys` are as a Handle's.
    """

    message: type[Query[Any]]
    read: Answerer
    settled: Callable[[Any, Any], bool]
    subject: Callable[[Any], str]
    events: tuple[type[Event], ...] = ()
    keys: tuple[Keys, ...] = ()


class Consult(msgspec.Struct, frozen=True):
    """This query is answered by `run(query, caller)`, which asks an outside party by an adapter of the service."""

    message: type[Query[Any]]
    run: Callable[[Any, Caller], Awaitable[Any]]


class Listen(msgspec.Struct, frozen=True):
    """Every such event has the effect of `run` here, once, in the order of the source's log.

    `reads` and `keys` name what `run` will ask for, as a Handle's.
    """

    event: type[Event]
    run: Listener
    reads: Reads | None = None
    keys: tuple[Keys, ...] = ()


class Work(msgspec.Struct, frozen=True):
    """Slow work of this `kind`: `run(body, intent, calls)` makes the outside call and returns the outcome's command.

    It may run again after a crash, or after it raised anything but NotYet and PeerFailed of the worker
    (`intent.attempts` > 0): then it must first find out what the earlier attempt did. After `tries` failures
    `give_up(body, intent)` makes the command that records it. `peer` names whom it calls: peers have their own limit of
    `at_once` calls and their own breaker. While that is open, work waits; what may not wait has
    `shut_out(body, intent)`, which makes the command that records it unsent. Work in the `background` gives way to
    shoppers: while the process is busy, only a trickle of it is done.
    """

    kind: str
    body: type[msgspec.Struct]
    run: Callable[[Any, Intent, Door], Awaitable[Command[Any]]]
    give_up: Callable[[Any, Intent], Command[Any]]
    peer: str
    at_once: int = 16
    tries: int = 12
    background: bool = False
    shut_out: Callable[[Any, Intent], Command[Any]] | None = None


class Job(msgspec.Struct, frozen=True):
    """Timed work: `run(calls, now)` every `every` milliseconds; its next time survives a restart."""

    name: str
    every: int
    run: Callable[[Door, int], Awaitable[None]]


class Follow(msgspec.Struct, frozen=True):
    """What every process with this service does by itself: `run(calls, is_calm)` begins when the process has started
    and is cancelled when it stops. Where it fails that is logged, and it begins again a little later. `is_calm()` says
    whether the loop keeps up with its timers: what can wait gives way to shoppers where it does not."""

    name: str
    run: Callable[[Door, Callable[[], bool]], Awaitable[None]]


class Service(msgspec.Struct, frozen=True):
    """Everything that the runtime must know about a service. `package` is where its migrations are.

    `routes` are rows of http/route.py; this module does not know HTTP.

    `documents` are the collections that it has. Where they are on a store without transactions over several documents,
    a handler that saves some changes nothing else: no rows, and it tells only of those (docs/decisions/0017).

    `forget(store, subject)` is called after a commit for everything that `tx.changed` has named.
    `close` lets go of what its adapters hold; it is called when the node has stopped.
    """

    name: str
    package: str
    tables: MetaData
    documents: tuple[Collection[Any], ...] = ()
    handlers: tuple[Handle, ...] = ()
    asks: tuple[Ask, ...] = ()
    awaits: tuple[Await, ...] = ()
    consults: tuple[Consult, ...] = ()
    listeners: tuple[Listen, ...] = ()
    work: tuple[Work, ...] = ()
    jobs: tuple[Job, ...] = ()
    follows: tuple[Follow, ...] = ()
    routes: tuple[Any, ...] = ()
    runs_in: Literal["loop", "thread"] = "loop"
    close: Callable[[], None] | None = None
    forget: Callable[[str, str], None] | None = None

    @property
    def messages(self) -> Iterator[type[Any]]:
        """The commands and queries that it takes."""
        for rows in (self.handlers, self.asks, self.awaits, self.consults):
            for row in rows:
                yield row.message


def named(field: str, *places: Kept[Any] | Collection[Any]) -> Keys:
    """What these tables and collections have under the id that a message has in this field."""
    id_of = attrgetter(field)
    return lambda _reader, message, _caller: tuple((place, (id_of(message),)) for place in places)


def source_of(event: type[Event]) -> str:
    """The service that publishes an event: the name of the contracts file that defines it."""
    return event.__module__.rpartition(".")[2]
