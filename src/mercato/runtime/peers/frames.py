"""What travels between two processes of an installation: frames, each a batch, each signed.

A frame is four bytes of length, one byte with the length of a key's id, that id, a MAC of 32 bytes, and the rest: a
list of items in MessagePack. The MAC covers a number that counts the frames of this direction, and what both sides drew
when the connection was made: so no frame can be forged, changed, left out or sent again. It does not hide anything:
that is left to the network between the processes.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.answers import Answered, IdempotencyKey
from mercato.values.messages import Caller, Envelope

LONGEST = 16 << 20  # bytes of a frame
VERSION = 1
_LENGTH = struct.Struct(">I")
_COUNT = struct.Struct(">Q")
_MAC = 32
_AROUND = 1 + 255 + _MAC  # bytes of a frame beside its items, at most

Verb = Literal["do", "once", "ask", "stored", "log", "position"]


class Welcome(msgspec.Struct, frozen=True, tag="w", array_like=True):
    """The door's first word: who it is, what it runs, and its half of what the connection's MACs cover."""

    version: int
    drawn: bytes
    process: str
    services: tuple[str, ...]


class Hello(msgspec.Struct, frozen=True, tag="h", array_like=True):
    """The link's first word. `wants` are types of events by source: news of them are sent from now on, and of the
    services that it `runs` itself, beside others, also the answers."""

    version: int
    drawn: bytes
    process: str
    runs: tuple[str, ...]
    wants: dict[str, tuple[str, ...]]


class Wants(msgspec.Struct, frozen=True, tag="u", array_like=True):
    """The link wants to hear of these types of events, by source, from now on."""

    wants: dict[str, tuple[str, ...]]


class Sent(msgspec.Struct, frozen=True, tag="c", array_like=True):
    """A message on its way. `patience` (seconds) is how long its sender waits for the reply; `wait` how long the
    outcome of a command may take to be decided."""

    number: int
    verb: Verb
    message: str
    body: msgspec.Raw
    caller: Caller
    patience: float
    key: IdempotencyKey | None = None
    wait: float = 0.0


class Replied(msgspec.Struct, frozen=True, tag="r", array_like=True):
    number: int
    body: msgspec.Raw


class Refused(msgspec.Struct, frozen=True, tag="n", array_like=True):
    number: int
    code: str
    detail: str
    facts: dict[str, Any]


class News(msgspec.Struct, frozen=True, tag="e", array_like=True):
    """What a batch of `source` has committed: the events with the numbers `first` to `last`, as far as they are wanted;
    what changed (store, subject); answers, for other processes of the same service."""

    source: str
    first: int
    last: int
    envelopes: tuple[Envelope, ...]
    changes: tuple[tuple[str, str], ...]
    answers: tuple[Answered, ...] = ()


class Goodbye(msgspec.Struct, frozen=True, tag="g", array_like=True):
    """The door is being closed: what it has taken it answers, more should go elsewhere. The link says it too, when it
    has sent its last message."""


Item = Welcome | Hello | Wants | Sent | Replied | Refused | News | Goodbye

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Item])


class BadFrame(Exception):
    """These bytes are no frame of this connection: whoever sent them is not believed any more."""


class Sealing:
    """Makes the frames of one direction. `drawn` is what both sides drew: b"" before they did."""

    def __init__(self, keyring: Keyring, direction: bytes) -> None:
        self._keyring = keyring
        self._direction = direction
        self._drawn = b""
        self._count = 0

    def bind(self, drawn: bytes) -> None:
        self._drawn = drawn

    def seal_all(self, items: list[Any], too_long: Callable[[Any], None]) -> Iterator[bytes]:
        """One frame; more where it would be too long. `too_long` is told of an item that fits into none."""
        payload = _encoder.encode(items)
        if len(payload) + _AROUND <= LONGEST:
            yield self._seal(payload)
        elif len(items) > 1:
            half = len(items) // 2
            yield from self.seal_all(items[:half], too_long)
            yield from self.seal_all(items[half:], too_long)
        else:
            too_long(items[0])

    def seal(self, items: list[Any]) -> bytes:
        return self._seal(_encoder.encode(items))

    def _seal(self, payload: bytes) -> bytes:
        key_id, mac = self._keyring.sign(*_covered(self._direction, self._drawn, self._count, payload))
        self._count += 1
        name = key_id.encode()
        return b"".join((_LENGTH.pack(1 + len(name) + _MAC + len(payload)), bytes((len(name),)), name, mac, payload))


class Opening:
    """Reads the frames of one direction from a stream of bytes."""

    def __init__(self, keyring: Keyring, direction: bytes) -> None:
        self._keyring = keyring
        self._direction = direction
        self._drawn = b""
        self._count = 0
        self._buffer = bytearray()

    def bind(self, drawn: bytes) -> None:
        self._drawn = drawn

    def read(self, data: bytes) -> Iterator[list[Any]]:
        """The whole frames that are there by now, one after the other. Raises BadFrame."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > LONGEST:
                raise BadFrame(f"a frame of {length} bytes")
            if len(self._buffer) < _LENGTH.size + length:
                return
            frame = bytes(self._buffer[_LENGTH.size : _LENGTH.size + length])
            del self._buffer[: _LENGTH.size + length]
            yield self._open(frame)

    def _open(self, frame: bytes) -> list[Any]:
        named = 1 + frame[0] if frame else 0
        key_id, mac, payload = frame[1:named], frame[named : named + _MAC], frame[named + _MAC :]
        covered = _covered(self._direction, self._drawn, self._count, payload)
        if not self._keyring.verifies(key_id.decode("latin-1"), *covered, mac):
            raise BadFrame("it is not signed with a key of this installation, or not for this connection")
        self._count += 1
        try:
            items: list[Any] = _decoder.decode(payload)
        except msgspec.DecodeError as error:
            raise BadFrame(str(error)) from error
        return items


def _covered(direction: bytes, drawn: bytes, count: int, payload: bytes) -> tuple[bytes, bytes]:
    """Purpose and content of a MAC."""
    return b"peer " + direction, drawn + _COUNT.pack(count) + payload
