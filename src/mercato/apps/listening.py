"""The port of a shop, open before the shop is: it takes a moment to load, and who comes meanwhile waits in line."""

import socket
from contextlib import ExitStack

BACKLOG = 4_096  # connections that may wait; the system may allow fewer


def listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of the host, for the caller to close. Raises OSError with what to do."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        with ExitStack() as opened:
            sockets = [
                opened.enter_context(socket.create_server(address[:2], family=family, backlog=BACKLOG))
                for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found)
            ]
            opened.pop_all()
            return sockets
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port} ({error.strerror}): choose another port with --port") from error
