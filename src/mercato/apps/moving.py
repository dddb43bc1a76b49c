"""A closed shop moves from its data folder to databases on servers: every row of every service, checked on both sides.
Documents go to a store of their own where the settings name one.

What is copied is known to the target with each page of it, so a move that was interrupted goes on where it was. The
folder is only read.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import msgspec

from mercato.apps.control import News, Tell
from mercato.runtime.bus.outbox import LAST_NUMBER
from mercato.runtime.bus.sequence import ADD_SEQUENCE, LOG
from mercato.runtime.database import tables
from mercato.runtime.database.copying import Copier, Sum, fault
from mercato.runtime.database.engine import Connection, Database
from mercato.runtime.database.migrating import LIST_MIGRATIONS, pending
from mercato.runtime.database.moved import Moved, make_progress_table
from mercato.runtime.database.opening import open_database
from mercato.runtime.database.sqlite import SqliteConnection, connect
from mercato.runtime.database.urls import Address
from mercato.runtime.documents.copying import target_of
from mercato.runtime.documents.opening import open_documents, require_documents
from mercato.runtime.documents.store import DocumentStore
from mercato.runtime.documents.urls import Address as DocumentsAddress
from mercato.runtime.migrate import known_migrations, migrate
from mercato.runtime.service import Service
from mercato.runtime.settings import Settings, SettingsError

# Whoever held something has ended with the shop; the numbers of events are drawn only where several processes do.
LEFT_OUT = ("leases", "sequence")
_OF_A_STATE = (tables.jobs, tables.leases, tables.positions)  # no shop is open for a second without changing them


class Compared(msgspec.Struct, frozen=True):
    """One table on both sides."""

    name: str
    folder: Sum
    server: Sum

    @property
    def same(self) -> bool:
        return self.folder == self.server


class Pair(msgspec.Struct, frozen=True):
    """A table in the folder and on the server."""

    source: Copier
    target: Copier


class Side(msgspec.Struct, frozen=True, dict=True):
    """One service: its file, and its database on a server."""

    service: Service
    source: Connection
    database: Database
    target: Connection
    moved: Moved
    documents: DocumentStore | None = None

    @property
    def name(self) -> str:
        return self.service.name

    @cached_property
    def pairs(self) -> list[Pair]:
        """What is copied, by name."""
        return [each for each in self._all if each.source.name not in LEFT_OUT]

    @property
    def taken(self) -> str:
        """A table of the target that has rows already; "" where there is none."""
        return next((each.target.name for each in self._all if not each.target.is_empty(self.target)), "")

    @property
    def last(self) -> int:
        """The number of the latest event in the log."""
        asked = LAST_NUMBER.compile("sqlite")
        ((number,),) = self.source.fetch(asked.sql, asked.values(asked.constants), 1)
        return int(number)

    @property
    def state(self) -> str:
        """What differs whenever the shop of the folder has been open in between."""
        sums = (Copier(table, "sqlite").sum(self.source, 1_000) for table in _OF_A_STATE)
        return " ".join((str(self.last), *(found.shown for found in sums)))

    @property
    def _all(self) -> list[Pair]:
        found = (*tables.metadata.sorted_tables, *self.service.tables.sorted_tables)
        collections = [each.name for each in self.service.documents]
        pairs = (
            Pair(Copier(table, "sqlite"), target_of(table, self.database.dialect, self.documents, collections))
            for table in found
        )
        return sorted(pairs, key=lambda each: each.source.name)

    @contextmanager
    def faults(self) -> Iterator[None]:
        with _faults(self.name, self.database):
            yield


class Move:
    """Copies the shop of `settings.data` to the servers of the settings, `batch` rows at a time."""

    def __init__(self, settings: Settings, services: tuple[Service, ...], batch: int, now: int, tell: Tell) -> None:
        self._settings = settings
        self._services = services
        self._batch = batch
        self._now = now
        self._tell = tell
        self._done = self._total = 0

    def run(self) -> list[Compared] | None:
        """Copy what is not there yet, and compare all; None where an earlier run has done it.

        Raises ValueError for a folder or a target that will not do, DatabaseFault for an engine that fails.
        """
        require_documents(self._settings, (service.name for service in self._services if service.documents))
        with ExitStack() as opened:
            sources = [self._open_source(service, opened) for service in self._services]
            targets = [self._open_target(service, opened) for service in self._services]
            for service, database in zip(self._services, targets, strict=True):
                with _faults(service.name, database):
                    migrate(service, database, self._now)
                    make_progress_table(database)
            sides = [self._side(*each, opened) for each in zip(self._services, sources, targets, strict=True)]
            if all(side.moved.finished for side in sides):
                return None
            self._require_room(sides)
            return self._move(sides)

    # What must be so before anything is copied.

    def _open_source(self, service: Service, opened: ExitStack) -> Connection:
        """The file of a service, only for reading."""
        data = self._settings.data
        path = data / f"{service.name}.db"
        older = f"{data} is of an older version: open it once with this one (`mercato run`), close it, and move again"
        if not path.exists():
            raise ValueError(
                older if any(data.glob("*.db")) else f"{data} has no shop in it: name its folder by --from"
            )
        connection = SqliteConnection(path, connect, read_only=True)
        opened.callback(connection.close)
        rows = connection.fetch(LIST_MIGRATIONS.compile("sqlite").sql, (), 10_000)
        try:
            missing = pending(known_migrations(service), {name for name, _ in rows})
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        if missing:
            raise ValueError(older)
        return connection

    def _open_target(self, service: Service, opened: ExitStack) -> Database:
        name = service.name
        if not (self._settings.database or name in self._settings.databases):
            raise SettingsError(
                f"nothing says where {name} moves to: give --to, or set MERCATO_DATABASE or "
                f"MERCATO_{name.upper()}_DATABASE, to postgresql://USER:PASSWORD@HOST:PORT/NAME or mysql://..."
            )
        database = open_database(self._settings, name)
        opened.callback(database.close)
        return database

    def _side(self, service: Service, source: Connection, database: Database, opened: ExitStack) -> Side:
        with _faults(service.name, database):
            target = database.across()
            opened.callback(target.close)
            documents = open_documents(self._settings, service.name) if service.documents else None
            if documents is not None:
                opened.callback(documents.close)
                documents.prepare(each.name for each in service.documents)
            return Side(service, source, database, target, Moved(target), documents)

    def _require_room(self, sides: list[Side]) -> None:
        """Every target is empty, or has a part of what is in this folder now; else nothing is begun anywhere."""
        for side in sides:
            place = _place(side.name)
            if side.moved.folder not in (None, side.state):
                raise ValueError(
                    f"{place} has a part of another folder, or of this one before it was opened again: remove the "
                    "databases there, and move again"
                )
            with side.faults():
                taken = side.taken if side.moved.folder is None else ""
            if taken:
                raise ValueError(
                    f"{place} has rows of its own, in {taken}, and none is ever overwritten: move to databases that "
                    "are new, under another NAME in the URL"
                )
        for side in sides:
            if side.moved.folder is None:
                with side.faults():
                    side.moved.begin(side.state, [each.target.name for each in side.pairs])

    # The move itself.

    def _move(self, sides: list[Side]) -> list[Compared]:
        rows = sum(each.source.count(side.source) for side in sides for each in side.pairs)
        self._total = 3 * rows  # each row is written once and read once on each side
        if copied := sum(side.moved.copied for side in sides):
            self._tell(News(note=f"{copied:,} of {rows:,} rows are there already: the move goes on"))
        self._advance(copied)
        for side in sides:
            with side.faults():
                for pair in side.pairs:
                    self._copy(side, pair)
                self._set_sequence(side)
        compared = [self._compare(side, pair) for side in sides for pair in side.pairs]
        if all(each.same for each in compared):
            for side in sides:
                with side.faults():
                    side.moved.finish()
        return compared

    def _copy(self, side: Side, pair: Pair) -> None:
        progress = side.moved.of(pair.target.name)
        if progress.done:
            return
        for rows in pair.source.pages(side.source, self._batch, progress.after):
            side.moved.add(pair.target, rows)
            self._advance(len(rows))
        side.moved.add(pair.target, [])

    def _set_sequence(self, side: Side) -> None:
        """The next event gets the number after the log's last one."""
        added = side.database.compiled[ADD_SEQUENCE]
        side.target.begin()
        side.target.execute(added.sql, added.values({"name": LOG, "number": side.last}))
        side.target.execute("COMMIT")

    def _compare(self, side: Side, pair: Pair) -> Compared:
        """Both sides are read anew: what was copied is not believed."""
        folder = pair.source.sum(side.source, self._batch, self._advance)
        with side.faults():
            server = pair.target.sum(side.target, self._batch, self._advance)
        return Compared(f"{side.name}.{pair.source.name}", folder, server)

    def _advance(self, rows: int) -> None:
        self._done += rows
        self._tell(News(done=self._done, total=self._total))


@contextmanager
def _faults(service: str, database: Database) -> Iterator[None]:
    """Whatever the engine of this database says becomes one sentence."""
    try:
        yield
    except (OSError, ValueError):
        raise
    except Exception as error:
        raise fault(_place(service), database.writer, error) from error


def _place(service: str) -> str:
    return f"the database of {service} on the server"


def shown_target(settings: Settings) -> str:
    """Where the shop is now, without passwords."""
    urls = dict.fromkeys((*filter(None, (settings.database,)), *settings.databases.values()))
    stores = dict.fromkeys((*filter(None, (settings.documents,)), *settings.document_stores.values()))
    shown = (*(Address.read(url).shown for url in urls), *(DocumentsAddress.read(url).shown for url in stores))
    return ", ".join(shown)


def table_of(compared: list[Compared]) -> list[str]:
    """Counts and sums of both sides, a line for each table."""
    width = max(len(each.name) for each in compared)
    head = f"{'table':{width}}  {'rows in folder':>14}  {'on server':>12}  {'sum in folder':16}  {'on server':16}"
    lines = [head]
    for each in compared:
        folder, server = each.folder, each.server
        text = f"{each.name:{width}}  {folder.count:14,}  {server.count:12,}  {folder.shown}  {server.shown}"
        lines.append(text if each.same else f"{text}  DIFFERENT")
    return lines


def to_take_along(settings: Settings, keys: Path | None) -> list[str]:
    """Which other files of the folder are needed where the shop is now, and how it finds them."""
    data = settings.data.absolute()
    told = []
    if keys is None:
        told.append(f"keys: give every process a copy of {data / 'keys.json'}, and its path as MERCATO_KEYS")
    else:
        told.append(f"keys: {keys} is a copy; give it to every process, with MERCATO_KEYS={keys.absolute()}")
    media = data / "media"
    if not settings.media and media.is_dir() and any(media.iterdir()):
        told.append(f"media: have {media} where all processes reach it, with MERCATO_MEDIA=folder:PATH")
    elif settings.media:
        told.append("media: they are where MERCATO_MEDIA says: set it there as it is here")
    if (data / "test_gateway.jsonl").exists():
        told.append(f"test gateway: copy {data / 'test_gateway.jsonl'} to the data folder of the process of payments")
    if (data / "mail").is_dir():
        told.append(f"mail: what is in {data / 'mail'} was sent; nothing reads it again")
    return told
