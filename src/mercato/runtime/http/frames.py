"""What the acceptor and the shop say to each other: requests and replies, as many at a time as there are.

Both directions are batches: four bytes with a length, then as many bytes of MessagePack.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

_LENGTH = 4

encode = msgspec.msgpack.Encoder().encode


class Asked(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A request that a connection waits for. `route` is its place among the hot routes that the shop has told."""

    connection: int
    route: int
    path: str
    query: bytes
    params: dict[str, str]
    headers: dict[bytes, bytes]
    body: bytes
    peer: str


class FromAcceptor(msgspec.Struct, frozen=True, array_like=True):
    """`gone` are connections that were closed while they waited."""

    asked: list[Asked]
    gone: list[int]


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The reply for a connection, from its first to its last byte. `closing`: it ends with it."""

    connection: int
    data: bytes
    closing: bool


class HotLine(msgspec.Struct, frozen=True, array_like=True):
    """A hot route. `shared`: its replies are kept for everybody, where nobody in particular asks."""

    method: str
    path: str
    shared: bool


class FromShop(msgspec.Struct, frozen=True, array_like=True):
    """`routes` are told once, at the beginning. `closing`: nobody new is let in, and each reply is the last."""

    told: list[Told] = []
    routes: list[HotLine] = []
    closing: bool = False


def framed(batch: FromAcceptor | FromShop) -> bytes:
    payload = encode(batch)
    return len(payload).to_bytes(_LENGTH, "big") + payload


class Frames:
    """Takes bytes as they come and gives the batches that are whole."""

    def __init__(self, kind: type[Any]) -> None:
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._begun = b""

    def feed(self, data: bytes) -> Iterator[Any]:
        data, at = self._begun + data, 0
        while len(data) - at >= _LENGTH:
            end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
            if end > len(data):
                break
            yield self._decode(data[at + _LENGTH : end])
            at = end
        self._begun = data[at:]
