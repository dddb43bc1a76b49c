"""Where tests of the runtime have their databases: files of their own, or a server's that all tests share."""

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from mercato.runtime.database.engine import Database
from mercato.runtime.database.mysql import MysqlDatabase
from mercato.runtime.database.postgresql import PostgresDatabase
from mercato.runtime.database.sqlite import SqliteDatabase
from mercato.runtime.database.urls import Address
from mercato.runtime.migrate import migrate
from mercato.runtime.service import Service
from tests.databases import asked, connected, drop, empty_tables
from tools.engines import Engine


class Ground:
    """Databases by the names of their services. `server` None: files in `folder`."""

    def __init__(self, kind: str, folder: Path, server: Engine | None = None) -> None:
        self.kind = kind
        self.folder = folder
        self.server = server
        self.opened: list[Database] = []
        self.services: set[str] = set()

    @property
    def shared(self) -> bool:
        return self.server is not None

    def open(self, service: str) -> Database:
        """A service's database as one more process opens it."""
        database: Database
        if self.server is None:
            database = SqliteDatabase(self.folder / f"{service}.db")
        else:
            kind = MysqlDatabase if self.kind == "mariadb" else PostgresDatabase
            database = kind(self.address(service), self.owner(service))
        self.opened.append(database)
        self.services.add(service)
        return database

    def made(self, service: Service) -> Database:
        """As `open`, with the tables of the service."""
        database = self.open(service.name)
        migrate(service, database, 1)
        return database

    def address(self, service: str) -> Address:
        assert self.server is not None, "files have no address"
        return Address.read(self.server.url).at(self._name(service))

    def owner(self, service: str) -> Address:
        assert self.server is not None, "files have no owner"
        assert self.server.owner_url is not None, "tests have the login of the owner"
        return Address.read(self.server.owner_url).at(self._name(service))

    def rows(self, service: str, statement: str) -> list[tuple[Any, ...]]:
        """What is committed, of all stores."""
        if self.server is not None:
            return [tuple(row) for row in asked(self.owner(service), statement)]
        database = SqliteDatabase(self.folder / f"{service}.db")
        try:
            return database.writer.fetch(statement, (), 10_000)
        finally:
            database.close()

    def kill_sessions(self, service: str) -> int:
        """End every session of the service at the server, as if somebody had pulled the plugs; how many."""
        login = self.address(service)
        if self.kind == "postgresql":
            sessions = f"pg_stat_activity WHERE datname = '{login.database}' AND usename = '{login.user}'"
            return len(asked(login.at("mercato"), f"SELECT pg_terminate_backend(pid, 5000) FROM {sessions}"))  # noqa: S608
        with closing(connected(login)) as connection, connection.cursor() as cursor:
            sessions = f"information_schema.processlist WHERE db = '{login.database}' AND user = '{login.user}'"
            cursor.execute(f"SELECT id FROM {sessions} AND id <> CONNECTION_ID()")  # noqa: S608 - our own
            found = [number for (number,) in cursor.fetchall()]
            for number in found:
                cursor.execute(f"KILL {number}")
            return len(found)

    def emptied(self, services: Iterable[str]) -> None:
        for service in services if self.server is not None else ():
            empty_tables(self.owner(service))

    def dropped(self, services: Iterable[str]) -> None:
        for service in services if self.server is not None else ():
            drop(self.owner(service))

    def close(self) -> None:
        for database in self.opened:
            database.close()
        self.opened.clear()

    def _name(self, service: str) -> str:
        return f"contracts_{os.getpid()}_{service}"
