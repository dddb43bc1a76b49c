"""Lines in front of what many want at once."""

import asyncio

import pytest

from mercato.runtime import bulkheads
from mercato.runtime.bulkheads import Bulkheads
from mercato.values.messages import Overloaded


class Load:
    serving = 0


class Till:
    """Notes who is let in, and lets them out when told."""

    def __init__(self, room: int = 2) -> None:
        self.load = Load()
        self.heads = Bulkheads(asyncio.get_running_loop(), self.load, room)
        self.inside: list[str] = []
        self._exits: dict[str, asyncio.Event] = {}

    async def visit(self, name: str, *keys: str) -> None:
        self._exits[name] = asyncio.Event()
        async with self.heads.room(keys or ("shirt",)):
            self.inside.append(name)
            await self._exits[name].wait()
            self.inside.remove(name)

    def comes(self, name: str, *keys: str) -> "asyncio.Task[None]":
        return asyncio.get_running_loop().create_task(self.visit(name, *keys))

    async def goes(self, name: str) -> None:
        self._exits[name].set()
        await turns()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_so_many_are_let_in_and_the_others_in_their_order() -> None:
    till = Till()
    tasks = [till.comes(name) for name in "abcd"]
    await turns()
    assert till.inside == ["a", "b"]
    assert till.load.serving == -2  # those who wait: a request counted itself when it came
    await till.goes("b")
    assert till.inside == ["a", "c"]
    await till.goes("a")
    assert till.inside == ["c", "d"]
    await till.goes("c")
    await till.goes("d")
    await asyncio.gather(*tasks)
    assert till.heads._lines == {}
    assert till.load.serving == 0


async def test_a_line_holds_up_nobody_who_wants_something_else() -> None:
    till = Till(room=1)
    tasks = [till.comes("a", "shirt"), till.comes("b", "shirt"), till.comes("c", "hat")]
    await turns()
    assert till.inside == ["a", "c"]
    for name in "abc":
        await till.goes(name)
    await asyncio.gather(*tasks)


async def test_two_who_want_the_same_things_in_another_order_do_not_wait_for_each_other() -> None:
    till = Till(room=1)
    tasks = [till.comes("a", "shirt", "hat"), till.comes("b", "hat", "shirt")]
    await turns()
    assert till.inside == ["a"]
    await till.goes("a")
    assert till.inside == ["b"]
    await till.goes("b")
    await asyncio.gather(*tasks)
    assert till.heads._lines == {}


async def test_who_gives_up_leaves_no_place_taken() -> None:
    till = Till(room=1)
    first, second, third = till.comes("a"), till.comes("b", "hat", "shirt"), till.comes("c")
    await turns()
    second.cancel()
    await turns()
    await till.goes("a")
    assert till.inside == ["c"]
    await till.goes("c")
    await asyncio.gather(first, third)
    assert till.heads._lines == {}
    assert till.load.serving == 0


async def test_a_place_that_is_handed_to_somebody_who_leaves_at_that_moment_goes_on_to_the_next() -> None:
    till = Till(room=1)
    first, second, third = till.comes("a"), till.comes("b"), till.comes("c")
    await turns()
    till._exits["a"].set()
    await asyncio.sleep(0)
    second.cancel()
    await turns()
    assert till.inside == ["c"]
    await till.goes("c")
    await asyncio.gather(first, third)
    assert till.heads._lines == {}


async def test_after_too_long_a_wait_one_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkheads, "PATIENCE", -1.0)
    till = Till(room=1)
    first, second = till.comes("a"), till.comes("b")
    await turns()
    await till.goes("a")
    await first
    with pytest.raises(Overloaded):
        await second
    assert till.inside == []
    assert till.heads._lines == {}


async def test_a_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkheads, "LONGEST", 1)
    till = Till(room=1)
    first, second, third = till.comes("a"), till.comes("b"), till.comes("c")
    await turns()
    with pytest.raises(Overloaded):
        await third
    await till.goes("a")
    await till.goes("b")
    await asyncio.gather(first, second)
    assert till.heads._lines == {}
