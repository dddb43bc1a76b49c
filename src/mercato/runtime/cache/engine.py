"""The port of caches: what is kept for a short while, and what is counted, by all processes together."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from mercato.runtime.access.limits import Rule

LONGEST = 30_000  # ms for which anything is kept
MOST_DEBT = 16  # bursts that a bucket may owe: what more was taken of it is forgiven


class Permit(msgspec.Struct, frozen=True):
    """To keep what is being found out. It is void once anything of its kind was dropped since it was given, or the
    cache was flushed: what was found out before may be old. `asked_at` is on the cache's own clock, in ms."""

    kind: str
    key: str
    gate: str
    asked_at: int


class Found(msgspec.Struct, frozen=True):
    """`value` is None for what is not kept, `left` are the ms for which it will be. Without a `permit` the cache is out
    of reach."""

    value: bytes | None = None
    left: int = 0
    permit: Permit | None = None


class Cache(Protocol):
    """Keys are hashes already: nobody who reads them learns an address or a token. Nothing here raises because a server
    is down: then nothing is found, and nothing is counted.

    `shared`: other processes have a part in it. Where they have not, whoever remembers things gains nothing by it.
    """

    shared: bool

    @property
    def up(self) -> bool:
        """Whether it is in reach."""

    def start(self) -> None:
        """Begin to reach the server, if there is one. Until then nothing is found."""

    async def find(self, kind: str, key: str) -> Found:
        """What is kept under this key, and the permit to keep something there."""

    def keep(self, permit: Permit, subject: str, value: bytes, life: int) -> None:
        """Keep this for `life` ms from when the permit was given, until its subject is dropped. Nobody waits for it."""

    def drop(self, kind: str, subjects: Iterable[str]) -> None:
        """Forget everything of these subjects, before anything that is asked of this cache later. It is tried until it
        is done, or until everything that was kept before is over by itself."""

    async def take(self, rule: Rule, tokens: Mapping[str, int]) -> tuple[float, ...] | None:
        """Take so many tokens out of the bucket of each key, also more than they have: how many each has then, below
        zero if it owes some. None: nobody knows."""

    async def ask(self, rule: Rule, key: str) -> float | None:
        """Take one token if there is one: how many there were before. Below 1: none was taken. None: nobody knows."""

    async def close(self) -> None: ...
