"""What every log of events does alike: in place, over the wire, and by Kafka."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mercato.runtime.batches import shared
from mercato.runtime.bus.feed import READ_AT_ONCE
from mercato.runtime.bus.parked import ParkedRow, unpack
from tests.runtime.cluster import ANN, Cluster, until
from tests.runtime.notebook import Do
from tests.runtime.wishes import Wished

Make = Callable[..., Cluster]
APART = (("wishes",), ("notebook",))
TWO_OF_EACH = (("wishes",), ("wishes",), ("notebook",), ("notebook",))
NAMES = ("a", "b", "c", "d", "e")


async def _tell_much(cluster: Cluster, rounds: int, *, by: tuple[int, ...] = (0,), pause: float = 0.0) -> None:
    """Each node tells of the same names at the same time."""

    async def tell(place: int) -> None:
        for each in range(rounds):
            await cluster.tell(*((name, "write_sheet", 100 * place + each) for name in NAMES), by=place)
            await asyncio.sleep(pause)

    await asyncio.gather(*(tell(place) for place in by))


async def test_each_event_has_its_effect_once_and_in_the_order_of_the_log(bus: str, cluster: Make) -> None:
    made = cluster(bus, *TWO_OF_EACH)
    for place in range(1 if bus == "sqlite" else 4):
        made.start(place)
    await _tell_much(made, 20, by=(0,) if bus == "sqlite" else (0, 1))
    await made.caught_up()
    assert made.sheets() == made.logged()
    assert made.rows("SELECT number FROM parked") == []


async def test_a_consumer_that_comes_late_does_all_that_it_has_missed(wide_bus: str, cluster: Make) -> None:
    made = cluster(wide_bus, *APART)
    made.start(0)
    for start in range(0, READ_AT_ONCE + 50, 50):
        await made.tell(*(("a", "write_sheet", number) for number in range(start, start + 50)))
    made.start(1)
    await made.tell(("a", "write_sheet", 1_000))
    await made.caught_up()
    assert made.sheets() == made.logged()


async def test_a_consumer_that_was_away_goes_on_where_it_was(bus: str, cluster: Make) -> None:
    made = cluster(bus, *APART)
    listener = 0 if bus == "sqlite" else 1
    made.start(0)
    if listener:
        made.start(1)
    await made.tell(("a", "write_sheet", 1))
    await made.caught_up()
    await made.stop(listener)
    if not listener:
        made.start(0)
    await made.tell(("a", "write_sheet", 2), ("b", "write_sheet", 3))
    if listener:
        made.start(1)
    await made.caught_up()
    assert made.sheets() == {"a": [1, 2], "b": [3]} == made.logged()


async def test_when_the_consumer_crashes_another_takes_over_without_loss_or_double_effect(
    wide_bus: str, cluster: Make
) -> None:
    made = cluster(wide_bus, ("wishes",), ("notebook",), ("notebook",))
    for place in range(3):
        made.start(place)
    telling = asyncio.create_task(_tell_much(made, 30, pause=0.01))
    await until(lambda: made.position() > 20, 30.0)
    holder = 1 if made.executor(1)._held else 2  # type: ignore[attr-defined]
    await made.crash(holder)
    made.clock.advance(shared.LEASE + 1)  # the lease of who is gone ends; Kafka finds out by itself
    await telling
    await made.caught_up()
    assert made.sheets() == made.logged()


async def test_members_that_come_and_go_lose_nothing_and_do_nothing_twice(wide_bus: str, cluster: Make) -> None:
    made = cluster(wide_bus, ("wishes",), ("notebook",), ("notebook",))
    for place in (0, 1):
        made.start(place)
    telling = asyncio.create_task(_tell_much(made, 40, pause=0.01))
    await until(lambda: made.position() > 0, 30.0)
    made.start(2)
    await until(lambda: made.position() > 60, 30.0)
    await made.stop(1)
    await until(lambda: made.position() > 120, 30.0)
    made.start(1)
    await telling
    await made.caught_up()
    assert made.sheets() == made.logged()
    assert made.rows("SELECT number FROM parked") == []


async def test_who_was_told_to_look_is_not_told_wrong_when_the_source_moves_on(bus: str, cluster: Make) -> None:
    """Events that nobody wants move the position too."""
    made = cluster(bus, *APART)
    for place in range(1 if bus == "sqlite" else 2):
        made.start(place)
    await made.tell(("a", "passed", 0), ("a", "write_sheet", 1), ("a", "passed", 0))
    await made.caught_up()
    assert made.sheets() == {"a": [1]}


# What cannot be done.


async def _parked(made: Cluster) -> list[ParkedRow]:
    columns = "source, number, store, aggregate, attempts, due_at, error, envelope"
    rows = made.rows(f"SELECT {columns} FROM parked ORDER BY number")  # noqa: S608 - our own
    return [ParkedRow(*(*row[:-1], bytes(row[-1]))) for row in rows]


async def test_an_event_that_cannot_be_done_is_parked_and_holds_up_its_own_aggregate_alone(
    bus: str, cluster: Make
) -> None:
    made = cluster(bus, *APART)
    listener = 0 if bus == "sqlite" else 1
    for place in range(listener + 1):
        made.start(place)
    await made.tell(("a", "take", 3), ("b", "write_sheet", 1), ("a", "write_sheet", 2), ("b", "write_sheet", 3))
    await made.caught_up()
    assert made.sheets() == {"b": [1, 3]}
    first, second = await _parked(made)
    assert [(row.number, row.aggregate) for row in (first, second)] == [(1, "a"), (3, "a")]
    assert (first.attempts, second.attempts) == (1, 0)
    logged = made.rows("SELECT number, id, store, version, body FROM outbox ORDER BY number", "wishes")
    for row in (first, second):
        envelope = unpack(row)
        kept = (envelope.number, envelope.id, envelope.store, envelope.version, envelope.body)
        assert kept == (*logged[row.number - 1][:-1], bytes(logged[row.number - 1][-1]))
    await made.nodes[0].calls.do(Do("a", "insert", 5), ANN)
    await made.executor(listener).replay(first)
    await until(lambda: made.rows("SELECT number FROM parked WHERE number = 1") == [])
    made.clock.advance(1_001)
    await until(lambda: made.rows("SELECT number FROM parked") == [])
    assert (made.pages(), made.sheets()["a"]) == ({"a": 2}, [2])
    await made.tell(("a", "write_sheet", 9))
    await made.caught_up()
    assert made.sheets()["a"] == [2, 9]


async def test_an_event_of_a_version_that_is_not_known_is_parked_with_its_bytes(
    wide_bus: str, cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cluster(wide_bus, *APART)
    made.start(0)
    made.start(1)
    await made.tell(("a", "write_sheet", 1))
    await made.caught_up()
    with monkeypatch.context() as patch:
        patch.setattr(Wished, "version", 99)
        await made.tell(("b", "write_sheet", 2))
    await made.tell(("b", "write_sheet", 3), ("c", "write_sheet", 4))
    await made.caught_up()
    assert made.sheets() == {"a": [1], "c": [4]}
    unknown, behind = await _parked(made)
    assert (unknown.number, behind.number) == (2, 3)
    assert "version 99" in unknown.error
    assert unpack(unknown).version == 99
    assert msgspec.json.decode(unpack(unknown).body) == {"name": "b", "kind": "write_sheet", "change": 2}


async def test_a_projection_that_is_rebuilt_from_the_log_is_the_one_that_lived(bus: str, cluster: Make) -> None:
    """I22."""
    made = cluster(bus, *APART)
    listener = 0 if bus == "sqlite" else 1
    for place in range(listener + 1):
        made.start(place)
    for each in range(40):
        told = [(NAMES[(each + place) % 5], kind, each) for place, kind in enumerate(("stamp", "write_sheet", "save_later", "total", "line"))]  # fmt: skip  # noqa: E501
        await made.tell(*told)
        if each % 10 == 0:
            await made.caught_up()
    await made.caught_up()
    lived = _projection(made)
    await made.stop(listener)
    if made.ground.shared:
        made.ground.emptied(("notebook",))
    else:
        for file in made.ground.folder.glob("notebook.db*"):
            file.unlink()
    made.start(listener)
    await made.caught_up()
    assert _projection(made) == lived
    assert len(lived["stamps"]) >= 5


def _projection(made: Cluster) -> dict[str, list[tuple[Any, ...]]]:
    names = ("pages", "stamps", "totals", "documents", "parked")
    order = {"pages": "1", "stamps": "1, 2", "totals": "1", "documents": "2", "parked": "2"}
    columns = {"parked": "source, number, aggregate"}
    return {
        name: made.rows(f"SELECT {columns.get(name, '*')} FROM {name} ORDER BY {order[name]}") for name in names  # noqa: S608
    }  # fmt: skip
