"""An S3 server (versitygw) that keeps objects as files in a folder, with one bucket."""

import http.client

from tools.engines.installing import install_go
from tools.engines.room import Room
from tools.engines.server import Address, Server

BUCKET = "mercato"
KEY = "mercato"

_PACKAGE = "github.com/versity/versitygw/cmd/versitygw"
_VERSION = "v1.8.0"


def _install(room: Room) -> str:
    return install_go(room, _PACKAGE, _VERSION)


def _command(room: Room) -> list[str]:
    # Variables, unlike arguments, are not told to everybody on the machine.
    keys = ["env", f"ROOT_ACCESS_KEY={KEY}", f"ROOT_SECRET_KEY={room.password(KEY)}"]
    server = [_install(room), "--port", f"127.0.0.1:{room.port()}", "--health", "/health"]
    accounts = ["--iam-dir", str(room.subfolder("accounts"))]
    # What belongs to an object beside its bytes is kept in files: not every temporary folder has extended attributes.
    return [*keys, *server, *accounts, "posix", "--sidecar", str(room.subfolder("beside")), str(room.subfolder("data"))]


def _answers(room: Room) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", room.port(), timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _furnish(room: Room) -> None:
    """To this server every folder is a bucket."""
    (room.folder / "data" / BUCKET).mkdir(exist_ok=True)


def _address(room: Room) -> Address:
    return Address(f"s3://{KEY}:{room.password(KEY)}@127.0.0.1:{room.port()}/{BUCKET}")


SERVER = Server(_install, _command, _answers, _address, _furnish)
