"""A cache in this process's memory, bounded: what is oldest goes first."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mercato.runtime.access.limits import Rule
from mercato.runtime.cache.engine import LONGEST, MOST_DEBT, Found, Permit
from mercato.values.clock import Clock
from mercato.values.ids import Ids

ROOM = 50_000  # entries, and as many buckets


class _Entry(NamedTuple):
    subject: tuple[str, str]
    value: bytes
    until: int


class LocalCache:
    """`shared` is for several directories and limiters in one process, as tests have them."""

    up = True

    def __init__(self, clock: Clock, ids: Ids, *, shared: bool = False, room: int = ROOM) -> None:
        self.shared = shared
        self._clock = clock
        self._ids = ids
        self._room = room
        self._gates: dict[str, str] = {}
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._by_subject: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._entries) + len(self._full_at)

    def start(self) -> None: ...

    async def find(self, kind: str, key: str) -> Found:
        now = self._clock.now()
        gate = self._gates.get(kind)
        if gate is None:
            gate = self._gates[kind] = self._ids.secret().hex()
        entry = self._entries.get((kind, key))
        permit = Permit(kind, key, gate, now)
        if entry is None or entry.until <= now:
            return Found(permit=permit)
        return Found(entry.value, entry.until - now, permit)

    def keep(self, permit: Permit, subject: str, value: bytes, life: int) -> None:
        now = self._clock.now()
        until = min(permit.asked_at + life, now + LONGEST)
        if permit.gate != self._gates.get(permit.kind) or until <= now:
            return
        place, whose = (permit.kind, permit.key), (permit.kind, subject)
        self._forget(place)
        while len(self._entries) >= self._room:
            self._forget(next(iter(self._entries)))
        self._entries[place] = _Entry(whose, value, until)
        self._by_subject.setdefault(whose, set()).add(place)

    def drop(self, kind: str, subjects: Iterable[str]) -> None:
        self._gates.pop(kind, None)
        for subject in subjects:
            for place in tuple(self._by_subject.get((kind, subject), ())):
                self._forget(place)

    async def take(self, rule: Rule, tokens: Mapping[str, int]) -> tuple[float, ...] | None:
        return tuple(self._take(rule, key, number) for key, number in tokens.items())

    async def ask(self, rule: Rule, key: str) -> float | None:
        before = self._take(rule, key, 0)
        if before >= 1:
            self._take(rule, key, 1)
        return before

    async def close(self) -> None:
        self.flush()

    def flush(self) -> None:
        """Forget everything."""
        for kept in (self._gates, self._entries, self._by_subject, self._full_at):
            kept.clear()

    def _forget(self, place: tuple[str, str]) -> None:
        entry = self._entries.pop(place, None)
        if entry is not None:
            places = self._by_subject[entry.subject]
            places.discard(place)
            if not places:
                del self._by_subject[entry.subject]

    def _take(self, rule: Rule, key: str, number: int) -> float:
        """How many tokens are left then. A bucket is the moment at which it will be full again (GCRA)."""
        now, per_ms = self._clock.now(), rule.per_second / 1_000
        full = self._full_at.pop(key, now)
        most = now + MOST_DEBT * rule.burst / per_ms
        full = min(max(full, now) + number / per_ms, most)
        if full > now:
            while len(self._full_at) >= self._room:
                del self._full_at[next(iter(self._full_at))]
            self._full_at[key] = full
        return round(rule.burst - (full - now) * per_ms, 6)
