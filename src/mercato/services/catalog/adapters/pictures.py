"""Who makes the sizes of a picture: a program that is started for each (picture_program.py)."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from typing import Protocol

import msgspec

from mercato.services.catalog.adapters.made_pictures import Made, Refused

TIMEOUT = 120.0  # seconds for one picture, in a machine that has other things to do

_FOR_PYTHON = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
_PROGRAM = "mercato.services.catalog.adapters.picture_program"


class MachineFull(Exception):
    """The machine had no room for the program. It may have later."""


class PictureMaker(Protocol):
    async def make(self, content: bytes) -> Made | Refused:
        """What can be made of this file. The same file gives the same bytes. MachineFull is worth another try."""


class PictureProgram:
    """Starts the program. A file on which it breaks, or that takes it too long, is refused like any other."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout

    async def make(self, content: bytes) -> Made | Refused:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", _PROGRAM),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={name: os.environ[name] for name in _FOR_PYTHON if name in os.environ},  # and no secret
            start_new_session=True,  # an interrupt from the keyboard is for the shop, which waits for this
        )
        try:
            async with asyncio.timeout(self._timeout):
                said, _ = await process.communicate(content)
        except TimeoutError:
            return Refused("The picture takes too long to be read: save it in a smaller size or as a JPEG.")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == -signal.SIGKILL:
            raise MachineFull("the system ended the program, as it does where memory runs out")
        if process.returncode:
            return Refused("The picture cannot be read: save it anew, or as a JPEG.")
        answer: Made | Refused = _ANSWERS.decode(said)
        return answer


_ANSWERS = msgspec.msgpack.Decoder(Made | Refused)
