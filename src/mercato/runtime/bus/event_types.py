"""Events by name and version, for reading them back from bytes."""

from collections.abc import Iterable

import msgspec

from mercato.values.messages import Envelope, Event


class UnknownEvent(Exception):
    """An event whose type or version this program does not know."""


class EventTypes:
    """All events that the listeners of this process know, with their decoders. Unknown fields are passed over."""

    def __init__(self, types: Iterable[type[Event]]) -> None:
        self._decoders: dict[tuple[str, int], msgspec.json.Decoder[Event]] = {}
        for kind in types:
            self._decoders[kind.__name__, kind.version] = msgspec.json.Decoder(kind)

    def decode(self, envelope: Envelope) -> Event:
        """The event in an envelope. Raises UnknownEvent, or msgspec's error for bytes that are no such event."""
        decoder = self._decoders.get((envelope.type, envelope.version))
        if decoder is None:
            raise UnknownEvent(f"{envelope.type} version {envelope.version} from {envelope.source}")
        return decoder.decode(envelope.body)
