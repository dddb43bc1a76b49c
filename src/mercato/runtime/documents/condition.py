"""How a server of documents is, for who looks after it."""

from collections.abc import Callable

import msgspec
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.documents.mongo import reason
from mercato.runtime.documents.urls import Address

TRIES = 3
_TRIAL = "mercato_doctor"  # the collection in which a document is written and removed


class StoreCondition(msgspec.Struct, frozen=True):
    """`members` are those of its replica set, 0 where there is none; `latency` is the shortest of a few exchanges, in
    milliseconds."""

    version: str
    members: int
    latency: float


def read_condition(address: Address, seconds: float, elapsed: Callable[[], float]) -> StoreCondition:
    """Write as the shop does, and ask; `elapsed` is a clock in seconds. Raises DatabaseFault, within this time."""
    try:
        return _read_condition(address, int(seconds * 400), elapsed)
    except PyMongoError as error:
        raise DatabaseFault(reason(error)) from error


def _read_condition(address: Address, milliseconds: int, elapsed: Callable[[], float]) -> StoreCondition:
    client: MongoClient[dict[str, object]] = MongoClient(
        address.url, timeoutMS=milliseconds, serverSelectionTimeoutMS=milliseconds, appname="mercato doctor"
    )
    with client:
        trial = client[address.database][_TRIAL]
        trial.delete_many({})
        trial.insert_one({"_id": "trial"})
        trial.drop()
        took = []
        for _ in range(TRIES):
            begin = elapsed()
            told = client.admin.command("hello")
            took.append((elapsed() - begin) * 1_000)
        return StoreCondition(str(client.server_info()["version"]), len(told.get("hosts", ())), min(took))
