"""Records of one kind in a cache, for which nobody has to be believed: sealed, bound to their key, and never old.

Whoever can write into the cache can make this process forget things, and cannot make it believe any.
"""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

import msgspec

from mercato.runtime.access.sealed import Unsealer, Unsound, seal
from mercato.runtime.cache.around import Around
from mercato.runtime.cache.engine import LONGEST, Cache, Permit
from mercato.runtime.cache.hashing import KeyHash

ROUNDED = 5  # ms by which times may be wrong that several clocks tell in whole ms

Record = TypeVar("Record", bound=msgspec.Struct)


class _Sealed(msgspec.Struct, frozen=True):
    """What is in the cache. `until` (ms since the epoch) holds whatever the cache says about the time that is left."""

    key: str
    until: int
    record: msgspec.Raw


class Lying(NamedTuple, Generic[Record]):
    """What was found: for how many ms it holds, and the permit to lay something there."""

    record: Record | None
    left: int
    permit: Permit | None


class Shelf(Generic[Record]):
    """Takes back only what was laid there since `doubt` was last called, or since it was made: about what had happened
    before, this process may have heard nothing. So nothing outlives its end here because a server was out of reach when
    it should have been dropped."""

    def __init__(self, cache: Cache, around: Around, kind: str, record: type[Record]) -> None:
        self._cache = cache
        self._clock = around.clock
        self._keyring = around.keyring
        self._kind = kind
        self._hash = KeyHash(around.keyring, kind)
        self._purpose = f"cached {kind}"
        self._unsealer = Unsealer(self._purpose, _Sealed, memo=False)
        self._decoder = msgspec.json.Decoder(record)
        self._since = 0.0
        self.unsound = 0
        self.doubt()

    async def find(self, key: str) -> Lying[Record]:
        """Ask before finding out by other means: the permit that comes with a miss is for what is found out after."""
        hashed, asked_at = self._hash(key), self._clock.elapsed()
        found = await self._cache.find(self._kind, hashed)
        if found.value is None:
            return Lying(None, 0, found.permit)
        try:
            sealed = self._unsealer.unseal(self._keyring, found.value.decode())
            record = self._decoder.decode(sealed.record)
        except (Unsound, ValueError):
            self.unsound += 1
            return Lying(None, 0, found.permit)
        left = min(found.left, sealed.until - self._clock.now())
        if sealed.key != hashed:
            self.unsound += 1
        elif left > 0 and LONGEST - left + ROUNDED < (asked_at - self._since) * 1_000:
            return Lying(record, left, found.permit)
        return Lying(None, 0, found.permit)

    def lay(self, permit: Permit | None, subject: str, record: Record, most: int = LONGEST) -> None:
        """Keep this where the permit is for, until its subject is dropped, for `most` ms at most."""
        life = min(most, LONGEST)
        if permit is not None and life > 0:
            content = _Sealed(permit.key, self._clock.now() + life, msgspec.Raw(msgspec.json.encode(record)))
            value = seal(self._keyring, self._purpose, content, memo=False).encode()
            self._cache.keep(permit, self._hash(subject), value, life)

    def drop(self, subjects: Iterable[str]) -> None:
        """What is kept of these is old."""
        self._cache.drop(self._kind, [self._hash(subject) for subject in subjects])

    def doubt(self) -> None:
        """Take back nothing that was laid there before now."""
        self._since = self._clock.elapsed()
