"""The plain form means what the parser reads: whatever is taken as plain, llhttp reads alike."""

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.runtime.http import plain

FIRST = b"POST /v1/cart/add HTTP/1.1"
SAMPLE = FIRST + b"\r\nHost: localhost:8000\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Parsed:
    """What the parser makes of some bytes; `requests` counts those that are whole."""

    def __init__(self, data: bytes) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.url = b""
        self.requests = 0
        self.upgrades = False
        self.parser = httptools.HttpRequestParser(self)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.upgrades = True

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.requests += 1


def _compare(data: bytes) -> bool:
    """Whether the bytes are plain; then the parser must have read the same."""
    try:
        first, headers, body = plain.read(data)
    except plain.Unusual:
        return False
    parsed = Parsed(data)
    method, url, version = first.split(b" ")
    assert (parsed.parser.get_method(), parsed.url, b"HTTP/1.1") == (method, url, version)
    assert (parsed.requests, parsed.upgrades, parsed.parser.should_keep_alive()) == (1, False, True)
    assert parsed.headers == list(headers.items())
    assert parsed.body == body
    return True


NAMES = st.sampled_from(
    "Host Accept Content-Length content-length Content-Type Connection Proxy-Connection Transfer-Encoding Upgrade "
    "Expect TE Trailer Keep-Alive Idempotency-Key Cookie X_1 Authorization HTTP2-Settings Sec-WebSocket-Key".split()
)
VALUES = st.sampled_from(
    ["", "0", "2", "02", "+2", "2 ", "2, 2", "chunked", "close", "keep-alive", "Keep-Alive", "keep-alive, close", "h2c"]
) | st.text(st.characters(max_codepoint=255), max_size=12)
COLONS = st.sampled_from([": ", ":", ":  ", " : ", ":\t", ": \r\n "])
ENDINGS = st.sampled_from(["\r\n"] * 9 + ["\n", "\r", "\r\r\n"])
LINES = st.builds("{}{}{}{}".format, NAMES, COLONS, VALUES, ENDINGS)
PLAIN_LINES = st.sampled_from(
    ["Host: localhost\r\n", "Accept: a, b\r\n", "Connection: keep-alive\r\n", 'X-A: (1) "2"\r\n']
)
BODIES = st.sampled_from([b"", b"{}", b"{}\r\n", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
LENGTHS = st.none() | st.sampled_from(["0", "2", "02", "+2", "2, 2"])


@settings(max_examples=1_000)
@given(lines=st.lists(PLAIN_LINES, max_size=3, unique=True), odd=st.none() | LINES, body=BODIES, length=LENGTHS)
def test_what_is_plain_is_read_as_the_parser_reads_it(
    lines: list[str], odd: str | None, body: bytes, length: str | None
) -> None:
    told = f"Content-Length: {len(body) if length is None else length}\r\n"
    head = "".join([*lines, told, odd or ""]).encode("latin-1")
    _compare(FIRST + b"\r\n" + head + b"\r\n" + body)


@settings(max_examples=1_000)
@given(place=st.integers(0, len(SAMPLE) - 1), piece=st.binary(max_size=3), taken=st.integers(0, 3))
def test_no_change_of_some_bytes_is_read_in_another_way(place: int, piece: bytes, taken: int) -> None:
    changed = SAMPLE[:place] + piece + SAMPLE[place + taken :]
    if changed.startswith(FIRST + b"\r\n"):  # the lane compares first lines itself
        _compare(changed)


def test_usual_requests_are_plain() -> None:
    assert _compare(SAMPLE)
    assert plain.read(SAMPLE)[1][b"content-type"] == b"application/json"
    agent = b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0 (X11; Linux) Gecko\r\nConnection: Keep-Alive\r\n\r\n"
    assert _compare(agent)
    assert _compare(b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    "request_bytes",
    [
        SAMPLE[:-1],
        SAMPLE + b"G",
        SAMPLE[:30],
        SAMPLE.replace(b"Host", b"Content-Length"),
        SAMPLE.replace(b"Host: ", b"Content-Type: "),
        SAMPLE.replace(b"Content-Type: application/json", b"Transfer-Encoding: chunked"),
        SAMPLE.replace(b"Content-Type: application/json", b"Connection: close"),
        SAMPLE.replace(b"Content-Type: application/json", b"Expect: 100-continue"),
        SAMPLE.replace(b"Content-Type: application/json", b"Upgrade: h2c"),
        SAMPLE.replace(b"Content-Type: application/json", b" folded"),
        SAMPLE.replace(b"Length: 2", b"Length: +2"),
        SAMPLE.replace(b"localhost", b"local\x00host"),
        SAMPLE.replace(b"localhost", b"l\xf6calhost"),
        SAMPLE.replace(b"localhost", b"h" * plain.MAX_HEAD),
    ],
)
def test_what_is_unusual_is_left_to_the_parser(request_bytes: bytes) -> None:
    with pytest.raises(plain.Unusual):
        plain.read(request_bytes)


def test_only_so_many_lines_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "MOST_LINES", 3)
    lines = plain._Lines()
    for number in range(10):
        assert lines[b"X-Number: %d" % number] == (b"x-number", b"%d" % number)
        assert len(lines) <= 3
    assert lines[b"Idempotency-Key: k"] == (b"idempotency-key", b"k")
    assert b"Idempotency-Key: k" not in lines
