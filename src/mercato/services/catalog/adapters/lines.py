"""The physical lines of a file in memory that stays flat, and a compact memory of which texts came before."""

import gzip
import zlib
from array import array
from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from mercato.services.catalog.adapters.records import BrokenFile, Progress

MAX_ROW = 1 << 20  # bytes of a row: a description of the largest size fits, and a line without end does no harm
MAX_SEEN = 5_000_000

_BLOCK = 1 << 18
_GZIP = b"\x1f\x8b"
_NOT_UTF8 = 'the text is not in the encoding UTF-8. Save the file as "CSV UTF-8" or "JSON UTF-8" and import it again.'
_NUL = "there is a NUL byte, so this is no text in UTF-8. Save the file as plain text in UTF-8 and import it again."
_BAD_GZIP = "the packed file is damaged or cut off. Pack it again, or import it unpacked."


class Lines:
    """One pass over the lines of a file, also of a file packed with gzip.

    A line ends with LF, CR LF or CR, as the editors count. `number` is that of the line last given, from 1.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self._done = 0
        self._total = path.stat().st_size

    def __iter__(self) -> Iterator[bytes]:
        """Each line with its end. A line longer than MAX_ROW comes in pieces: all but its last lack a line end."""
        rest = b""
        for block in self._blocks():
            data = rest + block
            if b"\0" in block:
                before = data[: data.index(b"\0")] + b"x"
                raise self.broken(_NUL, self.number + len(before.splitlines()))
            # A CR at the very end may be the first half of CR LF: it waits for the next block.
            end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1
            for line in data[:end].splitlines(keepends=True):
                self.number += 1
                yield line
            rest = data[end:]
            # The piece must stay longer than MAX_ROW without the CR that waits: its length tells what it is.
            if len(rest) > MAX_ROW + 1:
                piece = rest.removesuffix(b"\r")
                self.number += 1
                yield piece
                self.number -= 1
                rest = rest[len(piece) :]
        if rest:
            self.number += 1
            yield rest

    def progress(self) -> Progress:
        return Progress(self._done, self._total)

    def broken(self, reason: str, line: int | None = None) -> BrokenFile:
        """The refusal of the file because of `line`, which is the current one when none is named."""
        return BrokenFile(self.path.name, self.number if line is None else line, reason)

    def decode(self, line: bytes) -> str:
        """The text of the current line. Raises BrokenFile when it is not in UTF-8."""
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise self.broken(_NOT_UTF8) from None

    def _blocks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            with gzip.GzipFile(fileobj=file) if packed else file as stream:
                block = self._read(stream).removeprefix(BOM_UTF8)
                while block:
                    self._done = min(file.tell(), self._total)
                    yield block
                    block = self._read(stream)
            self._done = self._total

    def _read(self, stream: BinaryIO | gzip.GzipFile) -> bytes:
        try:
            return stream.read(_BLOCK)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise self.broken(_BAD_GZIP, self.number + 1) from None


class LongText:
    """Checks the encoding of text that is too long to be kept, piece by piece."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._decoder = getincrementaldecoder("utf-8")()

    def check(self, piece: bytes, last: bool = False) -> None:
        """Raises BrokenFile when the text up to here is not in UTF-8; after the `last` piece no character is open."""
        try:
            self._decoder.decode(piece, last)
        except UnicodeDecodeError:
            raise self._lines.broken(_NOT_UTF8) from None


def ends_line(piece: bytes) -> bool:
    """Whether a line is over with this piece of it."""
    return piece.endswith((b"\n", b"\r"))


class Seen:
    """Remembers which texts came before, as 8 bytes of each one's hash in a table that is at most two thirds full.

    A million texts take 16 MiB, and the limit, MAX_SEEN, 64 MiB (half as much again while the table grows). Among that
    many texts the chance that any two are mistaken for equal is below one in a million.
    """

    def __init__(self, limit: int = MAX_SEEN) -> None:
        self._slots = array("Q", (0,)) * 1_024
        self._count = 0
        self._limit = limit

    @property
    def full(self) -> bool:
        """Whether nothing more can be remembered."""
        return self._count >= self._limit

    def add(self, text: str) -> bool:
        """Whether `text` is new. A full memory knows old texts, and takes every other for new."""
        # Zero marks a free slot, so that a hash of zero counts as one.
        key = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") or 1
        slots = self._slots
        mask = len(slots) - 1  # the length is always a power of two
        slot = key & mask
        while slots[slot]:
            if slots[slot] == key:
                return False
            slot = (slot + 1) & mask
        if not self.full:
            slots[slot] = key
            self._count += 1
            if 3 * self._count > 2 * len(slots):
                self._grow()
        return True

    def _grow(self) -> None:
        slots = array("Q", (0,)) * (2 * len(self._slots))
        mask = len(slots) - 1
        for key in filter(None, self._slots):
            slot = key & mask
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = key
        self._slots = slots
