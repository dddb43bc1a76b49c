"""A shop whose Redis is flushed, paused and killed under requests: nothing is wrong, only slower (F21)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from mercato.apps.directory import guest_token
from mercato.apps.shop import Shop, make_parts
from mercato.contracts.stores import MakeApiKey, OpenStore, RevokeApiKey
from mercato.runtime.cache.redis import RedisCache
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.settings import Settings
from mercato.values.ids import StoreId
from mercato.values.messages import Caller
from tests.runtime.cache.processes import address, be_patient, be_usual
from tests.services.conftest import until
from tools.engines import Engine

pytestmark = pytest.mark.server

RED = StoreId("sto_red")
STAFF = Caller.system(RED, "test")


class Town:
    """A shop on Redis, and what its edge answers."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        assert isinstance(shop.parts.cache, RedisCache)
        self.cache = shop.parts.cache
        self._routes = {route.name: route for route in shop.routes}

    async def ask(self, name: str, body: object = None, token: str = "", peer: str = "192.0.2.1") -> Reply:
        route = self._routes[name]
        headers = {b"host": b"red.example", b"content-type": b"application/json"}
        if token:
            headers[b"authorization"] = f"Bearer {token}".encode()
        content = b"" if body is None else msgspec.json.encode(body)
        return await self.shop.edge.serve(route, Request(route.method, route.path, b"", headers, content, peer))

    def forget(self) -> None:
        """Ask the cache again about everybody."""
        self.shop.directory._holders.clear()
        self.shop.directory._tenants.clear()

    async def new_key(self) -> tuple[str, str]:
        key = await self.shop.node.calls.do(MakeApiKey("test"), STAFF)
        return key.id, key.secret

    def figure(self, name: str, **labels: str) -> float:
        return self.shop.parts.telemetry.registry.get_sample_value(f"mercato_cache_{name}", labels) or 0.0

    def lines(self, event: str) -> int:
        return (self.shop.settings.data / "mercato.log").read_text().count(f'"{event}"')


@pytest.fixture
async def town(tmp_path: Path, engine: Callable[[str], Engine]) -> AsyncIterator[Town]:
    settings = Settings(data=tmp_path, port=0, access_log="off", cache=address(engine("redis")), rate_limits=100.0)
    shop = Shop(settings, make_parts(settings, asyncio.get_running_loop()))
    shop.start()
    await shop.node.calls.do(OpenStore(RED, "red", "Red", "EUR", hosts=("red.example",)), STAFF)
    town = Town(shop)
    be_patient(town.cache)
    await until(lambda: town.cache.up)
    await town.cache._client.flushdb()
    yield town
    await shop.stop()


async def shop_on(town: Town, rounds: int) -> None:
    """Callers of every sort, each of whom gets what is right, and sessions that end in between."""
    for number in range(rounds):
        town.forget()
        kept, ended = await town.new_key(), await town.new_key()
        guest = guest_token(town.shop.parts.ids, town.shop.parts.keyring, town.shop.parts.clock, RED)
        answers = await asyncio.gather(
            town.ask("ListLoginAttempts", token=kept[1]),
            town.ask("ListLoginAttempts", token=ended[1]),
            town.ask("ListLoginAttempts", token="mk_nobody"),
            town.ask("GetCart", token=guest),
            town.ask("ListProducts"),
            town.ask(
                "OpenSession", {"email": f"jo{number}@example.org", "password": "wrong"}, peer=f"192.0.2.{number}"
            ),
        )
        assert [reply.status for reply in answers] == [200, 200, 401, 401, 200, 401]
        await town.shop.node.calls.do(RevokeApiKey(ended[0]), STAFF)
        assert [
            (await town.ask("ListLoginAttempts", token=token)).status for token in (kept[1], ended[1], kept[1])
        ] == [200, 401, 200]


async def test_flushed_paused_killed_and_back_the_shop_answers_what_is_right(
    town: Town, engine: Callable[[str], Engine]
) -> None:
    server = engine("redis")

    async def flushed() -> None:
        for _ in range(20):
            await town.cache._client.flushdb()
            await asyncio.sleep(0)

    await asyncio.gather(shop_on(town, 5), flushed())
    assert (town.cache.up, town.lines("cache_gone")) == (True, 0)
    assert town.figure("lookups_total", kind="holder", outcome="miss") > 0
    hurts: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (server.pause, server.resume),
        (server.kill, server.start),
    ]
    be_usual(town.cache)
    for number, (hurt, heal) in enumerate(hurts, start=1):
        hurt()
        try:
            await shop_on(town, 5)
            await until(lambda: not town.cache.up)
            before = town.figure("round_trips_total"), town.figure("errors_total")
            await shop_on(town, 1)
            trips, errors = town.figure("round_trips_total"), town.figure("errors_total")
            assert trips - before[0] == errors - before[1]  # only the attempts to reach it again, none for a request
        finally:
            heal()
        await until(lambda: town.cache.up)
        await shop_on(town, 2)
        assert (town.lines("cache_gone"), town.lines("cache_back")) == (number, number)
    assert town.lines("request_failed") == 0


async def test_who_is_known_to_the_cache_is_not_asked_about(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = await town.new_key()
    shelf = town.shop.directory._shared_holders
    assert shelf is not None
    shelf._since -= 100  # the process began a while ago
    assert (await town.ask("ListLoginAttempts", token=secret)).status == 200
    await town.cache.find("any", "any")  # what was said before is there by now

    def nobody(_token: str, _hash: str) -> Awaitable[None]:
        raise AssertionError("nobody has to be asked")

    monkeypatch.setattr(town.shop.directory, "_ask", nobody)
    town.shop.directory._holders.clear()
    assert (await town.ask("ListLoginAttempts", token=secret)).status == 200
    exposition = town.shop.parts.telemetry.exposition().decode()
    assert 'mercato_cache_lookups_total{kind="holder",outcome="hit"} 1.0' in exposition
    assert "mercato_cache_up 1.0" in exposition
