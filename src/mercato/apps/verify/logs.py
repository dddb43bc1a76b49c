"""I19 and I20 for every service: logs without gaps that have every event, positions never beyond the end of their
source."""

from collections.abc import Iterator

from mercato.apps.verify.snapshot import Difference, Snapshot
from mercato.values.clock import MINUTE


def gaps(look: Snapshot) -> Iterator[Difference]:
    for name, log in look.logs.items():
        if log.count and log.last - log.first + 1 != log.count:
            yield Difference("I19", f"log of {name}", f"numbers {log.first} to {log.last} are only {log.count} events")


def untold(look: Snapshot) -> Iterator[Difference]:
    """What documents hold of a process that has ended is told by a job within seconds."""
    for name, (store, collection, document_id) in look.untold(look.now - MINUTE):
        text = f"it holds events of more than a minute ago that are not in the log of {name}"
        yield Difference("I19", f"{store} {collection} {document_id}", text)


def positions(look: Snapshot) -> Iterator[Difference]:
    for consumer, sources in look.positions.items():
        for source, number in sources.items():
            if source in look.logs and number > look.logs[source].last:
                text = f"it has done {number} of {look.logs[source].last} events"
                yield Difference("I20", f"{consumer} in the log of {source}", text)
