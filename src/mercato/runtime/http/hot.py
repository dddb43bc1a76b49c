"""Hot routes by the first line of a request, as whoever reads plain requests looks them up."""

import re
from typing import Generic, NamedTuple, TypeVar

Target = TypeVar("Target")

_PARAM = re.compile(r"\{(\w+)\}")
_TARGET = re.compile(rb"(/[\w/.~-]*)(?:\?([\w/.~&=+%,:-]*))?")  # bytes: \w is ASCII
_PROTOCOL = b" HTTP/1.1"

# A request with one of these is answered for itself alone, and so is one with a query string.
PERSONAL = frozenset({b"authorization", b"x-request-id"})


class Found(NamedTuple, Generic[Target]):
    """Where a first line leads."""

    to: Target
    path: str
    query: bytes
    params: dict[str, str]


class HotRoutes(Generic[Target]):
    """A whole path each, or a fixed beginning and one last parameter."""

    def __init__(self) -> None:
        self._exact: dict[bytes, Found[Target]] = {}
        self._prefixed: dict[bytes, tuple[Target, str]] = {}

    def add(self, method: str, path: str, to: Target) -> None:
        """Raises ValueError for a path that has more than one parameter, or one that is not at its end."""
        line = f"{method} {path}".encode()
        params = _PARAM.findall(path)
        if not params:
            self._exact[line + _PROTOCOL] = Found(to, path, b"", {})
            return
        prefix, _, rest = line.partition(b"{")
        if rest != params[0].encode() + b"}":
            raise ValueError(f"{path}: a hot route has at most one parameter, at its end")
        self._prefixed[prefix] = (to, params[0])

    def find(self, line: bytes) -> Found[Target] | None:
        """Where a request with this first line goes; None where that is no hot route, or its address not plain."""
        found = self._exact.get(line)
        if found is not None or not line.endswith(_PROTOCOL):
            return found
        method, _, address = line[: -len(_PROTOCOL)].partition(b" ")
        target = _TARGET.fullmatch(address)
        if target is None:
            return None
        path, query = target[1], target[2] or b""
        exact = self._exact.get(b"%b %b%b" % (method, path, _PROTOCOL))
        if exact is not None:
            return exact._replace(query=query)
        cut = path.rfind(b"/") + 1
        prefixed = self._prefixed.get(b"%b %b" % (method, path[:cut]))
        if prefixed is None or cut == len(path):
            return None
        to, param = prefixed
        return Found(to, path.decode(), query, {param: path[cut:].decode()})
