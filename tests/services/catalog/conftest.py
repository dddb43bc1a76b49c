"""A product and its media: a node with catalog over a folder of media, and what staff do with it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.contracts.catalog import (
    AwaitMedia,
    CompleteMedia,
    CreateProduct,
    GetMedia,
    GetProduct,
    Image,
    Media,
    Option,
    Product,
    ProductDraft,
    VariantDraft,
)
from mercato.runtime.media.folder import FolderMedia
from mercato.runtime.media.store import MediaStore
from mercato.runtime.service import Service
from mercato.runtime.setup import Setup
from mercato.runtime.slow_work import worker
from mercato.services.catalog.adapters.made_pictures import Made, Refused
from mercato.services.catalog.adapters.picture_program import answer_to
from mercato.services.catalog.domain import upload_name
from mercato.services.catalog.service import service as catalog
from mercato.values.clock import ManualClock
from mercato.values.ids import MediaId, ProductId
from tests.services.catalog.photographs import photograph
from tests.services.conftest import Running, running, settled, staff, system

STORE = "sto_first"
PRODUCT = ProductId("prod_" + "1" * 32)
OPTIONS = (Option("Colour", ("Red", "Blue")), Option("Size", ("S", "L")))
DRAFT = ProductDraft(
    "shirt",
    "Shirt",
    "EUR",
    tuple(VariantDraft((colour, size)) for colour in ("Red", "Blue") for size in ("S", "L")),
    options=OPTIONS,
    images=(Image("https://example.com/given.jpg", "Given"),),
    status="active",
)
NAMES = 5  # files of a picture of 800 pixels of width: four sizes and a JPEG


class Here:
    """Makes pictures in this process: it is the same code, and a test does not wait for another to start."""

    async def make(self, content: bytes) -> Made | Refused:
        return answer_to(content)


class Stage:
    """A node with a product, and its folder of media. `media` is what the services were handed."""

    def __init__(self, node: Running, media: MediaStore, folder: Path) -> None:
        self.node = node
        self.calls = node.calls
        self.media = media
        self.folder = folder
        self._number = 0

    def files(self) -> list[str]:
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in found)

    async def awaited(self, content: bytes = b"", **given: Any) -> Media:
        """A media that waits for its upload, which has come where there is content."""
        self._number += 1
        media_id = MediaId(f"med_{self._number:032x}")
        command = AwaitMedia(media_id, PRODUCT, "a.jpg", "image/jpeg", len(content) or 1, **given)
        awaited = await self.calls.do(command, staff(STORE))
        if content:
            await self.upload(awaited, content)
        return awaited

    async def upload(self, awaited: Media, content: bytes) -> None:
        await self.media.put(f"{STORE}/{upload_name(awaited.id)}", content, "image/jpeg")

    async def shown(self, **given: Any) -> Media:
        """A media that is ready. Each is a little wider than the one before."""
        awaited = await self.awaited(photograph(700 + self._number, 400), **given)
        await self.calls.do(CompleteMedia(awaited.id), staff(STORE))
        await settled(self.node)
        found = await self.get(awaited)
        assert found.state == "ready", found.reason
        return found

    async def get(self, media: Media) -> Media:
        return await self.calls.ask(GetMedia(media.id), staff(STORE))

    async def product(self) -> Product:
        return await self.calls.ask(GetProduct(PRODUCT), staff(STORE))

    async def gallery(self) -> list[str]:
        return [image.media_id for image in (await self.product()).images if image.media_id]


@asynccontextmanager
async def staged(
    folder: Path, clock: ManualClock | None = None, wrap: Callable[[MediaStore], MediaStore] = lambda media: media
) -> AsyncIterator[Stage]:
    kept: list[MediaStore] = []

    def change(made: Service, setup: Setup) -> Service:
        if made.name != "catalog":
            return made
        kept.append(wrap(FolderMedia(folder / "media", setup.parts, "http://shop.example")))
        return catalog(msgspec.structs.replace(setup, media=kept[0]), Here())

    async with running(folder, ["catalog"], clock=clock, change=change) as node:
        yield Stage(node, kept[0], folder / "media")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK", 0.01)


@pytest.fixture(params=[True, False], ids=["grouped", "savepoints"])
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        for executor in made.node.executors.values():
            executor.optimistic = request.param
        await made.calls.do(CreateProduct(PRODUCT, DRAFT), system(STORE))
        yield made
