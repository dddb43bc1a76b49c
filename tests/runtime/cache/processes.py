"""What a process hands to a cache, and a Redis of which a test has one database for itself."""

import asyncio
import io
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.cache.redis import PATIENCE, RedisCache
from mercato.runtime.parts import Parts
from mercato.runtime.telemetry import Telemetry
from mercato.values.clock import Clock, ManualClock, SystemClock
from mercato.values.ids import Ids
from tests.services.conftest import until
from tools.engines import Engine

DATABASE = 9
KEYRING = Keyring("k1", {"k1": b"1" * 32})


def parts_of(clock: Clock, keyring: Keyring = KEYRING, log: io.StringIO | None = None) -> Parts:
    nothing = cast(Any, None)
    return Parts(
        clock=clock,
        ids=Ids(clock),
        keyring=keyring,
        pools=nothing,
        open_database=nothing,
        telemetry=Telemetry(clock, log=log or io.StringIO()),
        holder="node_1",
        loop=asyncio.get_running_loop(),
    )


def address(server: Engine) -> str:
    return server.url.rpartition("/")[0] + f"/{DATABASE}"


def be_patient(cache: RedisCache) -> None:
    """Whether a busy machine answers in time, is not what a test is about."""
    cache.patience = cache.gone_after = 30.0


def be_usual(cache: RedisCache) -> None:
    cache.patience, cache.gone_after = PATIENCE, 1.0


class Reached(NamedTuple):
    """A cache that has reached its server, with its log, and a client beside it."""

    cache: RedisCache
    parts: Parts
    log: io.StringIO
    beside: Any

    async def flush(self) -> None:
        await self.beside.execute_command("FLUSHDB")

    def figure(self, name: str, **labels: str) -> float:
        return self.parts.telemetry.registry.get_sample_value(f"mercato_cache_{name}", labels) or 0.0


async def reach(server: Engine, keyring: Keyring = KEYRING) -> Reached:
    """Empty at first. Whoever calls closes it (`leave`)."""
    log = io.StringIO()
    parts = parts_of(SystemClock(), keyring, log)
    cache = RedisCache(address(server), parts)
    be_patient(cache)
    beside: Any = Redis.from_url(address(server), protocol=2)
    await beside.execute_command("FLUSHDB")
    cache.start()
    await until(lambda: cache.up)
    return Reached(cache, parts, log, beside)


async def leave(reached: Reached) -> None:
    await reached.cache.close()
    await reached.beside.aclose()


class Manual(NamedTuple):
    """A process with a clock that a test sets."""

    clock: ManualClock
    parts: Parts


def manual(keyring: Keyring = KEYRING) -> Manual:
    clock = ManualClock()
    return Manual(clock, parts_of(clock, keyring))
