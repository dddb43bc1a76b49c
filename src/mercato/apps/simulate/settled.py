"""Whether a process has come to rest: everything told is done, nothing waits, nothing is being called."""

from mercato.apps.simulate.process import ShopProcess
from mercato.runtime.database.engine import Connection


def is_settled(process: ShopProcess) -> bool:
    """Nothing is under way in memory or in any table."""
    return not unrest(process)


def unrest(process: ShopProcess) -> str:
    """The first thing that still waits, "" when nothing does."""
    node = process.node
    for name, executor in node.executors.items():
        if not (executor.takes_commands and executor.idle) or executor.has_work():
            return f"{name} has work"
        for source, feed in executor.feeds.items():
            if feed.position != node.executors[source].number:
                return f"{name} is at {feed.position} of {node.executors[source].number} events of {source}"
        parked = executor.list_parked()
        if parked:
            return f"{name} has parked {parked[0].source} {parked[0].number}: {parked[0].error}"
        waiting = _intents(executor.database.writer)
        if waiting:
            return f"{name} has slow work: {waiting}"
    ((latest,),) = node.executors["search"].database.writer.fetch("SELECT max(changed) FROM entries", (), 1)
    if process.index_mark < (latest or 0):
        return f"the index is at {process.index_mark} of {latest} changes"
    return ""


def _intents(connection: Connection) -> str:
    rows = connection.fetch("SELECT kind, subject, state, error FROM intents", (), 1)
    return " ".join(map(str, rows[0])) if rows else ""
