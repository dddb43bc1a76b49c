"""A small service that has documents and nothing else: what a store without transactions over several of them wants."""

import msgspec
from sqlalchemy import MetaData

from mercato.runtime.documents.collection import Collection, Document
from mercato.runtime.service import Ask, Handle, Listen, Names, Service, named
from mercato.runtime.transaction import Reader, Transaction
from mercato.services.carts.domain import CartDocument
from mercato.values.ids import BuyerId
from mercato.values.messages import Anyone, Buyer, Caller, Command, Event, Query, Refusal
from tests.runtime.wishes import Wished

Words = tuple[str, ...]


class Shelf(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was put on it, in order. `taken_from` is the shelf, with its version, whose words were moved here last."""

    words: Words = ()
    taken_from: tuple[str, int] | None = None


SHELVES = Collection("shelves", Shelf)
CARTS = Collection("carts", CartDocument)
_SHELF = named("name", SHELVES)


class Filled(Event, frozen=True):
    name: str
    words: Words


class Unwanted(Refusal):
    status, code = 422, "shelf_unwanted"
    advice = "Put something else there."


class Put(Command[Words], frozen=True):
    """Put a word on a shelf. `then` is what goes wrong after that."""

    allow = Buyer
    name: str
    word: str
    then: str = ""


class PutAt(Command[Words], frozen=True):
    """Put a word on a shelf that is believed to be at this version, with nothing on it."""

    allow = Buyer
    name: str
    version: int
    word: str


class Move(Command[Words], frozen=True):
    """Move everything from one shelf to another."""

    allow = Buyer
    source: str
    name: str


class Look(Command[Words], frozen=True):
    """What a command sees."""

    allow = Buyer
    name: str


class Keep(Command[int], frozen=True):
    """Store a cart as it is; its version."""

    allow = Buyer
    name: str
    cart: CartDocument


class GetShelf(Query[Words], frozen=True):
    allow = Anyone
    name: str


def put(tx: Transaction, command: Put, _caller: Caller) -> Words:
    words = _put(tx, command.name, command.word)
    match command.then:
        case "refuse":
            raise Unwanted
        case "break":
            raise RuntimeError("a fault in a handler")
        case "tell of another":
            tx.emit(Filled("another", ()), "another", 1)
    return words


def put_at(tx: Transaction, command: PutAt, _caller: Caller) -> Words:
    return _save(tx, Document(command.name, command.version, Shelf((command.word,))))


def move(tx: Transaction, command: Move, _caller: Caller) -> Words:
    source, target = shelf_of(tx, command.source), shelf_of(tx, command.name)
    which = (source.id, source.version)
    words = target.body.words if target.body.taken_from == which else target.body.words + source.body.words
    _save(tx, Document(target.id, target.version, Shelf(words, which)))
    _save(tx, Document(source.id, source.version, Shelf()))
    return words


def look(tx: Transaction, command: Look, _caller: Caller) -> Words:
    return shelf_of(tx, command.name).body.words


def keep(tx: Transaction, command: Keep, _caller: Caller) -> int:
    found = tx.load(CARTS, command.name) or Document(command.name, 0, CartDocument(BuyerId("")))
    return tx.save(CARTS, Document(found.id, found.version, command.cart)).version


def when_wished_put_it(tx: Transaction, event: Wished, _caller: Caller) -> None:
    _put(tx, event.name, str(event.change))


def get_shelf(reader: Reader, query: GetShelf, _caller: Caller) -> Words:
    return shelf_of(reader, query.name).body.words


def shelf_of(reader: Reader, name: str) -> Document[Shelf]:
    return reader.load(SHELVES, name) or Document(name, 0, Shelf())


def both(_reader: Reader, command: Move, _caller: Caller) -> Names:
    return ((SHELVES, (command.source, command.name)),)


def _put(tx: Transaction, name: str, word: str) -> Words:
    shelf = shelf_of(tx, name)
    return _save(tx, Document(name, shelf.version, Shelf((*shelf.body.words, word), shelf.body.taken_from)))


def _save(tx: Transaction, shelf: Document[Shelf]) -> Words:
    saved = tx.save(SHELVES, shelf)
    tx.emit(Filled(saved.id, saved.body.words), saved.id, saved.version)
    return saved.body.words


def service() -> Service:
    return Service(
        name="shelf",
        package=__name__,
        tables=MetaData(),
        documents=(SHELVES, CARTS),
        handlers=(
            Handle(Put, put, keys=(_SHELF,)),
            Handle(PutAt, put_at),
            Handle(Move, move, keys=(both,)),
            Handle(Look, look),
            Handle(Keep, keep),
        ),
        asks=(Ask(GetShelf, get_shelf, snapshot=False, keys=(_SHELF,)),),
        listeners=(Listen(Wished, when_wished_put_it, keys=(_SHELF,)),),
    )
