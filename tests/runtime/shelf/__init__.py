"""A small service that has documents and nothing else: what a store without transactions over several of them wants."""

import msgspec
from msgspec.structs import replace
from sqlalchemy import MetaData

from mercato.runtime.documents.collection import Collection, Document
from mercato.runtime.reader import Reader
from mercato.runtime.service import Ask, Handle, Listen, Names, Service, named
from mercato.runtime.transaction import Transaction
from mercato.services.carts.domain import CartDocument
from mercato.values.ids import BuyerId
from mercato.values.messages import Anyone, Buyer, Caller, Command, Event, Query, Refusal
from tests.runtime.wishes import Wished

Words = tuple[str, ...]


class Shelf(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was put on it, in order; how often it was emptied. `taken`: from which shelf words came last, how often that
    had been emptied before, and how many they were."""

    words: Words = ()
    emptied: int = 0
    taken: tuple[str, int, int] = ("", 0, 0)


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
    emptied, there = source.body.emptied, source.body.words
    *which, count = target.body.taken
    words = target.body.words + there[count if which == [source.id, emptied] else 0 :]
    taken = (source.id, emptied, len(there))
    _save(tx, Document(target.id, target.version, replace(target.body, words=words, taken=taken)))
    _save(tx, Document(source.id, source.version, replace(source.body, words=(), emptied=emptied + 1)))
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
    return _save(tx, Document(name, shelf.version, replace(shelf.body, words=(*shelf.body.words, word))))


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
