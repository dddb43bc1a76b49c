"""I19 and I20 for every service: logs without gaps, positions never beyond the end of their source."""

from collections.abc import Iterator

from mercato.apps.verify.snapshot import Difference, Snapshot


def gaps(look: Snapshot) -> Iterator[Difference]:
    for name, log in look.logs.items():
        if log.count and log.last - log.first + 1 != log.count:
            yield Difference("I19", f"log of {name}", f"numbers {log.first} to {log.last} are only {log.count} events")


def positions(look: Snapshot) -> Iterator[Difference]:
    for consumer, sources in look.positions.items():
        for source, number in sources.items():
            if source in look.logs and number > look.logs[source].last:
                text = f"it has done {number} of {look.logs[source].last} events"
                yield Difference("I20", f"{consumer} in the log of {source}", text)
