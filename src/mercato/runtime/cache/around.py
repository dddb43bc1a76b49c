"""What a cache needs of its process: a part of what runtime/parts.py hands in, which has a cache itself."""

from typing import Any, Protocol

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.telemetry import Telemetry
from mercato.values.clock import Clock
from mercato.values.ids import Ids


class Around(Protocol):
    @property
    def clock(self) -> Clock: ...

    @property
    def ids(self) -> Ids: ...

    @property
    def keyring(self) -> Keyring: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def loop(self) -> Any: ...
