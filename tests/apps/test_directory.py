"""The directory of several processes that share a cache: who is asked, and that an end is an end (S41, F21)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mercato.apps.directory import REMEMBER, StoreDirectory, guest_token
from mercato.contracts.stores import (
    ApiKeyHolder,
    ApiKeyRevoked,
    FindStore,
    ResolveApiKey,
    SettingsChanged,
    Store,
    StoreOpened,
)
from mercato.contracts.users import ResolveSession, SessionHolder, SessionsEnded
from mercato.runtime.access.who import Holder, Tenant
from mercato.runtime.cache.engine import Cache
from mercato.runtime.cache.local import LocalCache
from mercato.values.clock import ManualClock
from mercato.values.ids import Ids, SessionId, StoreId, UserId
from mercato.values.messages import BUYER, STAFF, USER, Event, NotFound
from tests.runtime.cache.processes import KEYRING, leave, reach
from tools.engines import Engine

TOKEN, KEY = "ms_of_jo", "mk_of_a_program"
JO = Holder("sto_red", "usr_jo", BUYER | USER, 2_000_000_000_000)


class Town:
    """What stores and users know. A question that is `slow` is answered, and its answer is held back."""

    def __init__(self) -> None:
        self.sessions_end_at = JO.expires_at
        self.is_over = False
        self.currency = "EUR"
        self.asked: list[str] = []
        self.slow: asyncio.Event | None = None

    async def ask(self, query: Any, _caller: Any) -> Any:
        self.asked.append(type(query).__name__)
        answer = self._answer(query)
        if self.slow is not None:
            slow, self.slow = self.slow, None
            await slow.wait()
        if answer is None:
            raise NotFound
        return answer

    def _answer(self, query: Any) -> Any:
        if isinstance(query, FindStore):
            return Store(
                StoreId("sto_red"), "red", "Red", (), self.currency, "UTC", "anyone", "shop@red.example", "", 1
            )
        if self.is_over:
            return None
        if isinstance(query, ResolveApiKey):
            return ApiKeyHolder("key_1", StoreId("sto_red"))
        assert isinstance(query, ResolveSession)
        return SessionHolder(SessionId("ses_1"), UserId("usr_jo"), StoreId("sto_red"), self.sessions_end_at)


class Process:
    """One process with its directory, which hears what it is told to hear."""

    def __init__(self, town: Town, cache: Cache, clock: ManualClock) -> None:
        self._heard: dict[type[Event], list[Callable[[Any, Event], None]]] = {}
        parts = SimpleNamespace(cache=cache, clock=clock, keyring=KEYRING, ids=Ids(clock))
        node = SimpleNamespace(
            parts=parts, calls=town, on=lambda kind, tell: self._heard.setdefault(kind, []).append(tell)
        )
        self.directory = StoreDirectory(cast(Any, node))
        self.cache = cache

    def hear(self, event: Event) -> None:
        for tell in self._heard[type(event)]:
            tell(None, event)

    async def who(self, token: str = TOKEN) -> Holder | None:
        return self.directory.known_holder(token) or await self.directory.find_holder(token)

    async def shop(self) -> Tenant:
        return self.directory.known_tenant("red.example", "") or await self.directory.find_tenant("red.example", "")


class World:
    """Processes that began a while ago."""

    def __init__(self, new_cache: Callable[[], Awaitable[Cache]], clock: ManualClock) -> None:
        self.clock = clock
        self.town = Town()
        self._new_cache = new_cache

    async def process(self) -> Process:
        return Process(self.town, await self._new_cache(), self.clock)

    async def processes(self, number: int) -> list[Process]:
        made = [await self.process() for _ in range(number)]
        self.clock.advance(REMEMBER)
        return made


ENDS = pytest.mark.parametrize(
    ("token", "end"),
    [(TOKEN, SessionsEnded(UserId("usr_jo"), (SessionId("ses_1"),))), (KEY, ApiKeyRevoked("key_1"))],
)


class DirectorySuite:
    async def test_what_one_process_has_found_out_no_other_asks_for(self, world: World) -> None:
        first, second, third = await world.processes(3)
        assert (await first.who(), await first.shop()) == (JO, Tenant("sto_red", True, "EUR"))
        world.town.asked.clear()
        assert [await other.who() for other in (second, third)] == [JO, JO]
        assert [await other.shop() for other in (second, third)] == [await first.shop()] * 2
        assert world.town.asked == []

    async def test_a_key_of_a_program_is_found_too(self, world: World) -> None:
        first, second = await world.processes(2)
        found = [await first.who(KEY), await second.who(KEY)]
        assert [(one.store, one.buyer, one.roles) for one in found if one] == [("sto_red", "", STAFF)] * 2
        assert world.town.asked == ["ResolveApiKey"]

    @ENDS
    async def test_what_is_over_is_over_for_everybody_who_asks(self, world: World, token: str, end: Event) -> None:
        first, second, third = await world.processes(3)
        assert await first.who(token) is not None
        world.town.is_over = True
        second.hear(end)
        assert await second.who(token) is None
        assert await third.who(token) is None  # it has heard nothing, and finds nothing in the cache
        first.hear(end)
        assert await first.who(token) is None

    @ENDS
    async def test_a_slow_process_does_not_bring_back_what_is_over(self, world: World, token: str, end: Event) -> None:
        slow, other, third = await world.processes(3)
        world.town.slow = go_on = asyncio.Event()
        asking = asyncio.ensure_future(slow.who(token))
        while not world.town.asked:  # noqa: ASYNC110 - it is on its way
            await asyncio.sleep(0.001)
        world.town.is_over = True
        other.hear(end)
        assert await other.who(token) is None  # this opens the gate again, and not for the slow one
        go_on.set()
        assert await asking is not None  # it has not heard yet
        assert [await one.who(token) for one in (other, third)] == [None, None]
        slow.hear(end)
        assert await slow.who(token) is None

    @ENDS
    async def test_who_hears_of_the_end_while_asking_does_not_remember(
        self, world: World, token: str, end: Event
    ) -> None:
        (slow,) = await world.processes(1)
        world.town.slow = go_on = asyncio.Event()
        asking = asyncio.ensure_future(slow.who(token))
        while not world.town.asked:  # noqa: ASYNC110 - it is on its way
            await asyncio.sleep(0.001)
        world.town.is_over = True
        slow.hear(end)
        go_on.set()
        assert (await asking, await slow.who(token)) == (None, None)

    @ENDS
    async def test_what_the_cache_could_not_be_told_is_over_all_the_same(
        self, world: World, token: str, end: Event, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = await world.processes(2)
        assert await first.who(token) is not None
        world.town.is_over = True
        monkeypatch.setattr(second.cache, "drop", lambda *_: None)
        second.hear(end)
        assert await second.who(token) is None
        new = await world.process()  # it has heard of no end, so it takes nothing that is from before
        world.clock.advance(100)
        assert await new.who(token) is None

    async def test_settings_that_changed_are_seen_by_all_who_ask_anew(self, world: World) -> None:
        for event in (
            SettingsChanged(StoreId("sto_red"), ("currency",)),
            StoreOpened(StoreId("sto_blue"), "EUR"),
        ):
            world.town.currency = "EUR"
            first, second, third = await world.processes(3)
            assert (await first.shop()).currency == "EUR"
            world.town.currency = "USD"
            second.hear(event)
            assert [(await other.shop()).currency for other in (second, third)] == ["USD", "USD"]
            first.hear(event)
            assert (await first.shop()).currency == "USD"
            first.hear(event)

    async def test_settings_of_whose_change_the_cache_could_not_be_told_are_old_all_the_same(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = await world.processes(2)
        assert (await first.shop()).currency == "EUR"
        world.town.currency = "USD"
        monkeypatch.setattr(second.cache, "drop", lambda *_: None)
        second.hear(SettingsChanged(StoreId("sto_red"), ("currency",)))
        world.clock.advance(100)
        assert (await second.shop()).currency == "USD"

    async def test_a_slow_process_does_not_bring_back_old_settings(self, world: World) -> None:
        slow, other = await world.processes(2)
        world.town.slow = go_on = asyncio.Event()
        asking = asyncio.ensure_future(slow.shop())
        while not world.town.asked:  # noqa: ASYNC110 - it is on its way
            await asyncio.sleep(0.001)
        world.town.currency = "USD"
        changed = SettingsChanged(StoreId("sto_red"), ("currency",))
        other.hear(changed)
        slow.hear(changed)
        go_on.set()
        assert [(await asking).currency, (await other.shop()).currency] == ["USD", "USD"]

    async def test_a_session_is_not_remembered_beyond_its_end(self, world: World) -> None:
        first, second = await world.processes(2)
        world.town.sessions_end_at = world.clock.now() + 5_000
        assert await first.who() is not None
        world.clock.advance(4_999)
        assert await second.who() is not None
        world.clock.advance(1)
        assert [await one.who() for one in (first, second)] == [None, None]

    async def test_guests_are_in_no_cache(self, world: World) -> None:
        first, second = await world.processes(2)
        token = guest_token(Ids(world.clock), KEYRING, world.clock, "sto_red")
        assert await first.who(token) == await second.who(token)
        found = await first.cache.find("holder", first.directory._shared_holders._hash(token))  # type: ignore[union-attr]
        assert found.value is None


class TestInMemory(DirectorySuite):
    @pytest.fixture
    async def world(self) -> World:
        clock = ManualClock()
        cache = LocalCache(clock, Ids(clock), shared=True)

        async def same() -> Cache:
            return cache

        return World(same, clock)

    async def test_nobody_remembers_for_longer_than_half_a_minute_from_when_it_was_asked(self, world: World) -> None:
        first, second = await world.processes(2)
        assert await first.who() is not None
        world.clock.advance(REMEMBER - 1_000)
        assert await second.who() is not None
        assert len(world.town.asked) == 1
        world.clock.advance(1_000)
        assert [one.directory.known_holder(TOKEN) for one in (first, second)] == [None, None]
        assert await second.who() is not None
        assert len(world.town.asked) == 2


@pytest.mark.server
class TestOnRedis(DirectorySuite):
    @pytest.fixture
    async def world(self, engine: Callable[[str], Engine]) -> AsyncIterator[World]:
        made = []

        async def another() -> Cache:
            made.append(await reach(engine("redis")))
            return made[-1].cache

        yield World(another, ManualClock())
        for one in made:
            await leave(one)


async def test_what_this_process_alone_would_remember_is_put_in_no_cache() -> None:
    clock = ManualClock()
    cache = LocalCache(clock, Ids(clock))
    process = Process(Town(), cache, clock)
    assert (await process.who(), (await process.shop()).store) == (JO, "sto_red")
    assert len(cache) == 0


async def test_a_value_that_somebody_else_wrote_makes_nobody_staff() -> None:
    clock = ManualClock()
    cache = LocalCache(clock, Ids(clock), shared=True)
    town = Town()
    first, second = Process(town, cache, clock), Process(town, cache, clock)
    clock.advance(REMEMBER)
    assert (await first.who(KEY)) is not None
    assert (await first.who()) == JO
    (key, of_staff), (jo, _) = ((place, entry) for place, entry in cache._entries.items())
    for value in (of_staff.value, of_staff.value[:-3], b'{"id":"ses_1","holder":{"store":"sto_red","roles":255}}'):
        cache._entries[jo] = of_staff._replace(value=value)
        assert await second.who() == JO
        second.directory._holders.clear()
    assert key != jo
