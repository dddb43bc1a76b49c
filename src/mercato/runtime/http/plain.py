"""Requests of plain form, read without a parser: what nearly every program sends to a hot route.

Plain is one whole HTTP/1.1 request on a connection that stays open: a short head with lines of printable ASCII, no
header twice, and a body of exactly the length that is told. Everything else, wrong or only unusual, is left to the
parser. So this form must mean what the parser reads there: a property test compares the two.
"""

import re

MAX_HEAD = 2_048
MOST_LINES = 8_192

Headers = dict[bytes, bytes]

_LINE = re.compile(rb"([\w-]+): ([!-~]+(?: [!-~]+)*)")  # in bytes \w is ASCII
_LENGTH = re.compile(rb"[0-9]{1,9}")
_NEW_EACH_TIME = frozenset({b"idempotency-key", b"x-request-id", b"traceparent"})
# Their meaning is more than their text: transfer codings, upgrades, interim answers.
_LEFT_TO_THE_PARSER = frozenset({b"transfer-encoding", b"upgrade", b"expect", b"te", b"trailer", b"proxy-connection"})


class Unusual(Exception):
    """The parser must decide."""


def read(data: bytes) -> tuple[bytes, Headers, bytes]:
    """The first line, the headers with their names in lower case, and the body. Raises Unusual where it is not plain.

    Of the first line nothing is checked but that it is there.
    """
    head, mark, body = data.partition(b"\r\n\r\n")
    if not mark or len(head) > MAX_HEAD:
        raise Unusual
    first, *lines = head.split(b"\r\n")
    headers = dict(map(_read_line, lines))
    if len(headers) != len(lines) or len(body) != int(headers.get(b"content-length", b"0")):
        raise Unusual
    return first, headers, body


class _Lines(dict[bytes, tuple[bytes, bytes]]):
    """Header lines that were read before, as name and value: nearly everybody sends the same ones again."""

    def __missing__(self, line: bytes) -> tuple[bytes, bytes]:
        name, value = _parsed(line)
        if name not in _NEW_EACH_TIME:
            if len(self) >= MOST_LINES:
                self.clear()
            self[line] = name, value
        return name, value


_read_line = _Lines().__getitem__


def _parsed(line: bytes) -> tuple[bytes, bytes]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise Unusual
    name, value = found[1].lower(), found[2]
    if (
        name in _LEFT_TO_THE_PARSER
        or (name == b"connection" and value.lower() != b"keep-alive")
        or (name == b"content-length" and _LENGTH.fullmatch(value) is None)
    ):
        raise Unusual
    return name, value
