"""Messages by name: how they are called between processes, and what they are answered with."""

from collections.abc import Iterable
from typing import Any

import msgspec

from mercato.runtime.service import Service
from mercato.values.messages import Failed, Refusal, reply_of


def name_of(message: type[Any]) -> str:
    """`contracts.orders.PlaceOrder`."""
    return f"{message.__module__.removeprefix('mercato.')}.{message.__qualname__}"


class Form(msgspec.Struct, frozen=True):
    """How a message and its reply are read from bytes."""

    message: msgspec.msgpack.Decoder[Any]
    reply: msgspec.msgpack.Decoder[Any]


class Names:
    """All messages of these services."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._forms: dict[str, Form] = {}
        self._services: dict[str, str] = {}
        for service in services:
            for message in service.messages:
                name = name_of(message)
                self._services[name] = service.name
                self._forms[name] = Form(msgspec.msgpack.Decoder(message), msgspec.msgpack.Decoder(reply_of(message)))

    def form(self, name: str) -> Form | None:
        return self._forms.get(name)

    def service_of(self, name: str) -> str:
        """The service that takes it; "" for a message that is not known here."""
        return self._services.get(name, "")


def refusal_of(code: str, detail: str, facts: dict[str, Any]) -> Refusal:
    """The refusal that was raised elsewhere, as the same class; Failed for one that is not known here."""
    kind = Refusal.by_code.get(code)
    return kind(detail, **facts) if kind is not None else Failed(f"{code}: {detail}", **facts)
