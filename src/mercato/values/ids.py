"""Ids: a type prefix and a time-ordered UUID (version 7) in hex, as in `ord_0193a6f4c1d27a3b9c4de5f60718293a`.

They sort by the time they were made, say what they name, and are safe in URLs and file names.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from itertools import count
from typing import NewType, Protocol

from mercato.values.clock import Clock

StoreId = NewType("StoreId", str)
UserId = NewType("UserId", str)
BuyerId = NewType("BuyerId", str)  # a user id or a guest id
SessionId = NewType("SessionId", str)
TokenId = NewType("TokenId", str)
ProductId = NewType("ProductId", str)
VariantId = NewType("VariantId", str)
CategoryId = NewType("CategoryId", str)
LocationId = NewType("LocationId", str)
MediaId = NewType("MediaId", str)
CartId = NewType("CartId", str)
OrderId = NewType("OrderId", str)
PaymentId = NewType("PaymentId", str)
RefundId = NewType("RefundId", str)
ImportId = NewType("ImportId", str)
MailId = NewType("MailId", str)

PREFIXES = {
    "StoreId": "sto",
    "UserId": "usr",
    "SessionId": "ses",
    "TokenId": "tok",
    "ProductId": "prod",
    "VariantId": "var",
    "CategoryId": "cat",
    "LocationId": "loc",
    "MediaId": "med",
    "CartId": "cart",
    "OrderId": "ord",
    "PaymentId": "pay",
    "RefundId": "ref",
    "ImportId": "imp",
    "MailId": "mail",
    "movement": "mov",
    "api_key": "key",
    "attempt": "att",
    "asked": "ask",
    "guest": "gst",
    "event": "evt",
    "intent": "int",
    "request": "req",
    "node": "node",
}

_FORM = re.compile(r"[a-z]{2,8}_[0-9a-f]{32}")


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the form of an id with this prefix. It says nothing about whether the thing exists."""
    return text.startswith(prefix + "_") and _FORM.fullmatch(text) is not None


class Randomness(Protocol):
    """Where random bits come from: the system's generator, or a seeded one in tests and simulation."""

    def getrandbits(self, k: int, /) -> int: ...


class Ids:
    """Makes ids and secrets from a clock and a source of randomness, both handed in.

    Ids of one maker rise strictly within a millisecond too: twelve bits count, the rest is random.
    """

    def __init__(self, clock: Clock, randomness: Randomness | None = None) -> None:
        self._clock = clock
        self._random: Randomness = randomness or secrets.SystemRandom()
        self._last = 0
        self._pool = 0
        self._left = 0

    def new(self, prefix: str) -> str:
        """A new id such as `ord_...`; `prefix` is one of the values of PREFIXES."""
        stamp = self._clock.now() << 12
        self._last = stamp if stamp > self._last else self._last + 1
        if not self._left:
            self._pool, self._left = self._random.getrandbits(62 * 64), 64
        bits = self._pool & 0x3FFFFFFFFFFFFFFF
        self._pool >>= 62
        self._left -= 1
        last = self._last
        number = (last >> 12) << 80 | 0x7 << 76 | (last & 0xFFF) << 64 | 0x2 << 62 | bits
        return f"{prefix}_{number:032x}"

    def series(self) -> Callable[[str], str]:
        """A maker of ids for one moment, cheaper than `new`: they count up from a random beginning."""
        tails = _tails(self.new("")[:25])
        return lambda prefix: prefix + next(tails)

    def secret(self) -> bytes:
        """32 bytes that nobody can guess (seeded in simulation)."""
        return self._random.getrandbits(256).to_bytes(32, "big")


_LAST_DIGITS = tuple(f"{number:02x}" for number in range(256))


def _tails(head: str) -> Iterator[str]:
    """The head with eight digits that count up. Six of them change rarely, so they are written rarely."""
    for number in count():
        stem = f"{head}{number:06x}"
        for digits in _LAST_DIGITS:
            yield stem + digits
