"""The index follows the entries, goes on where it was, and is made anew beside the one that serves."""

import asyncio
from pathlib import Path

import pytest

from mercato.runtime import node
from mercato.services.search import indexer
from mercato.services.search.adapters.index_folder import IndexFolder
from mercato.services.search.domain import Entry
from mercato.services.search.indexer import MOST_MISSES, Serving
from mercato.services.search.messages import RebuildIndex
from mercato.values.ids import ProductId
from tests.services.conftest import system, until
from tests.services.search.service.conftest import Opened, Stage


async def test_it_goes_on_after_a_start_and_writes_nothing_twice(opened: Opened) -> None:
    async with opened() as stage:
        first = await stage.make("Shirt")
        assert await stage.entry(first.id) is not None
    async with opened() as stage:
        before = len(stage.shelf.writes)
        second = await stage.make("Trousers")
        assert await stage.entry(second.id) is not None
        written = stage.shelf.writes[before:]
        assert sum(written) <= 3  # of the second alone: described, priced, in stock
        assert await stage.entry(first.id) is not None


async def test_an_index_that_was_lost_is_made_anew(opened: Opened) -> None:
    async with opened() as stage:
        made = await stage.make("Shirt")
        await stage.indexed()
        stage.shelf.index = type(stage.shelf.index)(lambda: False)
    async with opened() as stage:
        assert await stage.entry(made.id) is not None


async def test_an_index_of_other_databases_is_made_anew(opened: Opened) -> None:
    """It says that it has changes which have not happened here."""
    async with opened() as stage:
        shelf = stage.shelf
        made = await stage.make("Shirt")
        await stage.indexed()
        key = ("sto_other", ProductId("prod_other"))
        shelf.index.entries[key] = Entry("sto_other", ProductId("prod_other"), "Other")
        shelf.index.mark = 1_000_000
    async with opened() as stage:
        await until(lambda: stage.shelf.mark < 1_000_000)
        assert await stage.entry(made.id) is not None
        assert key not in stage.shelf.index.entries


async def test_one_that_is_asked_for_takes_the_place_of_the_old_one(stage: Stage) -> None:
    made = await stage.make("Shirt")
    await stage.indexed()
    old = stage.shelf.index
    await stage.calls.do(RebuildIndex(), system(""))
    await until(lambda: stage.shelf.done == 1)
    assert stage.shelf.index is not old
    assert stage.shelf.index.entries == old.entries
    await stage.change(made.id, title="Blouse")
    entry = await stage.entry(made.id)
    assert entry is not None
    assert entry.title == "Blouse"


async def test_an_index_that_breaks_is_opened_again(stage: Stage) -> None:
    stage.shelf.broken = True
    made = await stage.make("Shirt")
    await until(lambda: stage.node.executors["search"].idle)

    async def status() -> int:
        return (await stage.get("/v1/search", q="shirt")).status

    async with asyncio.timeout(5):
        while await status() != 503:  # noqa: ASYNC110 - a failure sets no event
            await asyncio.sleep(0.01)
    stage.shelf.broken = False
    assert await stage.entry(made.id) is not None
    assert await status() == 200


async def test_what_follows_begins_again_after_a_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "AGAIN", 0.01)
    stage.shelf.fault = True
    made = await stage.make("Shirt")
    await until(lambda: "following_failed" in stage.node.log.getvalue())
    stage.shelf.fault = False
    assert await stage.entry(made.id) is not None


async def test_a_shop_that_is_busy_is_given_way(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "CHUNK", 1)
    monkeypatch.setattr(indexer, "PACE", 0.0)
    asked: list[bool] = []

    def is_calm() -> bool:
        asked.append(True)
        return False

    monkeypatch.setattr(stage.node, "_is_calm", is_calm)
    stage.shelf.fault = True  # so that it begins anew, with this answer
    monkeypatch.setattr(node, "AGAIN", 0.01)
    made = [await stage.make(f"Shirt {number}") for number in range(3)]
    await until(lambda: "following_failed" in stage.node.log.getvalue())
    stage.shelf.fault = False
    for each in made:
        assert await stage.entry(each.id) is not None
    assert asked != []
    assert set(stage.shelf.writes) == {0, 1}  # the last one says that all is there


def test_misses_are_bounded_and_have_no_signs_that_control_anything() -> None:
    serving = Serving()
    serving.miss("sto_1", "  Red\x00 \x1b[2J Shoes ")
    serving.miss("sto_1", "red [2j shoes")
    serving.miss("sto_1", " \n ")
    assert serving.take_misses() == {"sto_1": {"red [2j shoes": 2}}
    for number in range(2 * MOST_MISSES):
        serving.miss("sto_1", f"nothing {number}")
    assert len(serving.take_misses()["sto_1"]) == MOST_MISSES
    assert serving.take_misses() == {}


def test_a_folder_remembers_which_wish_it_has_fulfilled(tmp_path: Path) -> None:
    shelf = IndexFolder(tmp_path / "search")
    index = shelf.open()
    assert (shelf.rebuilds(index), index.mark) == (0, 0)
    index.write([Entry("sto_1", ProductId("prod_1"), "Shirt")], 7)
    rebuilt = shelf.begin(index, 3)
    rebuilt.write([Entry("sto_1", ProductId("prod_2"), "Blouse")], 9)
    index = shelf.finish(index, rebuilt, 3)
    assert (shelf.rebuilds(index), index.mark) == (3, 9)
    index.close()
    again = IndexFolder(tmp_path / "search")
    assert (again.rebuilds(again.open()), again.open().mark) == (3, 9)
