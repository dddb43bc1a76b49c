"""`python -m mercato.apps.acceptor CHANNEL HANDOVER LISTENER ...`: started by a shop, with sockets of it."""

import signal
import socket
import sys

from mercato.apps.acceptor.acceptor import Acceptor
from mercato.values.clock import SystemClock


def main(handles: list[str]) -> None:
    # Ctrl-C reaches all processes of a terminal: it is the shop that stops, and tells.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    channel, handover, *listeners = (socket.socket(fileno=int(handle)) for handle in handles)
    Acceptor(listeners, channel, handover, SystemClock()).run()


if __name__ == "__main__":
    main(sys.argv[1:])
