"""A reply says the same to ASGI and on the lane's wire."""

import pytest

from mercato.runtime.http.cached import Form, Kept
from mercato.runtime.http.exchange import HTML, Reply
from mercato.runtime.http.wire import Beginnings, header_pairs, whole

DATE = [(b"date", b"Sat, 21 Nov 2026 11:37:03 GMT")]


def _finished(reply: Reply, *, page: bool = False) -> Reply:
    reply.page, reply.request = page, "request-1"
    return reply


def _cacheable(reply: Reply) -> Reply:
    reply.cache_control = b"public, max-age=300"
    return reply


REPLIES = {
    "JSON": _finished(Reply(200, b'{"a":1}')),
    "with its own headers": _finished(Reply(201, b"{}", headers=((b"etag", b'"1"'), (b"location", b"/v1/orders/1")))),
    "empty": _finished(Reply(204)),
    "unchanged": _finished(Reply(304, headers=((b"etag", b'"1"'),))),
    "page": _finished(Reply(200, b"<p>", HTML), page=True),
    "to be cached": _finished(_cacheable(Reply(200, b"{}"))),
}


def _read(sent: bytes) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    pairs = [line.partition(b": ") for line in lines]
    return first, [(name, value) for name, _, value in pairs], body


@pytest.mark.parametrize("name", REPLIES)
def test_lines_and_pairs_say_the_same(name: str) -> None:
    reply = REPLIES[name]
    first, pairs, body = _read(whole(Beginnings().of(reply.status, DATE), reply, closing=False))
    assert first.startswith(b"HTTP/1.1 %d " % reply.status)
    assert sorted(pairs) == sorted([*DATE, *header_pairs(reply)])
    assert (b"x-request-id", b"request-1") in pairs
    assert body == reply.body


def test_the_last_reply_of_a_connection_says_so() -> None:
    beginning = Beginnings().of(200, DATE)
    _, pairs, body = _read(whole(beginning, REPLIES["JSON"], closing=True))
    assert (b"connection", b"close") in pairs
    assert body == REPLIES["JSON"].body


def test_a_beginning_follows_the_servers_headers() -> None:
    beginnings = Beginnings()
    assert beginnings.of(200, DATE) == b"HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 11:37:03 GMT\r\n"
    later = [(b"date", b"Sat, 21 Nov 2026 11:37:04 GMT"), (b"server", b"mercato")]
    assert beginnings.of(200, later) == (
        b"HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 11:37:04 GMT\r\nserver: mercato\r\n"
    )
    assert beginnings.of(404, later).startswith(b"HTTP/1.1 404 Not Found\r\n")


@pytest.mark.parametrize("if_none_match", [None, b'"1"', b'"2"'])
def test_a_kept_reply_says_what_it_says_as_a_reply(if_none_match: bytes | None) -> None:
    kept = Kept(b"{}", b'"1"', ("a",))
    reply = _finished(kept.reply(if_none_match))
    form: Form = kept.unchanged if if_none_match == kept.etag else kept.whole
    beginning = Beginnings().of(form.status, DATE)
    assert beginning + form.before + b"request-1" + form.after == whole(beginning, reply, closing=False)
