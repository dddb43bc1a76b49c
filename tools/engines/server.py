"""The shape of an engine: what its file tells about it."""

import signal
from collections.abc import Callable
from typing import NamedTuple

from tools.engines.room import Room


class Address(NamedTuple):
    """Where clients find a server; `owner_url` where it tells apart who owns data and who uses it."""

    url: str
    owner_url: str = ""


class Server(NamedTuple):
    """Something that is started and then stands there. All functions are given its room.

    `install` gets what is missing. `command` prepares the folder and says what to start. `answers` tells whether a
    client would be served, within few seconds. `furnish` makes roles, databases and the like; a second time it changes
    nothing. `user` is who runs it where root must not. `end` is the signal that it ends on in good order.
    """

    install: Callable[[Room], object]
    command: Callable[[Room], list[str]]
    answers: Callable[[Room], bool]
    address: Callable[[Room], Address]
    furnish: Callable[[Room], object] = lambda room: None
    user: str = ""
    end: signal.Signals = signal.SIGTERM
    seconds: float = 60


class Program(NamedTuple):
    """Something that tests start themselves, with a configuration of their own: it is only installed.

    `install` says where the program is.
    """

    install: Callable[[Room], str]


Kind = Server | Program
