"""Toxiproxy: connections that lead through it are slow, cut or silent at will. Its URL is the one that tells it so."""

from tools.engines.installing import install_go
from tools.engines.room import Room
from tools.engines.server import Address, Server
from tools.engines.waiting import exchange

_PACKAGE = "github.com/Shopify/toxiproxy/v2/cmd/server"
_VERSION = "v2.12.0"


def _install(room: Room) -> str:
    return install_go(room, _PACKAGE, _VERSION)


def _command(room: Room) -> list[str]:
    return [_install(room), "-host", "127.0.0.1", "-port", str(room.port())]


def _answers(room: Room) -> bool:
    return exchange(room.port(), b"GET /version HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 ")


def _address(room: Room) -> Address:
    return Address(f"http://127.0.0.1:{room.port()}")


SERVER = Server(_install, _command, _answers, _address)
