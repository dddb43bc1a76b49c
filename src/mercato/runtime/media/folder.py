"""Media in a folder of this machine.

A file is written beside its place, made durable, and moved there as a whole: nobody ever reads half of one. Uploads
come to a route of ours with a ticket that we have signed.
"""

import os
from collections.abc import AsyncIterable, Callable, Iterable
from itertools import count
from pathlib import Path
from typing import IO
from urllib.parse import urlencode

from mercato.runtime.access.sealed import Unsealer, Unsound, seal
from mercato.runtime.media.store import (
    LARGEST,
    PATH,
    Expected,
    MediaFault,
    MediaWrong,
    UploadRefused,
    UploadTicket,
    UploadTooLarge,
    checked,
)
from mercato.runtime.parts import Parts
from mercato.values.messages import NotFound, Unavailable

UPLOADS = "/v1/media/uploads"
AT_ONCE = 1 << 20  # bytes of an upload that are held until they are written

_PURPOSE = "media upload"
_TICKETS = Unsealer(_PURPOSE, Expected)
_DRAFTS = ".drafts"


class FolderMedia:
    """`installation` is the address that uploads are sent to, `public` where browsers find what is shown ("": the
    shop that they are in)."""

    name = "media folder"

    def __init__(self, folder: Path, parts: Parts, installation: str, public: str = "") -> None:
        self._folder = folder
        self._keyring = parts.keyring
        self._clock = parts.clock
        self._writing = parts.pools.slow
        self._reading = parts.pools.readers
        self._installation = installation
        self._public = public
        self._numbers = count()

    async def check(self) -> None:
        """Remove what was half written when the last process ended: the folder has one owner."""
        await self._writing.run(self._look_after)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """The suffix of the key tells the content type again when it is served."""
        place = self._place(key)
        await self._writing.run(lambda: self._write(place, (content,)))

    async def get(self, key: str) -> bytes:
        place = self._place(key)
        return await self._reading.run(lambda: _read(place))

    async def delete(self, key: str) -> None:
        place = self._place(key)
        await self._writing.run(lambda: place.unlink(missing_ok=True))

    def presign_upload(self, expected: Expected) -> UploadTicket:
        checked(expected.key)
        query = urlencode({"ticket": seal(self._keyring, _PURPOSE, expected)})
        headers = {"content-type": expected.content_type}
        return UploadTicket("PUT", f"{self._installation}{UPLOADS}?{query}", headers, expected.expires_at)

    def url_of(self, key: str) -> str:
        return f"{self._public}{PATH}{key}"

    async def close(self) -> None:
        """Nothing is held."""

    async def receive(self, ticket: str, content_type: str, chunks: AsyncIterable[bytes]) -> None:
        """Take an upload. Nothing of it is kept unless it is what its ticket says, to the last byte."""
        expected = self._expected(ticket)
        if content_type != expected.content_type:
            raise UploadRefused(f"this ticket is for {expected.content_type}")
        draft = self._draft()
        try:
            file = await self._writing.run(lambda: _opened(draft))
            try:
                await self._copy(chunks, file, expected.size)
                place = self._place(expected.key)
                await self._writing.run(lambda: self._finish(file, draft, place))
            finally:
                file.close()
        except OSError as error:
            raise Unavailable(f"the file could not be written: {error.strerror}") from error
        finally:
            draft.unlink(missing_ok=True)

    async def _copy(self, chunks: AsyncIterable[bytes], file: IO[bytes], size: int) -> None:
        held, length = bytearray(), 0
        async for chunk in chunks:
            length += len(chunk)
            if length > size:
                raise UploadTooLarge(f"the upload was asked for {size} bytes")
            held += chunk
            if len(held) >= AT_ONCE:
                await self._writing.run(_writing(file, bytes(held)))
                held.clear()
        if length != size:
            raise UploadRefused(f"the upload ended after {length} of {size} bytes")
        await self._writing.run(_writing(file, bytes(held)))

    def _expected(self, ticket: str) -> Expected:
        try:
            expected = _TICKETS.unseal(self._keyring, ticket)
        except Unsound:
            raise UploadRefused("this ticket is none of ours, or was changed") from None
        if self._clock.now() >= expected.expires_at:
            raise UploadRefused("this ticket has expired")
        return expected

    # In a thread.

    def _place(self, key: str) -> Path:
        return self._folder.joinpath(*checked(key).split("/"))

    def _draft(self) -> Path:
        return self._folder / _DRAFTS / f"{next(self._numbers)}.new"

    def _write(self, place: Path, parts: Iterable[bytes]) -> None:
        draft = self._draft()
        try:
            with _opened(draft) as file:
                file.writelines(parts)
                self._finish(file, draft, place)
        finally:
            draft.unlink(missing_ok=True)

    def _finish(self, file: IO[bytes], draft: Path, place: Path) -> None:
        file.flush()
        os.fsync(file.fileno())
        self._make_folders(place.parent)
        draft.replace(place)
        _sync(place.parent)

    def _make_folders(self, folder: Path) -> None:
        """Make a folder and those above it, each durable in the one above."""
        if not folder.exists():
            self._make_folders(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)

    def _look_after(self) -> None:
        try:
            drafts = self._folder / _DRAFTS
            drafts.mkdir(parents=True, exist_ok=True)
            for draft in drafts.iterdir():
                draft.unlink(missing_ok=True)
            if not os.access(drafts, os.W_OK):
                raise PermissionError("it is not writable")
        except OSError as error:
            reason = error.strerror or error
            raise MediaWrong(
                f"the media folder {self._folder} cannot be used ({reason}): make it writable for this user"
            ) from error


def _opened(draft: Path) -> IO[bytes]:
    draft.parent.mkdir(parents=True, exist_ok=True)
    return draft.open("wb")


def _writing(file: IO[bytes], content: bytes) -> Callable[[], int]:
    return lambda: file.write(content)


def _read(place: Path) -> bytes:
    try:
        with place.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise NotFound("there is no such file") from None
    if len(content) > LARGEST:
        raise MediaFault(f"{place.name} is larger than any file that is kept here")
    return content


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
