"""`do(command)` and `ask(query)`: to a service of this process or of another one, with the same outcome.

Routes, front-ends, workers, jobs and tests call; handlers and listeners never do. The receiver checks who may send.
"""

from collections.abc import Awaitable
from typing import Any, Protocol, TypeVar

import msgspec

from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.service import Service
from mercato.values.messages import Caller, Command, Query

Reply = TypeVar("Reply")


class NoSuchService(Exception):
    """A message was sent that no service handles."""


class Receiver(Protocol):
    """A service, wherever it is, as those see it who send it messages."""

    def do(self, command: Command[Any], caller: Caller, /) -> Awaitable[Any]: ...

    async def do_once(
        self, command: Command[Any], caller: Caller, key: IdempotencyKey, seconds: float, /
    ) -> Answer: ...

    async def ask(self, query: Query[Any], caller: Caller, /) -> Any: ...

    async def stored(
        self, command: type[Command[Any]], store: str, key: IdempotencyKey, seconds: float, /
    ) -> Answer | None: ...

    async def position(self, source: str, /) -> int:
        """How far the service is in the log of a source."""


class Calls:
    """Sends messages to the services that serve them."""

    def __init__(self) -> None:
        self._receivers: dict[type[Any], Receiver] = {}

    def add(self, service: Service, receiver: Receiver) -> None:
        """Send the messages of this service to `receiver`."""
        for message in service.messages:
            _require_allow(message)
            self._receivers[message] = receiver

    def do(self, command: Command[Reply], caller: Caller) -> Awaitable[Reply]:
        """Have a command executed; its reply, or its Refusal raised, after the commit."""
        return self._receiver(type(command)).do(command, caller)

    async def do_once(self, command: Command[Any], caller: Caller, key: IdempotencyKey, seconds: float = 0.0) -> Answer:
        """Have a command executed once for this key; its final answer as bytes, the same on every repetition.

        Its outcome may be decided later: it is waited for as long as `seconds` say. The body is None if it is still
        being decided then. Raises the refusals that are not stored, KeyReused among them.
        """
        return await self._receiver(type(command)).do_once(command, caller, key, seconds)

    async def stored(
        self, command: type[Command[Any]], store: str, key: IdempotencyKey, seconds: float = 0.0
    ) -> Answer | None:
        """What a request with this key was answered before, None when it is new; waits as `do_once` does. Raises
        KeyReused."""
        return await self._receiver(command).stored(command, store, key, seconds)

    async def ask(self, query: Query[Reply], caller: Caller) -> Reply:
        """Ask about committed state; the reply, or a Refusal raised."""
        reply: Reply = await self._receiver(type(query)).ask(query, caller)
        return reply

    def _receiver(self, message: type[Any]) -> Receiver:
        receiver = self._receivers.get(message)
        if receiver is None:
            raise NoSuchService(f"no service that is known here takes {message.__name__}")
        return receiver


def _require_allow(message: type[msgspec.Struct]) -> None:
    if not hasattr(message, "allow"):
        raise TypeError(f"{message.__name__} does not say who may send it: give it `allow = ...`")
