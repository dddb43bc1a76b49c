"""The port to whoever takes mails."""

from typing import Protocol

import msgspec


class Mail(msgspec.Struct, frozen=True):
    """A mail as it goes over the wire. `message_id` as in its header; `sender` and `recipient` are bare addresses."""

    message_id: str
    sender: str
    recipient: str
    content: bytes


class MailRefused(Exception):
    """This mail will never be taken, however often it is tried."""


class Mailer(Protocol):
    """Takes a mail. A call that raises anything but MailRefused may be tried again, and the mail may come twice.

    `at_once` is how many mails it takes side by side.
    """

    name: str
    at_once: int

    async def send(self, mail: Mail) -> None:
        """Hand the mail over. It is accepted when this returns."""
