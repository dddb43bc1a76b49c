"""The port of a shop: open before anybody serves it."""

import socket
from contextlib import ExitStack

import pytest

from mercato.apps.listening import listen


def test_who_comes_before_the_shop_is_open_waits_in_line() -> None:
    with ExitStack() as opened:
        (listening,) = (opened.enter_context(each) for each in listen("127.0.0.1", 0))
        caller = opened.enter_context(socket.create_connection(listening.getsockname(), timeout=5))
        caller.sendall(b"hello")
        served, _ = listening.accept()
        with served:
            assert served.recv(5) == b"hello"


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with ExitStack() as opened:
        (taken,) = (opened.enter_context(each) for each in listen("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(
            OSError, match=rf"^cannot listen on 127\.0\.0\.1:{port} \(.*choose another port with --port$"
        ):
            listen("127.0.0.1", port)


def test_a_host_that_nobody_knows_is_told_too() -> None:
    with pytest.raises(OSError, match=r"^cannot listen on nowhere\.invalid:80 "):
        listen("nowhere.invalid", 80)
