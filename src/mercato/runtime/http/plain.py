"""Requests of plain form, read without a parser: what nearly every program sends to a hot route.

Plain is one whole HTTP/1.1 request on a connection that stays open: a short head with lines of printable ASCII, no
header twice, and a body of exactly the length that is told. Everything else, wrong or only unusual, is left to the
parser. So this form must mean what the parser reads there: a property test compares the two.
"""

import re
from functools import lru_cache

MAX_HEAD = 2_048
LINES_REMEMBERED = 8_192  # shoppers send most of their lines again and again

Headers = dict[bytes, bytes]

_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([!-~](?:[ -~]*[!-~])?)")
_LENGTH = re.compile(rb"[0-9]{1,9}")
# Their meaning is more than their text: transfer codings, upgrades, interim answers.
_LEFT_TO_THE_PARSER = frozenset({b"transfer-encoding", b"upgrade", b"expect", b"te", b"trailer", b"proxy-connection"})


class Unusual(Exception):
    """The parser must decide."""


def first_line(data: bytes) -> bytes:
    return data[: data.find(b"\r\n")]


def headers_and_body(data: bytes) -> tuple[Headers, bytes]:
    """Header names in lower case with their values, and the body. Raises Unusual where the request is not plain."""
    end = data.find(b"\r\n\r\n")
    if not 0 < end <= MAX_HEAD:
        raise Unusual
    lines = data[:end].split(b"\r\n")
    del lines[0]
    headers = dict(map(_header, lines))
    body = data[end + 4 :]
    if len(headers) != len(lines) or len(body) != int(headers.get(b"content-length", b"0")):
        raise Unusual
    return headers, body


@lru_cache(maxsize=LINES_REMEMBERED)
def _header(line: bytes) -> tuple[bytes, bytes]:
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
