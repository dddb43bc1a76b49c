"""The process that reads an import's file: what it says arrives, and its end is noticed."""

import os
import signal
from pathlib import Path

import pytest

from mercato.apps.control import News
from mercato.apps.file_reader import AT_ONCE, Chunk, Wanted
from mercato.apps.reading import Reading, UnreadableFile
from tests.services.catalog.adapters.files import json_text

PRODUCTS = 3 * AT_ONCE + 1


def items(folder: Path, *more: object) -> Path:
    path = folder / "items.jsonl"
    shirts = ({"handle": f"shirt-{number}", "title": "Shirt", "price": "9.90"} for number in range(PRODUCTS))
    path.write_text(json_text(*shirts, *more))
    return path


def wanted(path: Path) -> Wanted:
    return Wanted(str(path), "", "EUR")


def nobody(_news: News) -> None:
    pass


async def chunks(reading: Reading, after: int = 0) -> list[Chunk]:
    return [chunk async for chunk in reading.chunks(after)]


async def test_all_products_come_by_chunks_with_what_is_wrong_among_them(tmp_path: Path) -> None:
    last = {"handle": "last", "title": "Last", "description": "<b onclick=x>!", "price": "1.00"}
    path = items(tmp_path, {"handle": "no title"}, last)
    async with Reading(wanted(path)) as reading:
        survey = await reading.survey(nobody)
        found = await chunks(reading)
    handles = [given.product.handle for chunk in found for given in chunk.products]
    assert handles == [*(f"shirt-{number}" for number in range(PRODUCTS)), "last"]
    assert survey.products == PRODUCTS + 2
    assert [chunk.last for chunk in found if chunk.products] == [AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE, PRODUCTS + 1]
    assert [fault.line for chunk in found for fault in chunk.faults] == [PRODUCTS + 1]
    assert found[-1].products[-1].description == "<b>!</b>"
    assert (found[-1].done, found[-1].total) == (path.stat().st_size, path.stat().st_size)


async def test_reading_goes_on_after_the_product_that_is_named(tmp_path: Path) -> None:
    async with Reading(wanted(items(tmp_path))) as reading:
        await reading.survey(nobody)
        found = await chunks(reading, PRODUCTS - 2)
    assert [given.product.handle for chunk in found for given in chunk.products] == [
        f"shirt-{PRODUCTS - 2}",
        f"shirt-{PRODUCTS - 1}",
    ]


async def test_the_same_file_is_known_again_and_another_one_is_not(tmp_path: Path) -> None:
    names = []
    for more in ((), (), ({"handle": "one", "title": "One more"},)):
        async with Reading(wanted(items(tmp_path, *more))) as reading:
            names.append((await reading.survey(nobody)).file)
    assert names[0] == names[1] != names[2]


async def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    async with Reading(wanted(path)) as reading:
        with pytest.raises(UnreadableFile, match="No such file"):
            await reading.survey(nobody)


async def test_a_process_that_is_killed_is_missed(tmp_path: Path) -> None:
    async with Reading(wanted(items(tmp_path))) as reading:
        await reading.survey(nobody)
        os.kill(reading.process_id, signal.SIGKILL)
        with pytest.raises(UnreadableFile, match="ended with code -9"):
            await chunks(reading)


async def test_the_process_ends_with_its_reading(tmp_path: Path) -> None:
    async with Reading(wanted(items(tmp_path))) as reading:
        await reading.survey(nobody)
        process_id = reading.process_id
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)
