"""Mails as files: what an installation without a mail server has, and tests."""

import re
from collections.abc import Callable
from email.message import Message
from email.policy import compat32
from pathlib import Path

from mercato.runtime.parts import WorkPool

_ON_THE_WIRE = compat32.clone(linesep="\r\n")
_NAME = re.compile(r"[^A-Za-z0-9_.@-]")


class MailFolder:
    """One file a mail, named by its Message-ID: the same mail sent twice is one file."""

    name = "mail folder"
    at_once = 16

    def __init__(self, folder: Path, pool: WorkPool) -> None:
        self._folder = folder
        self._pool = pool

    async def send(self, message: Message) -> None:
        await self._pool.run(self._writing(message))

    def _writing(self, message: Message) -> Callable[[], None]:
        name = _NAME.sub("_", message["Message-ID"].strip("<>"))
        content = message.as_bytes(policy=_ON_THE_WIRE)

        def write() -> None:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._folder / f".{name}.new"
            draft.write_bytes(content)
            draft.replace(self._folder / f"{name}.eml")

        return write
