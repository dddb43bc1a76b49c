"""A page of a list, and the opaque cursor that leads to the next one."""

import base64
import binascii
from typing import Generic, TypeVar

import msgspec

from mercato.values.messages import Malformed

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """`items` in order; `next` is the cursor of the following page, None on the last."""

    items: tuple[Item, ...]
    next: str | None = None


def to_cursor(*position: str | int) -> str:
    """An opaque cursor for the sort values of the last item shown."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def from_cursor(cursor: str, form: type[tuple[Item, ...]]) -> tuple[Item, ...]:
    """The sort values behind a cursor. Raises Malformed for anything that `to_cursor` did not make."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=form)
    except (binascii.Error, msgspec.DecodeError, UnicodeError, ValueError):
        raise Malformed("`cursor` is not one that this list gave out: start again without it") from None
