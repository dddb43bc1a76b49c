"""What every cache does, whichever engine it is on: each engine's tests inherit these."""

from typing import Protocol

from mercato.runtime.access.limits import Rule
from mercato.runtime.cache.engine import LONGEST, MOST_DEBT, Cache, Found, Permit

# Nothing comes back while a test runs.
SLOW = Rule(burst=20, per_second=1e-6)


class Kept(Protocol):
    """A cache, and the way to empty it under its hands."""

    @property
    def cache(self) -> Cache: ...

    async def flush(self) -> None: ...


async def permit(cache: Cache, key: str, kind: str = "sort") -> Permit:
    found = await cache.find(kind, key)
    assert found.permit is not None, "the cache is in reach"
    return found.permit


async def keep(cache: Cache, key: str, subject: str, value: bytes, kind: str = "sort") -> None:
    cache.keep(await permit(cache, key, kind), subject, value, LONGEST)


async def value(cache: Cache, key: str, kind: str = "sort") -> bytes | None:
    return (await cache.find(kind, key)).value


class CacheSuite:
    async def test_what_is_kept_is_found_for_as_long_as_it_was_kept(self, kept: Kept) -> None:
        cache = kept.cache
        assert await value(cache, "a") is None
        await keep(cache, "a", "ann", b"\0 any\nbytes \xff")
        found = await cache.find("sort", "a")
        assert found.value == b"\0 any\nbytes \xff"
        assert 0 < found.left <= LONGEST
        assert await value(cache, "a", "other") is None
        assert await value(cache, "b") is None

    async def test_what_is_kept_again_replaces_what_was_there(self, kept: Kept) -> None:
        cache = kept.cache
        await keep(cache, "a", "ann", b"1")
        await keep(cache, "a", "bob", b"2")
        cache.drop("sort", ("ann",))
        assert await value(cache, "a") == b"2"
        cache.drop("sort", ("bob",))
        assert await value(cache, "a") is None

    async def test_nothing_is_kept_for_longer_than_half_a_minute_from_when_it_was_asked_for(self, kept: Kept) -> None:
        cache = kept.cache
        now = await permit(cache, "a")
        cache.keep(now, "ann", b"1", 10 * LONGEST)
        assert 0 < (await cache.find("sort", "a")).left <= LONGEST
        late = Permit("sort", "b", now.gate, now.asked_at - LONGEST)
        cache.keep(late, "ann", b"1", LONGEST)
        half = Permit("sort", "c", now.gate, now.asked_at - LONGEST // 2)
        cache.keep(half, "ann", b"1", LONGEST)
        assert await value(cache, "b") is None
        assert 0 < (await cache.find("sort", "c")).left <= LONGEST // 2

    async def test_what_is_dropped_is_gone_under_all_its_keys_and_nothing_else_is(self, kept: Kept) -> None:
        cache = kept.cache
        for key, subject in (("a", "ann"), ("b", "ann"), ("c", "bob"), ("d", "cid")):
            await keep(cache, key, subject, key.encode())
        cache.drop("sort", ("ann", "cid"))
        assert [await value(cache, key) for key in "abcd"] == [None, None, b"c", None]

    async def test_a_slow_finder_does_not_bring_back_what_was_dropped_meanwhile(self, kept: Kept) -> None:
        cache = kept.cache
        slow = await permit(cache, "a")
        cache.drop("sort", ("ann",))
        cache.keep(slow, "ann", b"old", LONGEST)
        assert await value(cache, "a") is None
        later = await permit(cache, "a")  # a new one opens the gate, and not for the old permit
        cache.keep(slow, "ann", b"old", LONGEST)
        assert await value(cache, "a") is None
        cache.keep(later, "ann", b"new", LONGEST)
        assert await value(cache, "a") == b"new"

    async def test_a_drop_of_one_kind_leaves_the_permits_of_others(self, kept: Kept) -> None:
        cache = kept.cache
        mine = await permit(cache, "a")
        cache.drop("other", ("ann",))
        cache.keep(mine, "ann", b"1", LONGEST)
        assert await value(cache, "a") == b"1"

    async def test_a_flush_forgets_everything_and_voids_what_is_under_way(self, kept: Kept) -> None:
        cache = kept.cache
        await keep(cache, "a", "ann", b"1")
        slow = await permit(cache, "b")
        await cache.take(SLOW, {"x": 20})
        await kept.flush()
        cache.keep(slow, "ann", b"old", LONGEST)
        await permit(cache, "b")
        cache.keep(slow, "ann", b"old", LONGEST)
        assert [await value(cache, key) for key in "ab"] == [None, None]
        assert await cache.ask(SLOW, "x") == 20

    async def test_tokens_that_are_taken_together_may_be_owed_up_to_a_bound(self, kept: Kept) -> None:
        cache = kept.cache
        assert await cache.take(SLOW, {"x": 3, "y": 21}) == (17, -1)
        assert await cache.take(SLOW, {"y": 1, "z": 0, "x": 17}) == (-2, 20, 0)
        assert await cache.take(SLOW, {"x": 10_000}) == (20 - MOST_DEBT * 20,)

    async def test_a_token_that_is_asked_for_is_taken_only_if_there_is_one(self, kept: Kept) -> None:
        cache = kept.cache
        assert [await cache.ask(SLOW, "x") for _ in range(22)] == [*range(20, 0, -1), 0, 0]
        assert await cache.take(SLOW, {"x": 0}) == (0,)

    async def test_many_buckets_are_answered_in_their_order(self, kept: Kept) -> None:
        tokens = {f"k{number}": number % 7 for number in range(450)}
        assert await kept.cache.take(SLOW, tokens) == tuple(20 - number for number in tokens.values())
        assert await kept.cache.take(SLOW, {}) == ()

    async def test_what_is_closed_knows_nothing(self, kept: Kept) -> None:
        await keep(kept.cache, "a", "ann", b"1")
        await kept.cache.close()
        assert (await kept.cache.find("sort", "a")).value is None


NOTHING = Found()
