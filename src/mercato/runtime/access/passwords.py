"""Passwords: the port that edges are handed, and argon2id behind it, away from the loop and with a bounded queue."""

import unicodedata
from collections.abc import Callable
from typing import Protocol, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from mercato.values.messages import Overloaded

Result = TypeVar("Result")

TIME_COST = 2
MEMORY_COST = 19 * 1_024  # KiB
PARALLELISM = 1
MOST_WAITING = 64  # who comes when so many wait would wait a second or more, and is told to come back instead


class Passwords(Protocol):
    """Hashes and verifies passwords. Both raise Overloaded when too many wait already."""

    async def hash(self, password: str) -> str:
        """A hash with its own salt and parameters, to be stored."""

    async def verify(self, password: str, hashed: str) -> bool:
        """Whether `password` is the one behind `hashed`; a text that is no hash fits none."""


class SlowPool(Protocol):
    """Where the hashing runs."""

    async def run(self, function: Callable[[], Result]) -> Result: ...


class Argon2Passwords:
    """argon2id with two passes over 19 MiB. One password typed on two keyboards is one password (Unicode NFC)."""

    def __init__(self, pool: SlowPool) -> None:
        self._pool = pool
        self._hasher = PasswordHasher(TIME_COST, MEMORY_COST, PARALLELISM, type=Type.ID)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(_composed(password)))

    async def verify(self, password: str, hashed: str) -> bool:
        return await self._run(lambda: self._fits(password, hashed))

    def _fits(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, _composed(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, function: Callable[[], Result]) -> Result:
        if self._waiting >= MOST_WAITING:
            raise Overloaded
        self._waiting += 1
        try:
            return await self._pool.run(function)
        finally:
            self._waiting -= 1


def _composed(password: str) -> str:
    return unicodedata.normalize("NFC", password)
