"""Two shops as two processes have them: services here, faces there, one Redis, and news between them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from mercato.apps.listening import free_ports
from mercato.apps.services import service_names
from mercato.apps.shop import Shop, make_parts
from mercato.contracts.stores import MakeApiKey, OpenStore, RevokeApiKey
from mercato.runtime.cache.redis import RedisCache
from mercato.runtime.http.exchange import Request
from mercato.runtime.settings import Settings
from mercato.values.ids import StoreId
from mercato.values.messages import Caller
from tests.runtime.cache.processes import address, be_patient, be_usual
from tests.services.conftest import until
from tools.engines import Engine

pytestmark = pytest.mark.server

RED = StoreId("sto_red")
STAFF = Caller.system(RED, "test")


class Pair(NamedTuple):
    """`home` runs the services, `front` none."""

    home: Shop
    front: Shop


async def status(shop: Shop, token: str) -> int:
    route = next(route for route in shop.routes if route.name == "ListLoginAttempts")
    headers = {b"host": b"red.example", b"authorization": f"Bearer {token}".encode()}
    return (await shop.edge.serve(route, Request("GET", route.path, b"", headers, b"", "192.0.2.1"))).status


def redis_of(shop: Shop) -> RedisCache:
    assert isinstance(shop.parts.cache, RedisCache)
    return shop.parts.cache


def is_done(cache: RedisCache) -> bool:
    return cache.up and not cache._drops


def began_long_ago(shop: Shop) -> None:
    for shelf in (shop.directory._shared_holders, shop.directory._shared_tenants):
        assert shelf is not None, "it is on Redis"
        shelf._since -= 100


@pytest.fixture
async def pair(tmp_path: Path, engine: Callable[[str], Engine]) -> AsyncIterator[Pair]:
    (door,) = free_ports("127.0.0.1", 1)
    peers = " ".join(f"{name}=127.0.0.1:{door}" for name in service_names())
    shops = []
    for name, listen, runs in (("home", f"127.0.0.1:{door}", frozenset(service_names())), ("front", "", frozenset())):
        settings = Settings(
            data=tmp_path / name,
            listen=listen,
            peers=peers,
            keys=str(tmp_path / "keys.json"),
            access_log="off",
            cache=address(engine("redis")),
        )
        shops.append(Shop(settings, make_parts(settings, asyncio.get_running_loop()), runs=runs))
        shops[-1].start()
    pair = Pair(*shops)
    await pair.home.node.calls.do(OpenStore(RED, "red", "Red", "EUR", hosts=("red.example",)), STAFF)
    for shop in pair:
        cache = redis_of(shop)
        be_patient(cache)
        await until(partial(getattr, cache, "up"))
        await cache._client.flushdb()
        began_long_ago(shop)
    yield pair
    for shop in reversed(shops):
        await shop.stop()


async def test_a_key_that_one_has_resolved_is_known_to_the_other_until_it_is_revoked(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await pair.home.node.calls.do(MakeApiKey("test"), STAFF)
    await until(lambda: pair.front.node.ready)
    assert await status(pair.home, key.secret) == 200
    asked = []
    ask = pair.front.directory._ask

    async def noted(token: str, token_hash: str) -> object:
        asked.append(token)
        return await ask(token, token_hash)

    monkeypatch.setattr(pair.front.directory, "_ask", noted)
    assert await status(pair.front, key.secret) == 200
    assert asked == []
    await pair.home.node.calls.do(RevokeApiKey(key.id), STAFF)
    await until(lambda: key.id in pair.front.directory._ended)
    assert [await status(shop, key.secret) for shop in (pair.home, pair.front)] == [401, 401]
    pair.front.directory._ended.clear()
    assert await status(pair.front, key.secret) == 401
    assert asked == [key.secret] * 2


async def test_what_is_revoked_while_redis_stands_still_is_over_at_both(
    pair: Pair, engine: Callable[[str], Engine]
) -> None:
    key = await pair.home.node.calls.do(MakeApiKey("test"), STAFF)
    assert [await status(shop, key.secret) for shop in pair] == [200, 200]
    server = engine("redis")
    for shop in pair:
        be_usual(redis_of(shop))
    server.pause()
    try:
        await pair.home.node.calls.do(RevokeApiKey(key.id), STAFF)
        await until(lambda: key.id in pair.front.directory._ended)
        assert [await status(shop, key.secret) for shop in pair] == [401, 401]
    finally:
        server.resume()
    for shop in pair:
        cache = redis_of(shop)
        await until(partial(is_done, cache))
        shop.directory._ended.clear()
        assert await status(shop, key.secret) == 401
