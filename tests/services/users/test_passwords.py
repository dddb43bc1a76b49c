"""Passwords are hashed with argon2id away from the loop, and who comes when too many wait is told so."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mercato.runtime.access.passwords import MOST_WAITING, Argon2Passwords
from mercato.runtime.parts import ThreadedWork
from mercato.services.users.domain import UNKNOWN_HASH
from mercato.values.messages import Overloaded


@pytest.fixture
async def passwords() -> AsyncIterator[Argon2Passwords]:
    pool = ThreadedWork(asyncio.get_running_loop(), 2, "slow")
    yield Argon2Passwords(pool)
    pool.close()


async def test_a_password_fits_its_own_hash_alone(passwords: Argon2Passwords) -> None:
    first, second = await passwords.hash("correct horse"), await passwords.hash("correct horse")
    assert first != second
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify("correct horse", first)
    assert not await passwords.verify("correct horsf", first)


async def test_what_is_no_hash_fits_no_password(passwords: Argon2Passwords) -> None:
    for hashed in ("", "correct horse", "$argon2id$v=19$m=19456,t=2,p=1$x", UNKNOWN_HASH):
        assert not await passwords.verify("correct horse", hashed)


async def test_one_password_from_two_keyboards_is_one_password(passwords: Argon2Passwords) -> None:
    assert await passwords.verify("cafe\u0301 society", await passwords.hash("caf\u00e9 society"))


class StoppedPool:
    """A pool whose threads are all busy until `go` is set."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def run(self, function: Callable[[], Any]) -> Any:
        await self.go.wait()
        return function()


async def test_who_comes_when_too_many_wait_is_told_to_come_back() -> None:
    pool = StoppedPool()
    passwords = Argon2Passwords(pool)
    waiting = [asyncio.create_task(passwords.verify("x", "no hash")) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await passwords.hash("one more")
    pool.go.set()
    assert await asyncio.gather(*waiting) == [False] * MOST_WAITING
    assert await passwords.verify("x", "no hash") is False
