"""Documents on MongoDB: what is asked of it is one document at a time, written by its version.

Nothing here needs transactions, change streams or expiry. A write is acknowledged when the majority has it in its
journals, and only such writes are read. No question takes longer than PATIENCE; while no server can be written, none
is asked at all: the driver looks for one by itself, once a second.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
from pymongo import InsertOne, MongoClient, ReplaceOne, UpdateOne
from pymongo.collection import Collection as Stored
from pymongo.errors import BulkWriteError, ConfigurationError, InvalidURI, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from mercato.runtime.database.faults import DatabaseFault, InTheWay
from mercato.runtime.database.idempotency import KeyRow
from mercato.runtime.documents.collection import Collection, Document, Record
from mercato.runtime.documents.store import HeldEvent, Released, StoredDocument, Write
from mercato.runtime.documents.urls import Address
from mercato.runtime.memory import Place
from mercato.runtime.settings import SettingsError

PATIENCE = 3_000  # ms for which an exchange with the server may take, looking for the server included
LOOK = 1_000  # ms between two looks at whether a server is there
LONGEST_REASON = 200  # characters of what the driver says

_DUPLICATE = 11_000
_LOSABLE = WriteConcern(1)  # of what the next one who finds it does again
_AGE = "events.at"

BsonDocument = dict[str, Any]


class MongoStore:
    """The documents of one service in a database of their own. `name` begins each sentence about what went wrong."""

    def __init__(self, address: Address, name: str) -> None:
        self.shown = address.shown
        self._name = f"{name} on {address.shown}"
        try:
            self._client: MongoClient[BsonDocument] = MongoClient(
                address.url,
                connect=False,
                appname="mercato",
                timeoutMS=PATIENCE,
                serverSelectionTimeoutMS=PATIENCE,
                connectTimeoutMS=PATIENCE,
                heartbeatFrequencyMS=LOOK,
            )
        except (ConfigurationError, InvalidURI, ValueError) as error:
            raise SettingsError(f"{self._name}: {reason(error)}") from None
        self._database = self._client.get_database(
            address.database,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern("majority", j=True),
        )
        self._asked = False

    def prepare(self, collections: Iterable[str]) -> None:
        with self._faults():
            self._client.admin.command("ping")
            for name in collections:
                with suppress(OperationFailure):  # without it the sweep reads more, and finds the same
                    self._database[name].create_index([(_AGE, 1)], name="events_by_age", sparse=True)

    def load(self, place: Place, collection: Collection[Record]) -> Document[Record] | None:
        store, name, document_id = place
        with self._faults():
            row = self._database[name].find_one(_where(store, document_id), {"version": 1, "body": 1})
        return None if row is None else Document(document_id, int(row["version"]), collection.decode(row["body"]))

    def find(self, store: str, collection: str, ids: Sequence[str]) -> list[StoredDocument]:
        with self._faults():
            return [_stored(row) for row in self._database[collection].find(_where(store, *ids))]

    def write(self, writes: Sequence[Write], token: str) -> None:
        by_collection: dict[str, list[Write]] = {}
        for each in writes:
            by_collection.setdefault(each.collection, []).append(each)
        for name, group in by_collection.items():
            collection = self._database[name]
            with self._faults():
                if not _all_written(collection, group, token) and (lost := _lost(collection, group, token)):
                    raise InTheWay(f"{self._name}: somebody else has changed {', '.join(lost)} meanwhile")

    def release(self, released: Sequence[Released]) -> None:
        by_collection: dict[str, list[UpdateOne]] = {}
        for each in released:
            store, name, document_id = each.place
            gone: BsonDocument = {}
            if each.events:
                gone["events"] = {"id": {"$in": list(each.events)}}
            if each.operations:
                gone["answers"] = {"operation": {"$in": list(each.operations)}}
            update = UpdateOne(_where(store, document_id), {"$pull": gone})
            by_collection.setdefault(name, []).append(update)
        with self._faults():
            for name, updates in by_collection.items():
                self._database.get_collection(name, write_concern=_LOSABLE).bulk_write(updates, ordered=False)

    def held(self, collections: Iterable[str], before: int, limit: int) -> list[Place]:
        places: list[Place] = []
        with self._faults():
            for name in collections:
                rows = self._database[name].find({_AGE: {"$lt": before}}, {"store": 1, "id": 1}).limit(limit)
                places += [(row["store"], name, row["id"]) for row in rows]
        return places[:limit]

    def page(self, collection: str, after: str, size: int) -> list[StoredDocument]:
        with self._faults():
            rows = self._database[collection].find({"_id": {"$gt": after}}).sort("_id", 1).limit(size)
            return [_stored(row) for row in rows]

    def key_of(self, document: StoredDocument) -> str:
        return _key(document.store, document.id)

    def put(self, collection: str, documents: Sequence[StoredDocument]) -> None:
        requests = [ReplaceOne(_where(each.store, each.id), _bson(each, ""), upsert=True) for each in documents]
        if requests:
            with self._faults():
                self._database[collection].bulk_write(requests, ordered=False)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Whatever the driver says becomes one sentence; where no server can be written, nobody waits for one."""
        if self._asked and not self._client.topology_description.has_writable_server():
            raise DatabaseFault(f"{self._name}: no server can be written; see that MongoDB runs and can be reached")
        self._asked = True
        try:
            yield
        except PyMongoError as error:
            text = f"{self._name}: {reason(error)}; see that MongoDB runs, can be reached, and lets the login in"
            raise DatabaseFault(text) from error


def _all_written(collection: Stored[BsonDocument], writes: Sequence[Write], token: str) -> bool:
    """Try to write; whether all were certainly written. An answer with errors may count wrongly."""
    requests: list[InsertOne[BsonDocument] | ReplaceOne[BsonDocument]] = []
    for each in writes:
        document = _bson(each.document, token)
        if each.known:
            where = {**_where(each.document.store, each.document.id), "version": each.known}
            requests.append(ReplaceOne(where, document))
        else:
            requests.append(InsertOne(document))
    try:
        result = collection.bulk_write(requests, ordered=False)
    except BulkWriteError as error:
        details: Mapping[str, Any] = error.details or {}
        others = [each for each in details.get("writeErrors", ()) if each.get("code") != _DUPLICATE]
        if others or details.get("writeConcernErrors"):
            raise
        return False
    return int(result.inserted_count + result.matched_count) == len(writes)


def _lost(collection: Stored[BsonDocument], writes: Sequence[Write], token: str) -> list[str]:
    """The ids of those documents that do not carry the token."""
    keys = [_key(each.document.store, each.document.id) for each in writes]
    won = {row["_id"] for row in collection.find({"_id": {"$in": keys}, "token": token}, {"_id": 1})}
    return [each.document.id for each, key in zip(writes, keys, strict=True) if key not in won]


def _key(store: str, document_id: str) -> str:
    return f"{store} {document_id}"


def _where(store: str, *ids: str) -> BsonDocument:
    """Documents of this store with these ids."""
    keys = [_key(store, each) for each in ids]
    return {"_id": keys[0] if len(keys) == 1 else {"$in": keys}, "store": store}


def _bson(document: StoredDocument, token: str) -> BsonDocument:
    answers = [{"operation": operation, **msgspec.structs.asdict(row)} for operation, row in document.answers.items()]
    return {
        "_id": _key(document.store, document.id),
        "store": document.store,
        "id": document.id,
        "version": document.version,
        "body": document.body,
        "token": token,
        "done": list(document.done),
        "answers": answers,
        "events": [msgspec.structs.asdict(event) for event in document.events],
    }


def _stored(row: BsonDocument) -> StoredDocument:
    return StoredDocument(
        row["store"],
        row["id"],
        int(row["version"]),
        row["body"],
        tuple(msgspec.convert(_plain(event), HeldEvent) for event in row["events"]),
        tuple(row["done"]),
        {each.pop("operation"): msgspec.convert(_plain(each), KeyRow) for each in row["answers"]},
    )


def _plain(row: BsonDocument) -> BsonDocument:
    """Without the driver's own type of large numbers."""
    return {name: int(value) if isinstance(value, int) else value for name, value in row.items()}


def reason(error: Exception) -> str:
    """What the driver says, without its description of all servers."""
    text = str(error)
    for beginning in (", Timeout:", ", full error:", " (configured timeouts:"):
        text = text.partition(beginning)[0]
    text = " ".join(text.split())
    return text[:LONGEST_REASON].rstrip() or type(error).__name__
