"""The port of a shop, open before the shop is: it takes a moment to load, and who comes meanwhile waits in line."""

import random
import socket
from contextlib import ExitStack, suppress

PORTS = range(10_000, 30_000)
BACKLOG = 4_096  # connections that may wait; the system may allow fewer


def free_ports(host: str, count: int) -> list[int]:
    """Ports on which nobody listens at this moment, of those that systems do not give to connections by themselves."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(PORTS, len(PORTS)):
            if len(found) == count:
                break
            bound = held.enter_context(socket.socket())
            with suppress(OSError):
                bound.bind((host, port))
                found.append(port)
    if len(found) < count:
        raise OSError(f"{host} has no {count} ports left between {PORTS.start} and {PORTS.stop}")
    return found


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
