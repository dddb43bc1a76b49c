"""Mails as files: what an installation without a mail server has, and tests."""

import re
from collections.abc import Callable
from pathlib import Path

from mercato.runtime.parts import WorkPool
from mercato.services.notifications.adapters.mailer import Mail

_NAME = re.compile(r"[^A-Za-z0-9_.@-]")


class MailFolder:
    """One file a mail, named by its Message-ID: the same mail sent twice is one file."""

    name = "mail folder"
    at_once = 16

    def __init__(self, folder: Path, pool: WorkPool) -> None:
        self._folder = folder
        self._pool = pool

    async def send(self, mail: Mail) -> None:
        await self._pool.run(self._writing(mail))

    def _writing(self, mail: Mail) -> Callable[[], None]:
        name = _NAME.sub("_", mail.message_id.strip("<>"))

        def write() -> None:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._folder / f".{name}.new"
            draft.write_bytes(mail.content)
            draft.replace(self._folder / f"{name}.eml")

        return write
