"""A process among others: its own door, its links, and which service is reached by which of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from mercato.runtime.calls import Calls, Receiver
from mercato.runtime.parts import Parts
from mercato.runtime.peers.door import Door
from mercato.runtime.peers.frames import VERSION, Hello, News
from mercato.runtime.peers.link import Link
from mercato.runtime.peers.names import Names
from mercato.runtime.peers.peer import Peer
from mercato.runtime.service import Service, source_of
from mercato.runtime.transaction import Transaction
from mercato.runtime.waiting import Waiters
from mercato.values.messages import Envelope, Event

Address = tuple[str, int]


class Place(msgspec.Struct, frozen=True):
    """What this process `runs`, where it listens for others (None: it runs nothing that they could want), and where the
    processes of each service are."""

    runs: frozenset[str]
    listen: Address | None
    peers: Mapping[str, tuple[Address, ...]]


class Member(Protocol):
    """The node that is in the network."""

    services: tuple[Service, ...]
    parts: Parts
    calls: Calls
    waiters: Waiters

    def wants(self) -> Iterable[type[Event]]: ...

    def heard(self, source: str, first: int, last: int, envelopes: Iterable[Envelope], /) -> None: ...

    def look_again(self, source: str, /) -> None: ...

    def changed(self, source: str, changes: Iterable[tuple[str, str]], /) -> None: ...


class Network:
    """Joins a node with the services that run elsewhere."""

    def __init__(self, place: Place, node: Member) -> None:
        self._place = place
        self._node = node
        self._door: Door | None = None
        self._links: dict[Address, Link] = {}

    def join(self, receivers: Mapping[str, Receiver], logs: Mapping[str, Any]) -> dict[str, Any]:
        """Open the door, make the links; the logs of the services that run elsewhere."""
        node, place = self._node, self._place
        names = Names(node.services)
        hello = Hello(VERSION, b"", node.parts.holder, tuple(sorted(place.runs)), self._wants())
        for addresses in place.peers.values():
            for address in addresses:
                if address != place.listen and address not in self._links:
                    self._links[address] = Link(node.parts, address, hello, self._heard, self._joined)
        remote = {}
        for service in node.services:
            if service.name in place.runs:
                continue
            links = [self._links[address] for address in place.peers.get(service.name, ())]
            remote[service.name] = Peer(service.name, node.parts, names, links)
            node.calls.add(service, remote[service.name])
        if place.listen is not None:
            self._door = Door(node.parts, names, receivers, logs)
            self._door.open(*place.listen)
        for link in self._links.values():
            link.start()
        return remote

    def want_more(self) -> None:
        """The node wants to hear of more than before."""
        for link in self._links.values():
            link.want(self._wants())

    def _wants(self) -> dict[str, tuple[str, ...]]:
        """Types of events by source; of all services at least what has changed."""
        return dict.fromkeys(self._place.peers, ()) | _by_source(self._node.wants())

    async def stop_taking(self) -> None:
        if self._door is not None:
            await self._door.close()

    def leave(self) -> None:
        for link in self._links.values():
            link.stop()

    def tell(self, source: str, tx: Transaction) -> None:
        """Tell others what a transaction has committed."""
        if self._door is None or not (tx.events or tx.late or tx.changes or tx.answers):
            return
        first, last = (tx.events[0][0].number, tx.events[-1][0].number) if tx.events else (0, 0)
        if tx.late and not tx.events:
            last = tx.late[-1].number  # with nothing told before it, whoever listens reads the log
        envelopes = tuple(envelope for envelope, _ in tx.events)
        changes = list(tx.changes)
        if not tx.answers_are_first:
            changes += [(answer.store, answer.subject) for answer in tx.answers]
        answers = tuple(tx.answers) if tx.answers_are_first else ()
        self._door.tell(News(source, first, last, envelopes, tuple(changes), answers))

    def _heard(self, news: News) -> None:
        node = self._node
        if news.source in self._place.runs:
            node.waiters.answered(news.answers)  # first: who is only told to look again may look too early
        if news.last:
            node.heard(news.source, news.first, news.last, news.envelopes)
        node.changed(news.source, news.changes)

    def _joined(self, link: Link) -> None:
        """What was said while the link was down, nobody here has heard."""
        for source in link.services:
            self._node.look_again(source)


def _by_source(kinds: Iterable[type[Event]]) -> dict[str, tuple[str, ...]]:
    """The names of these types of events by their source."""
    found: dict[str, set[str]] = {}
    for kind in kinds:
        found.setdefault(source_of(kind), set()).add(kind.__name__)
    return {source: tuple(sorted(names)) for source, names in found.items()}
