"""The worker of pictures, however it ends: what is kept is whole, and what is not needed is gone."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mercato.contracts.catalog import (
    CompleteMedia,
    CreateProduct,
    RemoveMedia,
)
from mercato.runtime.media.store import Expected, MediaFault, MediaStore, UploadTicket
from mercato.services.catalog import work
from mercato.values.clock import HOUR, MINUTE, ManualClock
from mercato.values.messages import NotFound
from tests.services.catalog.conftest import DRAFT, NAMES, PRODUCT, STORE, Stage, staged
from tests.services.catalog.photographs import photograph
from tests.services.conftest import settled, staff, system, until


class Faltering:
    """A store of media that tells of each step. `at` may raise, or never return."""

    def __init__(self, media: MediaStore, at: Callable[[str], Awaitable[None]]) -> None:
        self._media = media
        self._at = at
        self.name = media.name

    async def check(self) -> None:
        await self._media.check()

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        if "/uploads/" in key:
            return await self._media.put(key, content, content_type)
        await self._at("put begins")
        await self._media.put(key, content, content_type)
        await self._at("put ended")

    async def get(self, key: str) -> bytes:
        await self._at("get begins")
        content = await self._media.get(key)
        await self._at("get ended")
        return content

    async def delete(self, key: str) -> None:
        await self._at("delete begins")
        await self._media.delete(key)
        await self._at("delete ended")

    def presign_upload(self, expected: Expected) -> UploadTicket:
        return self._media.presign_upload(expected)

    def url_of(self, key: str) -> str:
        return self._media.url_of(key)

    async def close(self) -> None:
        await self._media.close()


STEPS = 2 + 2 * NAMES + 2  # reading, keeping each file, deleting what was uploaded


@pytest.mark.parametrize("step", range(STEPS))
async def test_a_kill_at_any_step_leaves_nothing_half_done(tmp_path: Path, step: int) -> None:
    """The files of the moment in which the process would end are those that the next one starts with."""
    clock, passed, reached, ended = ManualClock(), 0, asyncio.Event(), asyncio.Event()

    async def at(_step: str) -> None:
        nonlocal passed
        passed += 1
        if passed == step + 1:
            reached.set()
            await ended.wait()
            raise MediaFault("this process has ended long ago")

    (tmp_path / "first").mkdir()
    async with staged(tmp_path / "first", clock, lambda media: Faltering(media, at)) as stage:
        await stage.calls.do(CreateProduct(PRODUCT, DRAFT), system(STORE))
        awaited = await stage.awaited(photograph())
        await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
        async with asyncio.timeout(10):
            await reached.wait()
        shutil.copytree(tmp_path / "first", tmp_path / "second")
        ended.set()
    async with staged(tmp_path / "second", clock) as stage:
        await until(lambda: len(stage.files()) == NAMES and not any("uploads" in name for name in stage.files()))
        await settled(stage.node)
        ready = await stage.get(awaited)
        assert ready.state == "ready"
        assert await stage.gallery() == [awaited.id]
        clock.advance(HOUR)
        await settled(stage.node)
        await stage.calls.do(RemoveMedia(awaited.id), staff(STORE))
        await until(lambda: stage.files() == [])


async def test_a_store_of_media_that_fails_for_a_while_is_tried_again(tmp_path: Path) -> None:
    clock, left = ManualClock(), 3

    async def at(step: str) -> None:
        nonlocal left
        if step == "put ended" and left:
            left -= 1
            raise MediaFault("out of order")

    async with staged(tmp_path, clock, lambda media: Faltering(media, at)) as stage:
        await stage.calls.do(CreateProduct(PRODUCT, DRAFT), system(STORE))
        awaited = await stage.awaited(photograph())
        await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
        for _ in range(3):
            await settled(stage.node)
            assert (await stage.get(awaited)).state == "checking"
            clock.advance(10_000)
            await asyncio.sleep(0.05)
        await settled(stage.node)
        assert ((await stage.get(awaited)).state, len(stage.files())) == ("ready", NAMES)


async def test_a_store_of_media_that_never_keeps_anything_is_given_up_cleanly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "TRIES", 1)

    async def at(step: str) -> None:
        if step == "put ended":
            raise MediaFault("full")

    async with staged(tmp_path, wrap=lambda media: Faltering(media, at)) as stage:
        await stage.calls.do(CreateProduct(PRODUCT, DRAFT), system(STORE))
        awaited = await stage.awaited(photograph())
        await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
        await settled(stage.node)
        refused = await stage.get(awaited)
        assert (refused.state, refused.reason) == ("refused", work.NOT_KEPT)
        assert stage.files() == []  # the file that was kept before the fault too


async def test_a_picture_that_is_removed_while_it_is_made_leaves_nothing(tmp_path: Path) -> None:
    reached, removed = asyncio.Event(), asyncio.Event()

    async def at(step: str) -> None:
        if step == "put begins" and not reached.is_set():
            reached.set()
            await removed.wait()

    async with staged(tmp_path, wrap=lambda media: Faltering(media, at)) as stage:
        await stage.calls.do(CreateProduct(PRODUCT, DRAFT), system(STORE))
        awaited = await stage.awaited(photograph())
        await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
        async with asyncio.timeout(10):
            await reached.wait()
        await stage.calls.do(RemoveMedia(awaited.id), staff(STORE))
        await until(lambda: stage.files() == [])
        removed.set()
        await settled(stage.node)
        await until(lambda: stage.files() == [])
        assert await stage.gallery() == []
        with pytest.raises(NotFound):
            await stage.get(awaited)


async def test_what_is_uploaded_again_with_a_ticket_that_still_works_is_deleted_again(stage: Stage) -> None:
    awaited = await stage.awaited(photograph())
    await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
    await settled(stage.node)
    await stage.upload(awaited, b"<script>")
    assert len(stage.files()) == NAMES + 1
    stage.node.clock.advance(16 * MINUTE)
    await until(lambda: len(stage.files()) == NAMES)
