"""Records on a shelf: what somebody else wrote there is never believed."""

import msgspec
import pytest

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.cache.engine import LONGEST, Found
from mercato.runtime.cache.local import LocalCache
from mercato.runtime.cache.shelf import Shelf
from tests.runtime.cache.processes import KEYRING, Manual, manual


class Right(msgspec.Struct, frozen=True):
    """What somebody may do."""

    name: str
    roles: int


class Cupboard:
    """A cache with a shelf, on a clock."""

    def __init__(self) -> None:
        self.at: Manual = manual()
        self.cache = LocalCache(self.at.clock, self.at.parts.ids, shared=True)
        self.shelf = self.other(self.at)
        self.at.clock.advance(1_000)

    def other(self, at: Manual, kind: str = "right") -> Shelf[Right]:
        return Shelf(self.cache, at.parts, kind, Right)

    async def lay(self, key: str, roles: int, shelf: Shelf[Right] | None = None, most: int = LONGEST) -> None:
        shelf = shelf or self.shelf
        shelf.lay((await shelf.find(key)).permit, key, Right(key, roles), most)

    async def found(self, key: str) -> Right | None:
        return (await self.shelf.find(key)).record

    async def value(self, key: str) -> bytes:
        value = (await self.cache.find("right", self.shelf._hash(key))).value
        assert value is not None, "something lies there"
        return value

    async def put(self, key: str, value: bytes) -> None:
        """As somebody does who can write into the cache."""
        permit = (await self.cache.find("right", self.shelf._hash(key))).permit
        assert permit is not None, "the cache is in reach"
        self.cache.keep(permit, "somebody", value, LONGEST)


@pytest.fixture
async def cupboard() -> Cupboard:
    return Cupboard()


async def test_what_is_laid_down_is_found_until_it_is_dropped(cupboard: Cupboard) -> None:
    await cupboard.lay("ann", 1)
    await cupboard.lay("bob", 2)
    assert (await cupboard.found("ann"), await cupboard.found("bob")) == (Right("ann", 1), Right("bob", 2))
    cupboard.shelf.drop(("ann",))
    assert (await cupboard.found("ann"), await cupboard.found("bob")) == (None, Right("bob", 2))


async def test_neither_keys_nor_subjects_can_be_read(cupboard: Cupboard) -> None:
    await cupboard.lay("a-token", 1)
    names = [*cupboard.cache._entries, *cupboard.cache._by_subject]
    assert not any("a-token" in name for place in names for name in place)
    assert len({len(name) for _, name in names}) == 1


async def test_a_value_under_another_key_is_no_right(cupboard: Cupboard) -> None:
    await cupboard.lay("staff", 7)
    await cupboard.put("guest", await cupboard.value("staff"))
    assert await cupboard.found("guest") is None
    assert cupboard.shelf.unsound == 1
    await cupboard.lay("guest", 0)  # it is written over
    assert await cupboard.found("guest") == Right("guest", 0)


async def test_a_value_of_another_kind_is_no_right(cupboard: Cupboard) -> None:
    other = cupboard.other(cupboard.at, "wish")
    await cupboard.lay("ann", 7, other)
    value = (await cupboard.cache.find("wish", other._hash("ann"))).value
    assert value is not None
    await cupboard.put("ann", value)
    assert await cupboard.found("ann") is None


async def test_a_value_with_any_byte_changed_is_no_right(cupboard: Cupboard) -> None:
    await cupboard.lay("ann", 1)
    value = await cupboard.value("ann")
    for place in range(len(value)):
        for byte in (0, value[place] ^ 1, 0xFF):
            await cupboard.put("ann", value[:place] + bytes((byte,)) + value[place + 1 :])
            found = await cupboard.found("ann")
            assert found is None or (place == len(value) - 1 and found == Right("ann", 1))  # bits beyond the MAC


@pytest.mark.parametrize(
    "garbage", [b"", b"v1", b"v1.k1..", b"{}", b"\xff\xfe\0", b"....", b"v1.k1.e30.AAAA", b"9" * 9_000]
)
async def test_garbage_is_no_right(cupboard: Cupboard, garbage: bytes) -> None:
    await cupboard.put("ann", garbage)
    assert await cupboard.found("ann") is None
    assert cupboard.shelf.unsound == 1


async def test_another_installation_s_value_is_no_right(cupboard: Cupboard) -> None:
    theirs = cupboard.other(manual(Keyring("k1", {"k1": b"2" * 32})))
    await cupboard.lay("ann", 7, theirs)
    assert await cupboard.found("ann") is None  # it is somewhere else
    value = (await cupboard.cache.find("right", theirs._hash("ann"))).value
    assert value is not None
    await cupboard.put("ann", value)
    assert await cupboard.found("ann") is None


async def test_an_older_key_still_verifies_what_lies_where_it_is_looked_for() -> None:
    cupboard = Cupboard()
    rotated = Keyring("k2", {"k1": KEYRING._keys["k1"], "k2": b"2" * 32})
    new = cupboard.other(manual(rotated))
    await cupboard.lay("ann", 1)
    assert (await new.find("ann")).record is None  # another place: slower, and nothing else


async def test_nothing_is_older_than_the_cache_says_or_than_it_says_itself(cupboard: Cupboard) -> None:
    await cupboard.lay("ann", 1)
    await cupboard.lay("bob", 1, most=10_000)
    old = await cupboard.value("ann")
    cupboard.at.clock.advance(10_000)
    cupboard.at.clock.advance(LONGEST - 10_000 - 1)
    assert (await cupboard.shelf.find("ann")).left == 1
    assert await cupboard.found("bob") is None
    cupboard.at.clock.advance(1)
    await cupboard.put("ann", old)  # somebody prolongs it
    assert await cupboard.found("ann") is None


async def test_what_was_laid_down_before_a_process_began_or_doubted_is_not_taken_back(cupboard: Cupboard) -> None:
    await cupboard.lay("ann", 1)
    late = Shelf(cupboard.cache, cupboard.at.parts, "right", Right)
    cupboard.at.clock.advance(5)
    assert (await late.find("ann")).record is None
    cupboard.at.clock.advance(20)
    assert (await late.find("ann")).record is None
    await cupboard.lay("ann", 2, late)
    assert (await late.find("ann")).record == await cupboard.found("ann") == Right("ann", 2)
    late.doubt()
    cupboard.at.clock.advance(20)
    assert (await late.find("ann")).record is None


async def test_what_was_found_before_a_doubt_is_not_taken_when_it_arrives_after_it(
    cupboard: Cupboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cupboard.lay("ann", 1)
    find = cupboard.cache.find

    async def slow(kind: str, key: str) -> Found:
        found = await find(kind, key)
        cupboard.shelf.doubt()
        cupboard.at.clock.advance(1_000)
        return found

    monkeypatch.setattr(cupboard.cache, "find", slow)
    assert await cupboard.found("ann") is None


async def test_signing_for_the_cache_does_not_push_quotes_out_of_memory(cupboard: Cupboard) -> None:
    before = dict(KEYRING.signed)
    await cupboard.lay("ann", 1)
    await cupboard.found("ann")
    assert KEYRING.signed == before


async def test_without_a_permit_and_for_no_time_nothing_is_laid_down(cupboard: Cupboard) -> None:
    cupboard.shelf.lay(None, "ann", Right("ann", 1))
    await cupboard.lay("ann", 1, most=0)
    assert len(cupboard.cache) == 0
