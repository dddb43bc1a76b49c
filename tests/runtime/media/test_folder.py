"""The folder: the contract, and what is true of files alone."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from mercato.apps.shop import make_parts
from mercato.runtime.media.folder import FolderMedia
from mercato.runtime.media.store import Expected, MediaWrong, UploadRefused, UploadTicket, UploadTooLarge
from mercato.runtime.parts import Parts
from mercato.runtime.settings import Settings
from mercato.values.clock import MINUTE, ManualClock
from mercato.values.messages import Malformed, Unavailable
from tests.runtime.media.contract import CONTENT, TYPE, Harbour, MediaContract


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    made = make_parts(Settings(data=tmp_path, access_log="off"), asyncio.get_running_loop())
    yield msgspec.structs.replace(made, clock=ManualClock())
    made.pools.close()
    made.telemetry.close()


@pytest.fixture
def media(tmp_path: Path, parts: Parts) -> FolderMedia:
    return FolderMedia(tmp_path / "media", parts, "http://shop.example")


@pytest.fixture
def harbour(media: FolderMedia, parts: Parts) -> Harbour:
    async def send(ticket: UploadTicket, content: bytes, wait: int = 0) -> bool:
        assert isinstance(parts.clock, ManualClock)
        parts.clock.advance(wait * 1_000)
        try:
            await media.receive(ticket_of(ticket), ticket.headers["content-type"], pieces(content))
        except (UploadRefused, UploadTooLarge):
            return False
        return True

    return Harbour(media, parts.clock, send, "a")


class TestFolder(MediaContract):
    """The contract."""


def ticket_of(ticket: UploadTicket) -> str:
    return parse_qs(urlsplit(ticket.url).query)["ticket"][0]


async def pieces(content: bytes, ends: Exception | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]
    if ends is not None:
        raise ends


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


async def test_nothing_is_made_before_it_is_needed(tmp_path: Path, media: FolderMedia) -> None:
    media.presign_upload(Expected("sto_a/uploads/one", TYPE, 1, MINUTE))
    assert not (tmp_path / "media").exists()


async def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path, harbour: Harbour) -> None:
    assert isinstance(harbour.media, FolderMedia)
    ticket = ticket_of(harbour.ticket("uploads/broken"))
    with pytest.raises(Malformed):
        await harbour.media.receive(ticket, TYPE, pieces(CONTENT[:5], Malformed("the body ended early")))
    assert files(tmp_path / "media") == []


async def test_a_full_disk_refuses_an_upload_cleanly(
    tmp_path: Path, harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert isinstance(harbour.media, FolderMedia)
    ticket = ticket_of(harbour.ticket("uploads/full"))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="No space left"):
            await harbour.media.receive(ticket, TYPE, pieces(CONTENT))
        with pytest.raises(OSError, match="No space left"):
            await harbour.media.put(harbour.key("a.webp"), CONTENT, "image/webp")
    assert files(tmp_path / "media") == []
    await harbour.media.receive(ticket, TYPE, pieces(CONTENT))
    assert files(tmp_path / "media") == ["sto_a/uploads/full"]


async def test_a_start_removes_what_was_half_written(tmp_path: Path, media: FolderMedia) -> None:
    drafts = tmp_path / "media" / ".drafts"
    drafts.mkdir(parents=True)
    (drafts / "7.new").write_bytes(b"half")
    await media.put("sto_a/a.webp", CONTENT, "image/webp")
    await media.check()
    assert files(tmp_path / "media") == ["sto_a/a.webp"]


async def test_a_folder_that_cannot_be_used_is_told_at_the_start(tmp_path: Path, media: FolderMedia) -> None:
    (tmp_path / "media").write_text("no folder")
    with pytest.raises(MediaWrong, match=r"media folder .* cannot be used .*: make it writable"):
        await media.check()
