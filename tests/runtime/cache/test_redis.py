"""The cache in Redis: what every cache does, and what it does when the server is flushed, killed, paused or wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mercato.runtime.cache import redis
from mercato.runtime.cache.engine import LONGEST
from mercato.runtime.cache.redis import RedisCache
from mercato.values.clock import SystemClock
from tests.runtime.cache.processes import Reached, address, be_patient, be_usual, leave, parts_of, reach
from tests.runtime.cache.suite import NOTHING, SLOW, CacheSuite, keep, permit, value
from tests.services.conftest import until
from tools.engines import Engine

pytestmark = pytest.mark.server


@pytest.fixture
async def kept(engine: Callable[[str], Engine]) -> AsyncIterator[Reached]:
    reached = await reach(engine("redis"))
    yield reached
    await leave(reached)


class TestRedisCache(CacheSuite): ...


def events(reached: Reached) -> list[str]:
    return [name for name in ("cache_gone", "cache_back") for _ in range(reached.log.getvalue().count(f'"{name}"'))]


async def test_what_is_wanted_at_one_time_is_one_round_trip(kept: Reached) -> None:
    before = kept.figure("round_trips_total")
    await asyncio.gather(*(kept.cache.find("sort", f"k{number}") for number in range(50)))
    assert kept.figure("round_trips_total") == before + 1
    assert kept.figure("lookups_total", kind="sort", outcome="miss") == 50


async def test_everything_that_is_written_ends_by_itself(kept: Reached) -> None:
    await keep(kept.cache, "a", "ann", b"1")
    await kept.cache.take(SLOW, {"x": 1})
    keys = await kept.beside.keys("*")
    assert len(keys) == 5  # the gate, the entry, its subject, the bucket, the probe
    assert all([await kept.beside.pttl(key) > 0 for key in keys])


async def test_an_entry_whose_part_was_evicted_is_not_found(kept: Reached) -> None:
    for part in ("mercato:sort:a", "mercato:sort-of:ann"):
        await keep(kept.cache, "a", "ann", b"1")
        assert await value(kept.cache, "a") == b"1"
        await kept.beside.delete(part)
        assert await value(kept.cache, "a") is None
    slow = await permit(kept.cache, "a")
    await kept.beside.delete("mercato:sort-gate")
    kept.cache.keep(slow, "ann", b"old", LONGEST)
    assert await value(kept.cache, "a") is None


async def test_whatever_stands_in_a_place_is_as_good_as_nothing(kept: Reached) -> None:
    places = ("mercato:sort-gate", "mercato:sort:a", "mercato:sort-of:ann", "mercato:limit:x")
    for garbage in (("LPUSH", "1"), ("SET", "\udcff inf"), ("SET", "nan"), ("SET", "inf"), ("HSET", "value", "1")):
        for place in places:
            await kept.beside.delete(place)
            command, *words = garbage
            await kept.beside.execute_command(command, place, *(word.encode("utf-8", "replace") for word in words))
        assert await value(kept.cache, "a") is None
        before = await kept.cache.ask(SLOW, "x")
        assert before is not None
        assert before in (20, 20 - 16 * 20)
        await keep(kept.cache, "a", "ann", b"1")
        assert await value(kept.cache, "a") == b"1"
    assert events(kept) == []


async def test_scripts_that_were_forgotten_are_brought_again(kept: Reached) -> None:
    await kept.beside.execute_command("SCRIPT", "FLUSH")
    assert await kept.cache.find("sort", "a") == NOTHING
    await until(lambda: kept.cache.up)
    await keep(kept.cache, "a", "ann", b"1")
    assert await value(kept.cache, "a") == b"1"


async def test_a_killed_server_is_left_alone_and_found_again(kept: Reached, engine: Callable[[str], Engine]) -> None:
    server = engine("redis")
    server.kill()
    assert [await kept.cache.find("sort", "a") for _ in range(100)] == [NOTHING] * 100
    assert (await kept.cache.ask(SLOW, "x"), await kept.cache.take(SLOW, {"x": 1})) == (None, None)
    assert (kept.cache.up, kept.figure("up")) == (False, 0)
    trips = kept.figure("round_trips_total")
    await asyncio.gather(*(kept.cache.find("sort", "a") for _ in range(100)))
    assert kept.figure("round_trips_total") == trips
    server.start()
    await until(lambda: kept.cache.up)
    await keep(kept.cache, "b", "ann", b"1")
    assert await value(kept.cache, "b") == b"1"
    assert events(kept) == ["cache_gone", "cache_back"]
    assert kept.figure("up") == 1


async def test_nobody_waits_for_a_paused_server_and_late_answers_are_taken(
    kept: Reached, engine: Callable[[str], Engine]
) -> None:
    kept.cache.patience = redis.PATIENCE  # only that of those who wait ends
    server = engine("redis")
    trips = kept.figure("round_trips_total")
    server.pause()
    try:
        finds = [kept.cache.find("sort", f"k{number}") for number in range(20)]
        assert await asyncio.gather(*finds) == [NOTHING] * 20
        assert [await kept.cache.find("sort", "a") for _ in range(1_000)] == [NOTHING] * 1_000
        telling = asyncio.ensure_future(kept.cache.take(SLOW, {"x": 3}))  # no request waits for it
        await asyncio.sleep(0)
        assert kept.figure("round_trips_total") == trips + 1  # the thousand were not sent, and waited for nothing
        assert kept.figure("lookups_total", kind="sort", outcome="late") == 1_020
    finally:
        server.resume()
    assert await telling == (17,)
    await until(lambda: not kept.cache._late)
    assert kept.cache.up
    await keep(kept.cache, "a", "ann", b"1")
    assert await value(kept.cache, "a") == b"1"
    assert events(kept) == []


async def test_a_server_that_stays_paused_is_gone(kept: Reached, engine: Callable[[str], Engine]) -> None:
    be_usual(kept.cache)
    server = engine("redis")
    server.pause()
    try:
        assert await kept.cache.find("sort", "a") == NOTHING
        await until(lambda: not kept.cache.up)
    finally:
        server.resume()
    await until(lambda: kept.cache.up)
    assert events(kept) == ["cache_gone", "cache_back"]


@pytest.mark.parametrize("hurt", ["kill", "pause"])
async def test_what_is_dropped_while_the_server_is_away_is_gone_when_it_is_back(
    kept: Reached, engine: Callable[[str], Engine], hurt: str
) -> None:
    server = engine("redis")
    await keep(kept.cache, "a", "ann", b"1")
    await keep(kept.cache, "b", "bob", b"2")
    assert await value(kept.cache, "a") == b"1"
    be_usual(kept.cache)
    getattr(server, hurt)()
    try:
        kept.cache.drop("sort", ("ann",))  # is sent, and not answered
        await until(lambda: not kept.cache.up)
        kept.cache.drop("sort", ("bob",))  # is kept back
        assert kept.figure("drops_waiting") == 2
    finally:
        if hurt == "kill":
            server.start()
        else:
            server.resume()
    be_patient(kept.cache)
    await until(lambda: kept.cache.up)
    assert [await value(kept.cache, key) for key in "ab"] == [None, None]
    assert kept.figure("drops_waiting") == 0


async def test_a_server_is_not_believed_when_more_was_dropped_than_is_remembered(
    kept: Reached, engine: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "MOST_DROPS", 3)
    server = engine("redis")
    server.kill()
    await kept.cache.find("sort", "a")
    server.start()
    kept.cache.up = False
    for number in range(4):
        kept.cache.drop("sort", (f"s{number}",))
    kept.cache._seek()
    assert kept.cache._doubted_until > kept.parts.clock.elapsed()
    seeker = kept.cache._seeker
    kept.cache._seek()
    assert kept.cache._seeker is seeker  # nobody goes there before half a minute is over


async def test_a_server_without_room_is_down_and_said_to_be(kept: Reached) -> None:
    await kept.beside.config_set("maxmemory", "1")
    try:
        assert await kept.cache.ask(SLOW, "x") is None
        await until(lambda: kept.figure("errors_total") > 2)
        assert not kept.cache.up
        assert "OutOfMemoryError" in kept.log.getvalue()
    finally:
        await kept.beside.config_set("maxmemory", "128mb")
    await until(lambda: kept.cache.up)
    assert events(kept) == ["cache_gone", "cache_back"]


async def test_a_caller_who_is_gone_disturbs_nobody(kept: Reached) -> None:
    gone = asyncio.ensure_future(kept.cache.find("sort", "a"))
    other = asyncio.ensure_future(kept.cache.find("sort", "b"))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await other).permit is not None
    assert kept.cache.up


async def test_a_password_is_used_and_never_told(engine: Callable[[str], Engine]) -> None:
    reached = await reach(engine("redis"))
    try:
        await reached.beside.config_set("requirepass", "open-sesame")
        log = reached.log
        wrong = RedisCache(address(engine("redis")).replace("//", "//:wrong-word@"), parts_of(SystemClock(), log=log))
        right = RedisCache(address(engine("redis")).replace("//", "//:open-sesame@"), parts_of(SystemClock(), log=log))
        wrong.start()
        right.start()
        await until(lambda: right.up and "cache_gone" in log.getvalue())
        assert not wrong.up
        assert "wrong-word" not in log.getvalue()
        await wrong.close()
        await right.close()
    finally:
        await reached.beside.config_set("requirepass", "")
        await leave(reached)


async def test_a_cache_that_was_never_started_or_is_closed_early_leaves_nothing_behind(
    engine: Callable[[str], Engine],
) -> None:
    server = engine("redis")
    never = RedisCache(address(server), parts_of(SystemClock()))
    assert await never.find("sort", "a") == NOTHING
    never.drop("sort", ("ann",))
    await never.close()
    early = RedisCache(address(server), parts_of(SystemClock()))
    early.start()
    await early.close()


async def test_a_server_that_answers_something_else_is_down_and_nobody_is_hurt(
    kept: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = kept.cache._exchange

    async def wrongly(commands: list[Any], patience: float) -> list[Any]:
        return [[] for _ in await exchange(commands, patience)]

    monkeypatch.setattr(kept.cache, "_exchange", wrongly)
    found = await asyncio.gather(kept.cache.find("sort", "a"), kept.cache.find("sort", "b"))
    assert list(found) == [NOTHING, NOTHING]
    assert not kept.cache.up
    assert await kept.cache.ask(SLOW, "x") is None
    monkeypatch.setattr(kept.cache, "_exchange", exchange)
    await until(lambda: kept.cache.up)
    await keep(kept.cache, "a", "ann", b"1")
    assert await value(kept.cache, "a") == b"1"


async def test_who_waits_when_the_cache_is_closed_waits_no_longer(
    kept: Reached, engine: Callable[[str], Engine]
) -> None:
    be_usual(kept.cache)
    server = engine("redis")
    server.pause()
    try:
        asking = asyncio.ensure_future(kept.cache.find("sort", "a"))
        await asyncio.sleep(0)
        await kept.cache.close()
        assert await asking == NOTHING
    finally:
        server.resume()


async def test_a_server_on_which_scripts_are_forbidden_is_down(kept: Reached) -> None:
    await kept.beside.execute_command("ACL", "SETUSER", "default", "-evalsha")
    try:
        assert await kept.cache.find("sort", "a") == NOTHING
        await until(lambda: kept.figure("errors_total") > 2)
        assert not kept.cache.up
    finally:
        await kept.beside.execute_command("ACL", "SETUSER", "default", "+@all")
    await until(lambda: kept.cache.up)
    assert events(kept) == ["cache_gone", "cache_back"]
