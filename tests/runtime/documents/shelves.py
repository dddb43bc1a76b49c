"""Processes of the shelf over each engine of documents, with what has become of them."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from pymongo import MongoClient

from mercato.runtime.answers import IdempotencyKey
from mercato.runtime.documents.mongo import MongoStore
from mercato.runtime.documents.store import DocumentStore
from mercato.runtime.documents.urls import Address
from mercato.runtime.reader import Reader
from mercato.values.messages import BUYER, Caller
from tests.runtime import shelf
from tests.runtime.ground import Ground
from tests.runtime.processes import Process, Processes, Work
from tests.runtime.shelf import GetShelf, Words
from tools.engines import Engine

STORE, OTHER = "sto_one", "sto_two"
ANN = Caller(store=STORE, buyer="usr_ann", roles=BUYER, request="req of ann")
BOB = Caller(store=OTHER, buyer="usr_bob", roles=BUYER, request="req of bob")


class Killed(BaseException):
    """The process has ended here."""


class Fuse:
    """Ends a process where it is told to, or does something else there, once."""

    def __init__(self) -> None:
        self.at = ""
        self.do: Any = None

    def __call__(self, place: str) -> None:
        if self.at and place.endswith(self.at):
            self.at = ""
            if self.do is None:
                raise Killed
            self.do()


class Shelves:
    """`server` is where documents are; None: in the database."""

    def __init__(self, ground: Ground, server: Engine | None = None) -> None:
        self.ground = ground
        self.server = server
        self.address = None if server is None else Address.read(server.url).at(f"contracts_{os.getpid()}_shelf")
        self.processes = Processes(ground, lambda _parts: shelf.service(), self.opened)
        self.fuse = Fuse()

    def opened(self, _service: str = "shelf") -> DocumentStore | None:
        return None if self.address is None else MongoStore(self.address, "the documents of shelf")

    def start(self) -> Process:
        return self.processes.start(self.fuse)

    async def dies(self, process: Process, at: str, *work: Work, caller: Caller = ANN) -> None:
        """Do this as one batch in a process that ends at this place, and loses its connections."""
        batch, _ = process.batch(work, caller)
        self.fuse.at = at
        try:
            await asyncio.to_thread(process.perform, batch)
        except Killed:
            process.database.close()
            return
        raise AssertionError(f"it has not come to {at}")

    def get(self, name: str, store: str = STORE) -> Words:
        """What a question finds."""
        with self.reading(store) as reader:
            return shelf.get_shelf(reader, GetShelf(name), Caller(store=store))

    def version(self, name: str, store: str = STORE) -> int:
        with self.reading(store) as reader:
            return shelf.shelf_of(reader, name).version

    @contextmanager
    def reading(self, store: str = STORE) -> Iterator[Reader]:
        """As one more process asks."""
        database, documents = self.ground.open("shelf"), self.opened()
        connection = database.reader()
        connection.begin((store,))
        reader = Reader(connection, database.compiled, self.processes.keyring)
        reader.store, reader.documents = store, documents
        try:
            yield reader
        finally:
            connection.rollback()
            database.close()
            if documents is not None:
                documents.close()

    def told(self) -> list[tuple[str, int, Words]]:
        """Events in the order of the log: of which shelf, at which version, with what on it."""
        rows = self.ground.rows(
            "shelf", "SELECT number, aggregate, aggregate_version, body FROM outbox ORDER BY number"
        )
        assert [number for number, *_ in rows] == list(range(1, len(rows) + 1))
        return [
            (name, int(version), tuple(msgspec.json.decode(bytes(body))["words"])) for _, name, version, body in rows
        ]

    def raw(self, name: str, store: str = STORE) -> dict[str, Any]:
        """A document as it is on MongoDB."""
        assert self.address is not None
        with MongoClient[dict[str, Any]](self.address.url) as client:
            found = client[self.address.database]["shelves"].find_one({"_id": f"{store} {name}"})
            assert found is not None
            return found

    def empty(self) -> None:
        if self.address is not None:
            with MongoClient[dict[str, Any]](self.address.url) as client:
                client.drop_database(self.address.database)

    async def close(self) -> None:
        await self.processes.close()
        self.empty()


def key(text: str, body: str = "body") -> IdempotencyKey:
    return IdempotencyKey("ann POST /put", text, body, 201)
