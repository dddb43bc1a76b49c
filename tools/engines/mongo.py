"""A server that speaks MongoDB's protocol (mongo-java-server), since MongoDB itself is in no package.

One document is read, written and compared as MongoDB does it. It has no sessions and no transactions, no change
streams, no expiry, and only unique indexes: a test that passes here says nothing about these.
"""

from pathlib import Path

from tools.engines.installing import install_jars, java
from tools.engines.room import Room
from tools.engines.server import Address, Server
from tools.engines.waiting import exchange

DATABASE = "mercato"

_SOURCE = Path(__file__).with_name("MongoServer.java")
_JARS = ("de.bwaldvogel:mongo-java-server-h2-backend:1.47.0", "org.slf4j:slf4j-simple:2.0.17")

# {ping: 1, $db: "admin"}
_PING = bytes.fromhex("1e000000 10 70696e6700 01000000 02 24646200 06000000 61646d696e00 00")


def _install(room: Room) -> None:
    install_jars(room, *_JARS)


def _command(room: Room) -> list[str]:
    logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    file = room.subfolder("data") / "documents.h2"
    # Java compiles the one file at each start, which takes it a second.
    return [java(), "-Xmx256m", logging, "-cp", f"{room.folder / 'lib'}/*", str(_SOURCE), str(room.port()), str(file)]


def _answers(room: Room) -> bool:
    """Whether it answers a ping: a message without flags, of one section, with one document."""
    body = bytes(4) + b"\0" + _PING
    head = b"".join(number.to_bytes(4, "little") for number in (16 + len(body), 1, 0, 2013))
    return b"ok\0" in exchange(room.port(), head + body)


def _address(room: Room) -> Address:
    return Address(f"mongodb://127.0.0.1:{room.port()}/{DATABASE}")


SERVER = Server(_install, _command, _answers, _address)
