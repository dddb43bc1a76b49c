"""Events that only documents know of, since a process ended between writing them and its commit: a job looks for them
and brings them to the log."""

from mercato.runtime.batches.executor import Executor
from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.parts import WorkPool
from mercato.runtime.service import Door, Handle, Job
from mercato.runtime.settings import SettingsError
from mercato.runtime.transaction import Transaction
from mercato.values.clock import SECOND
from mercato.values.messages import Caller, Command, System

EVERY = 5 * SECOND
AGE = 5 * SECOND  # of an event from which on it is looked for: younger ones are on their way
AT_ONCE = 500  # documents

_ROW = "SELECT collection FROM documents"


class TellLateEvents(Command[int], frozen=True):
    """Bring to the log what these documents of one store hold and the log does not have; how many events."""

    allow = System
    collection: str
    ids: tuple[str, ...]


def tell_late_events(tx: Transaction, command: TellLateEvents, caller: Caller) -> int:
    """At its end each transaction tells what the documents hold that it has found."""
    assert tx.session is not None, "only documents that are elsewhere hold events"
    tx.session.find(caller.store, command.collection, command.ids)
    return len(tx.session.held)


def late_jobs(executor: Executor, readers: WorkPool) -> tuple[Job, ...]:
    """The job of a service whose documents are on a store of their own."""
    documents = executor.documents
    if documents is None:
        return ()
    executor.add_handle(Handle(TellLateEvents, tell_late_events))
    names = [collection.name for collection in executor.service.documents]

    async def run(_calls: Door, now: int) -> None:
        try:
            places = await readers.run(lambda: documents.held(names, now - AGE, AT_ONCE))
        except DatabaseFault:
            return  # who needs it says so
        by_store: dict[tuple[str, str], list[str]] = {}
        for store, collection, document_id in places:
            by_store.setdefault((store, collection), []).append(document_id)
        for (store, collection), ids in by_store.items():
            await executor.submit(TellLateEvents(collection, tuple(ids)), Caller.system(store, "housekeeping"))

    return (Job(f"{executor.name}: tell late events", EVERY, run),)


def prepare_documents(executor: Executor) -> None:
    """Reach the store of a service's documents before it starts. Raises DatabaseFault where that fails, SettingsError
    where the documents are in its database."""
    documents = executor.documents
    if documents is None:
        return
    connection = executor.database.across()
    try:
        rows = connection.fetch(_ROW, (), 1)
    finally:
        connection.close()
    if rows:
        raise SettingsError(
            f"documents of {executor.name} are in its database, and would not be seen on {documents.shown}: leave "
            f"MERCATO_DOCUMENTS and MERCATO_{executor.name.upper()}_DOCUMENTS out"
        )
    documents.prepare(collection.name for collection in executor.service.documents)
