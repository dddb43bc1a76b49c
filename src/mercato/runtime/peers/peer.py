"""A service of other processes, as those see it who send it messages.

It may have several processes: each message goes to the one that has least to do. A process that is gone, is leaving or
does not answer is passed over. What may be done twice without harm is sent once more where a link is lost, as long as
that is rare; whether anything else was done, nobody here knows then, and its sender is told so.
"""

from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec

from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.parts import Parts
from mercato.runtime.pausing import pause
from mercato.runtime.peers.frames import Sent, Verb
from mercato.runtime.peers.link import Link, Lost
from mercato.runtime.peers.names import Names, name_of
from mercato.values.messages import Caller, Command, Envelope, OutcomeUnknown, Query, Unavailable

PATIENCE = 10.0  # seconds for a reply, beside what is waited for an outcome
UNTIL_READY = 1.0  # seconds in which a process may come back before a message is refused
LOOK = 0.02
TRIES = 3
BUDGET = 20.0  # messages that may be sent again in a row
EARNED = 0.1  # of a message that may be sent again, for each that was not

_encode = msgspec.msgpack.Encoder().encode
_ANSWER: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_STORED: msgspec.msgpack.Decoder[Answer | None] = msgspec.msgpack.Decoder(Answer | None)
_LOG: msgspec.msgpack.Decoder[list[Envelope]] = msgspec.msgpack.Decoder(list[Envelope])
_NOBODY = Caller(store="")


class Peer:
    """The receiver of the messages of `service`."""

    def __init__(self, service: str, parts: Parts, names: Names, links: Sequence[Link]) -> None:
        self.service = service
        self._loop = parts.loop
        self._log = parts.telemetry.log
        self._names = names
        self._links = links
        self._budget = BUDGET

    def do(self, command: Command[Any], caller: Caller) -> Awaitable[Any]:
        return self._message("do", command, caller, again=False)

    async def do_once(self, command: Command[Any], caller: Caller, key: IdempotencyKey, seconds: float) -> Answer:
        name = name_of(type(command))
        body = msgspec.Raw(_encode(command))
        sent = Sent(0, "once", name, body, caller, PATIENCE + seconds, key, seconds)
        return _ANSWER.decode(await self._send(sent, again=True))

    async def ask(self, query: Query[Any], caller: Caller) -> Any:
        wait: float = getattr(query, "seconds", 0.0)
        return await self._message("ask", query, caller, again=True, wait=wait)

    async def stored(
        self, command: type[Command[Any]], store: str, key: IdempotencyKey, seconds: float
    ) -> Answer | None:
        name = name_of(command)
        nothing = msgspec.Raw(_encode(None))
        sent = Sent(0, "stored", name, nothing, Caller(store=store), PATIENCE + seconds, key, seconds)
        return _STORED.decode(await self._send(sent, again=True))

    async def fetch(self, after: int, limit: int) -> list[Envelope]:
        """At most `limit` events of the service's log with numbers above `after`."""
        body = msgspec.Raw(_encode((self.service, after, limit)))
        return _LOG.decode(await self._send(Sent(0, "log", "", body, _NOBODY, PATIENCE), again=True))

    async def position(self, source: str) -> int:
        body = msgspec.Raw(_encode((self.service, source)))
        sent = Sent(0, "position", "", body, _NOBODY, PATIENCE)
        return msgspec.msgpack.decode(await self._send(sent, again=True), type=int)

    async def _message(self, verb: Verb, message: Any, caller: Caller, *, again: bool, wait: float = 0.0) -> Any:
        name = name_of(type(message))
        form = self._names.form(name)
        assert form is not None, "messages are known by the manifests of all services"
        sent = Sent(0, verb, name, msgspec.Raw(_encode(message)), caller, PATIENCE + wait)
        return form.reply.decode(await self._send(sent, again=again))

    async def _send(self, sent: Sent, *, again: bool) -> Any:
        """The reply as bytes. Raises refusals: Unavailable where nobody takes it, OutcomeUnknown where it was taken and
        no answer came."""
        self._budget = min(BUDGET, self._budget + EARNED)
        for attempt in range(TRIES):
            link = await self._ready_link(sent)
            try:
                return await link.send(sent)
            except Lost as lost:
                self._log.error(
                    "reply_lost", service=self.service, peer=str(link.address), message=sent.message, error=str(lost)
                )
                if not again:
                    raise OutcomeUnknown(f"{self.service} did not answer") from None
                if attempt + 1 == TRIES or self._budget < 1:
                    break
                self._budget -= 1
        raise Unavailable(f"{self.service} does not answer")

    async def _ready_link(self, sent: Sent) -> Link:
        end = self._loop.time() + min(UNTIL_READY, sent.patience)
        while True:
            ready = [link for link in self._links if link.ready]
            if ready:
                return min(ready, key=lambda link: link.busy)
            if self._loop.time() >= end:
                raise Unavailable(f"no process of {self.service} can be reached")
            await pause(self._loop, LOOK)
