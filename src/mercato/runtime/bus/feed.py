"""A consumer's view of one source: what it has done, what waits in memory, and whether it must read the log."""

from collections import deque
from collections.abc import Sequence

from mercato.runtime.bus.event_types import EventTypes
from mercato.runtime.bus.outbox import Log
from mercato.values.messages import Envelope, Event

READ_AT_ONCE = 256
MEMORY = 4_096  # events that may wait in memory; a consumer that is further behind reads the log

Item = tuple[Envelope, Event | None]


class Feed:
    """Events of `source` for one consumer, in order, each once.

    `position` is the last number whose effect is committed; `seen` the last one that is waiting here or was passed
    over because no listener wants its type. An event that cannot be decoded is kept as None: it will be parked.
    """

    def __init__(self, source: str, types: frozenset[str], known: EventTypes) -> None:
        self.source = source
        self.position = 0
        self.seen = 0
        self._heard = 0
        self.types = types
        self._known = known
        self._waiting: deque[Item] = deque()
        self._log: Log | None = None
        self._behind = True

    def start(self, position: int, log: Log | None) -> None:
        """Go on after `position`. Without a `log`, whoever has one reads it and hands over what it says."""
        self._log = log
        self.restart(position)

    def restart(self, position: int) -> None:
        """Forget what waits in memory and read the log again after `position`."""
        self.position = self.seen = position
        self._heard = 0
        self._behind = True
        self._waiting.clear()

    def look_again(self) -> None:
        """The log may have more than was offered."""
        self._behind = True

    def offer(self, events: Sequence[Item], first: int, last: int) -> None:
        """Events just committed by the source: of those from `first` to `last` all that may be wanted. Only a consumer
        that is caught up takes them from memory."""
        if self._behind or first != self.seen + 1 or len(self._waiting) > MEMORY:
            self._behind = self._behind or last > self.seen
            self._heard = max(self._heard, last)
            return
        self._take_in(events, last)

    def catch_up(self, events: Sequence[Item], first: int, last: int) -> None:
        """As `offer`, by who brings all that the log has: what comes next is taken also when it is behind."""
        if first == self.seen + 1 and len(self._waiting) <= MEMORY:
            self._take_in(events, last)
            self._behind = self.seen < self._heard
        else:
            self.offer(events, first, last)

    def _take_in(self, events: Sequence[Item], last: int) -> None:
        types = self.types
        self._waiting.extend(item for item in events if item[0].type in types)
        self.seen = last

    def has_work(self) -> bool:
        return self._behind or bool(self._waiting)

    def take(self, limit: int) -> list[Item]:
        """The next events, at most `limit`."""
        if not self._waiting and self._behind and self._log is not None:
            self.accept(self._log.read(self.seen, READ_AT_ONCE))
        waiting = self._waiting
        return [waiting.popleft() for _ in range(min(limit, len(waiting)))]

    def put_back(self, items: Sequence[Item]) -> None:
        self._waiting.extendleft(reversed(items))

    def covered(self) -> int:
        """The position to store once everything taken so far is done: just before the next one that waits."""
        return self._waiting[0][0].number - 1 if self._waiting else self.seen

    def lags(self) -> bool:
        """Whether events that nobody wants here were passed over and the stored position does not say so yet."""
        return not self._waiting and self.seen > self.position

    @property
    def must_read(self) -> bool:
        """Nothing waits here, and the log may have more."""
        return self._behind and not self._waiting

    @property
    def waiting(self) -> int:
        """How many events wait here."""
        return len(self._waiting)

    def accept(self, envelopes: Sequence[Envelope]) -> None:
        """What the log has after `seen`, READ_AT_ONCE events or all."""
        for envelope in envelopes:
            if envelope.type in self.types:
                self._waiting.append((envelope, self._decode(envelope)))
        if envelopes:
            self.seen = envelopes[-1].number
        if len(envelopes) < READ_AT_ONCE:
            self._behind = self.seen < self._heard  # what was offered meanwhile may be later than what was read

    def _decode(self, envelope: Envelope) -> Event | None:
        try:
            return self._known.decode(envelope)
        except Exception:
            return None
