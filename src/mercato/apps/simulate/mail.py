"""The simulated mail server: what it has accepted is delivered, also when its answer never came."""

import asyncio
import random
import re
from email import message_from_bytes
from email.message import Message

import msgspec

from mercato.apps.simulate.loop import SimulatedLoop
from mercato.apps.simulate.trace import Trace
from mercato.apps.simulate.weather import Weather
from mercato.services.notifications.adapters.mailer import Mail

DELAY = 0.05  # seconds on average until a mail is accepted

_TOKEN = re.compile(r"token=([A-Za-z0-9_-]+)")


class Delivered(msgspec.Struct, frozen=True):
    """A mail that was accepted; `text` is its plain part."""

    message_id: str
    to: str
    sender: str
    subject: str
    text: str


class SimulatedMailServer:
    """`accepted` is in order of time; the same mail sent twice is there twice."""

    def __init__(self, loop: SimulatedLoop, weather: Weather, randomness: random.Random, trace: Trace) -> None:
        self.calm = False
        self.accepted: list[Delivered] = []
        self._loop = loop
        self._weather = weather
        self._random = randomness
        self._trace = trace

    def take(self, mail: Mail) -> None:
        message = message_from_bytes(mail.content)
        parts = message.get_payload()
        assert isinstance(parts, list), "every mail has a plain part and another"
        plain = parts[0]
        assert isinstance(plain, Message), "a part of a mail is a message"
        content = plain.get_payload(decode=True)
        assert isinstance(content, bytes), "the plain part has text"
        found = Delivered(message["Message-ID"], message["To"], message["From"], message["Subject"], content.decode())
        self.accepted.append(found)
        self._trace.note("mail server", "accepts", found.message_id, found.to, found.subject)

    def inbox(self, address: str, sender: str) -> list[Delivered]:
        """What has come from one store to one address, oldest first."""
        return [mail for mail in self.accepted if address in mail.to and sender in mail.sender]

    def latest_token(self, address: str, sender: str) -> str:
        """What the link says in the latest mail that has one, "" where none has."""
        for mail in reversed(self.inbox(address, sender)):
            if found := _TOKEN.search(mail.text):
                return found[1]
        return ""

    async def delay(self) -> None:
        await asyncio.sleep(self._random.expovariate(1 / DELAY))

    def happens(self, share: float) -> bool:
        return not self.calm and share > 0 and self._random.random() < share

    @property
    def weather(self) -> Weather:
        return self._weather


class MailLine:
    """The adapter: the port of notifications to the simulated server, over a line that fails."""

    name = "simulated mail server"
    at_once = 8

    def __init__(self, server: SimulatedMailServer) -> None:
        self._server = server

    async def send(self, mail: Mail) -> None:
        server = self._server
        await server.delay()
        if server.happens(server.weather.mail_error):
            raise ConnectionError("the mail server does not answer")
        server.take(mail)
        await server.delay()
        if server.happens(server.weather.mail_lost):
            raise ConnectionError("the answer of the mail server was lost")
