"""Passwords that cost nothing to verify: real ones take a machine's time, which a simulation has not got."""

import hashlib
import hmac

from mercato.runtime.access.passwords import SlowPool


class SimulatedPasswords:
    """Salted by nothing but the password itself: a hash says which password it is of, and nothing else is needed."""

    def __init__(self, pool: SlowPool) -> None:
        self._pool = pool

    async def hash(self, password: str) -> str:
        return await self._pool.run(lambda: hashed(password))

    async def verify(self, password: str, hashed_one: str) -> bool:
        return await self._pool.run(lambda: hmac.compare_digest(hashed(password), hashed_one))


def hashed(password: str) -> str:
    return "simulated$" + hashlib.sha256(password.encode()).hexdigest()
