"""A small service with everything that a batch can hold: rows changed at once and later, documents, events, refusals.

Its commands take few names, so that those of one batch meet on the same rows.
"""

from typing import Any, Literal

import msgspec
from sqlalchemy import CheckConstraint, Column, MetaData, Table, bindparam, func, select, update

from mercato.runtime.database.columns import Integer, Text, identity, required, store
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import fetch, insert_into, upsert, write
from mercato.runtime.documents.collection import Collection, Document
from mercato.runtime.reader import Reader
from mercato.runtime.service import Ask, Handle, Listen, Service
from mercato.runtime.transaction import Transaction, encode
from mercato.values.messages import Anyone, Buyer, Caller, Command, Event, Query, Refusal
from tests.runtime.wishes import Wished

metadata = MetaData()
pages = Table(
    "pages",
    metadata,
    identity("name"),
    store(),
    required("amount", Integer),
    required("version", Integer),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    sqlite_with_rowid=False,
)
rows = Table(
    "written_rows",
    metadata,
    identity("name"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    store(),
    required("text", Text),
    sqlite_with_rowid=False,
)
stamps = Table(
    "stamps",
    metadata,
    identity("name"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    store(),
    required("amount", Integer),
    required("version", Integer),
    sqlite_with_rowid=False,
)
totals = Table("totals", metadata, identity("name"), store(), required("amount", Integer), sqlite_with_rowid=False)


class Page(msgspec.Struct, frozen=True):
    name: str
    amount: int
    version: int


class Stamp(msgspec.Struct, frozen=True):
    name: str
    number: int
    amount: int
    version: int


class Sum(msgspec.Struct, frozen=True):
    count: int
    amount: int


class Total(msgspec.Struct, frozen=True):
    amount: int


class Sheet(msgspec.Struct, frozen=True):
    """A document: what was written on it, in order."""

    words: tuple[str, ...] = ()


_one = (pages.c.store == bindparam("store"), pages.c.name == bindparam("name"))
_part: Any = bindparam("part")
ADD_PAGE = insert_into(pages)
SAVE_PAGE = upsert(pages, update=("amount", "version"))
RAISE_PAGE = upsert(pages, increase=("amount",))
SET_AMOUNT = write(update(pages).where(*_one).values(amount=bindparam("amount")))
TAKE_PART = write(
    update(pages)
    .where(*_one, pages.c.amount >= _part)
    .values(amount=pages.c.amount - _part, version=pages.c.version + 1)
)
FIND_PAGE = fetch(Page, select(pages.c.name, pages.c.amount, pages.c.version).where(*_one))
LIST_PAGES = fetch(
    Page,
    select(pages.c.name, pages.c.amount, pages.c.version)
    .where(pages.c.store == bindparam("store"))
    .order_by(pages.c.name),
)
SUM_LINES = fetch(
    Sum,
    select(func.count().label("count"), func.coalesce(func.sum(rows.c.number), 0).label("amount")).where(
        rows.c.store == bindparam("store")
    ),
)
ADD_LINE = insert_into(rows)
ADD_TOTAL = upsert(totals)
_numbers = select(func.sum(rows.c.number)).where(
    rows.c.store == bindparam("store"), rows.c.name == bindparam("of_name")
)
_total = (totals.c.store == bindparam("store"), totals.c.name == bindparam("of_name"))
SET_TOTAL = write(update(totals).where(*_total).values(amount=func.coalesce(_numbers.scalar_subquery(), 0)))
FIND_TOTAL = fetch(Total, select(totals.c.amount).where(*_total))
STAMPS = Kept(stamps, Stamp, changing=("amount", "version"), guard="version")
SHEETS = Collection("sheets", Sheet)


class Changed(Event, frozen=True):
    name: str
    amount: int


class TooLittle(Refusal):
    status, code = 409, "notebook_too_little"
    advice = "Take less."


class Unwanted(Refusal):
    status, code = 422, "notebook_unwanted"
    advice = "Ask for something else."


How = Literal[
    "insert",
    "insert_later",
    "save_later",
    "raise_later",
    "set_later",
    "take",
    "look",
    "sum",
    "line",
    "total",
    "see_total",
    "refuse",
    "write_and_refuse",
    "later_and_refuse",
    "save_and_refuse",
    "break",
    "negative_later",
    "write_sheet",
    "write_sheet_and_break",
    "stamp",
    "stamp_and_break",
    "put_stamp",
    "remove_stamp",
    "count_stamps",
    "answer",
    "work",
]


class Do(Command[int], frozen=True):
    """Change the page of this name in one of many ways; the reply tells what the handler has seen."""

    allow = Buyer
    name: str
    how: How
    amount: int


class Begin(Command[int], frozen=True):
    """Something whose answer is decided later, under `subject`, which is a page of its own."""

    allow = Anyone
    name: str
    subject: str


class GetPages(Query[tuple[Page, ...]], frozen=True):
    allow = Anyone


class GetStamps(Query[tuple[Stamp, ...]], frozen=True):
    allow = Anyone
    name: str


class GetSheet(Query[tuple[str, ...]], frozen=True):
    allow = Anyone
    name: str


def do(tx: Transaction, command: Do, _caller: Caller) -> int:
    return act(tx, command.name, command.how, command.amount)


def begin(tx: Transaction, command: Begin, _caller: Caller) -> int:
    if tx.one(FIND_PAGE, name=command.subject) is not None:
        raise Unwanted("this has begun already")
    tx.defer(SAVE_PAGE, name=command.subject, amount=0, version=1)
    _emit(tx, command.name, 0)
    return 1


def when_wished_do_it(tx: Transaction, event: Wished, _caller: Caller) -> None:
    act(tx, event.name, event.kind, event.change)


def get_pages(reader: Reader, _query: GetPages, _caller: Caller) -> tuple[Page, ...]:
    return tuple(reader.all(LIST_PAGES))


def get_stamps(reader: Reader, query: GetStamps, _caller: Caller) -> tuple[Stamp, ...]:
    return reader.rows(STAMPS, query.name)


def get_sheet(reader: Reader, query: GetSheet, _caller: Caller) -> tuple[str, ...]:
    sheet = reader.load(SHEETS, query.name)
    return sheet.body.words if sheet else ()


def act(tx: Transaction, name: str, how: str, amount: int) -> int:
    match how:
        case "stamp" | "stamp_and_break" | "put_stamp" | "remove_stamp" | "count_stamps":
            return _stamp(tx, name, how, amount)
        case "look" | "sum" | "take" | "see_total":
            return _read(tx, name, how, amount)
        case "refuse" | "write_and_refuse" | "later_and_refuse" | "save_and_refuse" | "break" | "write_sheet_and_break":
            return _fail(tx, name, how, amount)
        case _:
            return _write(tx, name, how, amount)


def _read(tx: Transaction, name: str, how: str, amount: int) -> int:
    if how == "take":
        if not tx.run(TAKE_PART, name=name, part=amount):
            raise TooLittle(wanted=amount)
        page = tx.one(FIND_PAGE, name=name)
        assert page is not None
        _emit(tx, name, page.amount)
        return page.amount
    if how == "look":
        page = tx.one(FIND_PAGE, name=name)
        if page is None:
            raise Unwanted("there is no such page")
        return page.amount
    if how == "see_total":
        found = tx.one(FIND_TOTAL, of_name=name)
        return found.amount if found else -1
    total = sum(page.amount for page in tx.all(LIST_PAGES))
    sums = tx.one(SUM_LINES)
    assert sums is not None
    _emit(tx, name, total + sums.amount)
    return total * 1_000 + sums.count


def _stamp(tx: Transaction, name: str, how: str, amount: int) -> int:
    """Two stamps for each name, by the parity of the amount."""
    number = amount % 2
    match how:
        case "put_stamp":
            tx.put(STAMPS, Stamp(name, number, amount, 5))
        case "remove_stamp":
            tx.remove(STAMPS, name, number)
        case "stamp" | "stamp_and_break":
            found = next((stamp for stamp in tx.rows(STAMPS, name) if stamp.number == number), None)
            if found is None:
                tx.add(STAMPS, Stamp(name, number, amount, 1))
            else:
                tx.change(STAMPS, found, Stamp(name, number, found.amount + amount, found.version + 1))
    if how == "stamp_and_break":
        raise RuntimeError("a fault in a handler")
    total = sum(stamp.amount * (10 if stamp.number else 1) for stamp in tx.rows(STAMPS, name))
    _emit(tx, name, total)
    return total


def _fail(tx: Transaction, name: str, how: str, amount: int) -> int:
    match how:
        case "write_and_refuse":
            tx.run(SAVE_PAGE, name=name, amount=amount, version=7)
            _emit(tx, name, amount)
        case "later_and_refuse":
            tx.defer(SAVE_PAGE, name=name, amount=amount, version=8)
        case "save_and_refuse":
            _write(tx, name, "write_sheet", amount)
        case "break" | "write_sheet_and_break":
            _write(tx, name, "write_sheet" if how == "write_sheet_and_break" else "save_later", amount)
            tx.start("errand", name, Sheet())
            raise RuntimeError("a fault in a handler")
    raise Unwanted(how)


def _write(tx: Transaction, name: str, how: str, amount: int) -> int:
    match how:
        case "insert":
            tx.run(ADD_PAGE, name=name, amount=amount, version=1)
        case "insert_later":
            tx.defer(ADD_PAGE, name=name, amount=amount, version=1)
        case "save_later":
            tx.defer(SAVE_PAGE, name=name, amount=amount, version=2)
        case "raise_later":
            tx.defer(RAISE_PAGE, name=name, amount=amount, version=3)
        case "set_later":
            tx.defer(SET_AMOUNT, name=name, amount=amount)
        case "negative_later":
            tx.defer(SAVE_PAGE, name=name, amount=-1, version=4)
        case "line":
            tx.defer(ADD_LINE, name=name, number=amount, text=str(amount))
            tx.derive(SET_TOTAL, of_name=name)
        case "total":
            tx.defer(ADD_TOTAL, name=name, amount=0)
            tx.derive(SET_TOTAL, of_name=name)
        case "write_sheet":
            sheet = tx.load(SHEETS, name) or Document(name, 0, Sheet())
            words = (*sheet.body.words, str(amount))
            tx.save(SHEETS, Document(name, sheet.version, Sheet(words)))
            return len(words)
        case "answer":
            if tx.one(FIND_PAGE, name=f"begun {name}") is None:
                raise Unwanted("nothing waits for this answer")
            tx.answer(f"begun {name}", 201, encode(amount))
        case "work":
            tx.start("errand", name, Sheet((name,)))
    _emit(tx, name, amount)
    return amount


def _emit(tx: Transaction, name: str, amount: int) -> None:
    tx.emit(Changed(name, amount), name, amount)


def service() -> Service:
    return Service(
        name="notebook",
        package=__name__,
        tables=metadata,
        documents=(SHEETS,),
        handlers=(Handle(Do, do), Handle(Begin, begin, subject=lambda command: command.subject)),
        asks=(
            Ask(GetPages, get_pages),
            Ask(GetSheet, get_sheet, snapshot=False),
            Ask(GetStamps, get_stamps, snapshot=False),
        ),
        listeners=(Listen(Wished, when_wished_do_it, reads=lambda event: ((STAMPS, (event.name,)),)),),
    )
