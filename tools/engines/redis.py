"""Redis: every write is in its append-only file, and on the disk, before it is answered."""

from tools.engines.installing import provide
from tools.engines.room import Room
from tools.engines.server import Address, Server
from tools.engines.waiting import exchange


def _install(room: Room) -> None:
    provide("redis-server", "redis-server")


def _command(room: Room) -> list[str]:
    return [
        provide("redis-server", "redis-server"),
        *("--bind", "127.0.0.1"),
        *("--port", str(room.port())),
        *("--dir", str(room.subfolder("data"))),
        *("--appendonly", "yes"),
        *("--appendfsync", "always"),
        *("--save", ""),
        *("--maxmemory", "128mb"),
        *("--daemonize", "no"),
    ]


def _answers(room: Room) -> bool:
    return exchange(room.port(), b"PING\r\n") == b"+PONG\r\n"


def _address(room: Room) -> Address:
    return Address(f"redis://127.0.0.1:{room.port()}/0")


SERVER = Server(_install, _command, _answers, _address)
