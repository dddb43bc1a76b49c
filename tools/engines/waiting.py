"""Waits that have an end."""

import socket
import time
from collections.abc import Callable


def wait_until(ready: Callable[[], bool], seconds: float, pause: float = 0.1) -> bool:
    """Whether `ready` said yes within that time; it is asked at least once."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() >= until:
            return False
        time.sleep(pause)
    return True


def is_open(port: int) -> bool:
    """Whether somebody listens on the port of the loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def exchange(port: int, sent: bytes, seconds: float = 2) -> bytes:
    """What a server says first after it was sent this; nothing when it is not there or takes longer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
            connection.sendall(sent)
            return connection.recv(4096)
    except OSError:
        return b""
