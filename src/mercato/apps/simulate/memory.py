"""What a process keeps in memory is what its databases say: numbers, positions, documents, rows."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import astuple

from mercato.apps.simulate.findings import Finding
from mercato.apps.simulate.process import ShopProcess
from mercato.apps.simulate.safety import Safety
from mercato.runtime.batches.executor import Executor
from mercato.runtime.memory import Place


def differences(process: ShopProcess, safety: Safety) -> Iterator[Finding]:
    """For a process that has come to rest."""
    yield from _places(process)
    for name, executor in process.node.executors.items():
        ((last,),) = safety.rows(name, "SELECT coalesce(max(number), 0) FROM outbox")
        if executor.number != last:
            yield Finding("I19", name, f"it thinks that its log ends at {executor.number}, it ends at {last}")
        stored = {str(row[0]): row[1] for row in safety.rows(name, "SELECT source, number FROM positions")}
        for source, feed in executor.feeds.items():
            if feed.position != stored[source]:
                text = f"it thinks that it is at {feed.position} of {source}, it is at {stored[source]}"
                yield Finding("I20", name, text)
    yield from remembered(process, safety)


def _places(process: ShopProcess) -> Iterator[Finding]:
    """Nobody is served, nobody has a place: what is never given back is missing one day."""
    assert process.shop is not None, "it has come to rest"
    edge = process.shop.edge
    if edge.admission.serving:
        yield Finding("F24", "admission", f"{edge.admission.serving} requests count as being served, and none is")
    for key, line in edge.bulkheads._lines.items():
        yield Finding("F24", "bulkheads", f"{line.inside} places for {key} are taken, and nobody is there")
    for name, worker in process.node._workers.items():
        for kind, held in worker._held.items():
            if held:
                yield Finding("I16", f"{name} worker", f"{held} of {kind} count as being done, and none is")


def remembered(process: ShopProcess, safety: Safety) -> Iterator[Finding]:
    """Documents and rows of all services whose database nobody changes at this moment."""
    for name, executor in process.node.executors.items():
        if executor.idle and executor.takes_commands:
            yield from _documents(name, executor, safety)
            for table in executor.service.tables.sorted_tables:
                if "kept" in table.info:
                    yield from _rows(name, executor, safety, table)


def _documents(name: str, executor: Executor, safety: Safety) -> Iterator[Finding]:
    for store, collection, id_, version in safety.rows(name, "SELECT store, collection, id, version FROM documents"):
        kept = executor.memory.find((str(store), str(collection), str(id_)))
        if kept is not None and kept.version != version:
            text = f"version {kept.version} is kept in memory, version {version} is stored"
            yield Finding("I22", f"{name} {collection} {id_}", text)


def _rows(name: str, executor: Executor, safety: Safety, table: Any) -> Iterator[Finding]:
    key = [column.name for column in table.primary_key if column.name != "store"]
    columns = ", ".join(column.name for column in table.c if column.name != "store")
    sql = f"SELECT store, {key[0]}, {columns} FROM {table.name} ORDER BY {', '.join(key)}"  # noqa: S608  declared names
    stored: dict[Place, list[tuple[Any, ...]]] = {}
    for store, row_id, *values in safety.rows(name, sql):
        stored.setdefault((str(store), table.name, str(row_id)), []).append(tuple(values))
    for place, content in executor.memory.contents():
        kept = [astuple(row) for row in content] if place[1] == table.name else []
        if kept and kept != stored.get(place, []):
            text = f"{kept} is kept in memory, {stored.get(place, [])} is stored"
            yield Finding("I22", f"{name} {table.name} {place[2]}", text)
