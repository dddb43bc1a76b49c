"""The port to whoever keeps the files of all stores.

A key is `STORE/NAME`, or longer by a few segments: it begins with the store's id, so that no store reaches another's
files. What is kept under a key is never replaced by something else once it is shown: a new content has a new key.
"""

import re
from typing import Protocol

import msgspec

from mercato.runtime.settings import SettingsError
from mercato.values.messages import Refusal

PATH = "/media/"  # where the shop itself serves, or forwards, what is shown
LARGEST = 64 << 20  # bytes that are read of one file: more than anything that is ever kept

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}(?:/[A-Za-z0-9_-]{1,64}){1,3}(?:\.[a-z0-9]{1,5})?")


class MediaWrong(SettingsError):
    """The store of media will never work as it is set; the text names it, what is wrong, and what would do."""


class MediaFault(Exception):
    """The store of media does not answer, or not as it should; it may do so later."""


class UploadRefused(Refusal):
    status, code = 403, "upload_refused"
    advice = "Ask for a new upload, and send the file to its address as it says, before it expires."


class UploadTooLarge(Refusal):
    status, code = 413, "upload_too_large"
    advice = "Send exactly as many bytes as the upload was asked for."


class UploadTicket(msgspec.Struct, frozen=True):
    """How a program without any other right may send one file: with this method and these headers, to this address,
    until `expires_at` (milliseconds since the epoch)."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: int


class Expected(msgspec.Struct, frozen=True):
    """The one file that a ticket lets in: exactly so many bytes, under this key, until then."""

    key: str
    content_type: str
    size: int
    expires_at: int


class MediaStore(Protocol):
    """Keeps files. A call that raises MediaFault or OSError may be tried again."""

    name: str

    async def check(self) -> None:
        """Raises MediaWrong where it cannot work as it is set, MediaFault where it does not answer now."""

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep a file that will be shown. It is durable when this returns; the same again changes nothing."""

    async def get(self, key: str) -> bytes:
        """The content. Raises NotFound."""

    async def delete(self, key: str) -> None:
        """Nothing is kept under this key any more. It may never have been."""

    def presign_upload(self, expected: Expected) -> UploadTicket:
        """The ticket for this file. It is computed; nobody is asked."""

    def url_of(self, key: str) -> str:
        """Where browsers find what is shown: an address, or a path of the shop."""

    async def close(self) -> None:
        """Let go of what it holds."""


def checked(key: str) -> str:
    """The key, if it is one. Raises ValueError for everything that could lead elsewhere."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key[:100]!r} is no key of a file")
    return key
