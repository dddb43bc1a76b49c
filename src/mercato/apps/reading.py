"""An import's file as the shop sees it: read by a process of its own (`file_reader.py`), listened to in the loop."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import msgspec

from mercato.apps.control import News, Tell
from mercato.apps.file_reader import LENGTH, Chunk, Ended, Looked, Piece, Surveyed, Unreadable, Wanted

AHEAD = 1 << 17  # bytes that are taken from the pipe before they are asked for

_PIECES = msgspec.json.Decoder(Piece)


class UnreadableFile(Exception):
    """The file cannot be read; the text says why, and what to do."""


class Reading:
    """Reads one file: `survey` first, then `chunks`. The process ends with the context, wherever it is then."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "mercato.apps.file_reader"),
            stdin=PIPE,
            stdout=PIPE,
            limit=AHEAD,
            start_new_session=True,  # an interrupt from the keyboard is for the command, which ends this
        )
        self._tell(msgspec.json.encode(self._wanted))
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        process = self._running
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def survey(self, tell: Tell) -> Surveyed:
        """The first pass, which gives nothing. Raises UnreadableFile."""
        while isinstance(piece := await self._next(), Looked):
            tell(News(done=piece.done, total=piece.total))
        assert isinstance(piece, Surveyed), "a survey comes before everything else"
        return piece

    async def chunks(self, after: int) -> AsyncIterator[Chunk]:
        """The products after this ordinal. Raises UnreadableFile for a file that has changed since the survey."""
        self._tell(str(after).encode())
        while not isinstance(piece := await self._next(), Ended):
            assert isinstance(piece, Chunk), "after the survey come chunks"
            yield piece

    @property
    def process_id(self) -> int:
        return self._running.pid

    @property
    def _running(self) -> Process:
        assert self._process is not None, "a reading is entered before it is used"
        return self._process

    def _tell(self, line: bytes) -> None:
        stdin = self._running.stdin
        assert stdin is not None, "the process was started with a pipe"
        stdin.write(line + b"\n")

    async def _next(self) -> Piece:
        stdout = self._running.stdout
        assert stdout is not None, "the process was started with a pipe"
        try:
            length = int.from_bytes(await stdout.readexactly(LENGTH), "big")
            piece: Piece = _PIECES.decode(await stdout.readexactly(length))
        except asyncio.IncompleteReadError:
            code = await self._running.wait()
            raise UnreadableFile(f"The process that reads the file ended with code {code}: try again.") from None
        if isinstance(piece, Unreadable):
            raise UnreadableFile(piece.reason)
        return piece
