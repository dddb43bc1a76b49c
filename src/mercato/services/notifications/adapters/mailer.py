"""The port to whoever takes mails."""

from email.message import Message
from typing import Protocol


class MailRefused(Exception):
    """This mail will never be taken, however often it is tried."""


class Mailer(Protocol):
    """Takes a mail. A call that raises anything but MailRefused may be tried again, and the mail may come twice.

    `at_once` is how many mails it takes side by side.
    """

    name: str
    at_once: int

    async def send(self, message: Message) -> None:
        """Hand the mail over. It is accepted when this returns."""
