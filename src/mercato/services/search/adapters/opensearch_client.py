"""What OpenSearch and Elasticsearch have in common, spoken plainly: JSON over HTTP."""

import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import msgspec
import urllib3

from mercato.values.messages import Unavailable

FORM = "opensearch://[USER:PASSWORD@]HOST:PORT/NAME, or opensearchs:// for TLS; ?shards=N for a large index"

CONNECTIONS = 16
PATIENCE = 5.0  # seconds for an answer
LONGEST_WRITE = 60.0
_SCHEMES = {"opensearch": "http", "opensearchs": "https", "elasticsearch": "http", "elasticsearchs": "https"}
_PORT = 9200
_FAULT = 400

# What was tried again and failed is raised; it would be printed too.
logging.getLogger("urllib3").setLevel(logging.ERROR)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Refused(Exception):
    """The server does not do what it was asked; `status` and `kind` say why."""

    def __init__(self, status: int, kind: str) -> None:
        super().__init__(f"{status}, {kind}")
        self.status = status
        self.kind = kind


class Place(msgspec.Struct, frozen=True):
    """Where the server is, and what the names of its indexes begin with."""

    parts: SplitResult
    name: str
    shards: int = 1

    @classmethod
    def read(cls, url: str) -> "Place":
        """Raises ValueError that says what is wrong with the URL, without its password."""
        parts = urlsplit(url)
        name = parts.path.strip("/")
        if parts.scheme not in _SCHEMES or not parts.hostname or not name.isalnum() or name != name.lower():
            raise ValueError(f"a search engine has the form {FORM}; NAME has small letters and digits")
        given = parse_qs(parts.query, keep_blank_values=True)
        shards = given.pop("shards", ["1"])[-1]
        if given or not shards.isdecimal() or not 1 <= int(shards) <= 1_024:  # noqa: PLR2004 - as many as servers take
            raise ValueError(f"a search engine has the form {FORM}; N is from 1 to 1024")
        return cls(parts, name, int(shards))

    @property
    def shown(self) -> str:
        """Without the password, for people."""
        return f"{self.parts.scheme}://{self.parts.netloc.rpartition('@')[2]}/{self.name}"


class Client:
    """Thread-safe. Every call raises Refused, or Unavailable where the server cannot be reached in time."""

    def __init__(self, place: Place) -> None:
        user, password = (unquote(part or "") for part in (place.parts.username, place.parts.password))
        self._shown = place.shown
        self._http = (
            urllib3.HTTPConnectionPool if _SCHEMES[place.parts.scheme] == "http" else urllib3.HTTPSConnectionPool
        )
        self._pool = self._http(
            place.parts.hostname or "",
            place.parts.port or _PORT,
            maxsize=CONNECTIONS,
            block=True,
            # A connection that the server has closed meanwhile is no fault of the question.
            retries=urllib3.Retry(connect=1, read=1, other=0, redirect=0, allowed_methods=None, backoff_factor=0.05),
            headers=urllib3.make_headers(keep_alive=True, basic_auth=f"{user}:{password}" if user else None),
        )

    def call(self, method: str, path: str, body: object = None, patience: float = PATIENCE) -> Any:
        """What is answered, decoded."""
        return self._send(method, path, None if body is None else _encode(body), "application/json", patience)

    def bulk(self, path: str, lines: Iterable[object]) -> Any:
        """Lines that belong to one another, as the server's bulk interface takes them."""
        body = b"".join(_encode(line) + b"\n" for line in lines)
        return self._send("POST", path, body, "application/x-ndjson", LONGEST_WRITE)

    def close(self) -> None:
        self._pool.close()

    def _send(self, method: str, path: str, body: bytes | None, kind: str, patience: float) -> Any:
        try:
            answer = self._pool.request(
                method,
                f"/{path}",
                body=body,
                headers={**self._pool.headers, "content-type": kind},
                timeout=urllib3.Timeout(connect=PATIENCE, read=patience),
                pool_timeout=patience,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{self._shown} cannot be reached: {error}") from error
        try:
            told = _decode(answer.data) if answer.data else {}
        except msgspec.DecodeError:
            raise Refused(answer.status, "its answer is no JSON") from None
        if answer.status >= _FAULT:
            raise Refused(answer.status, _kind(told))
        return told


def _kind(told: Any) -> str:
    error = told.get("error") if isinstance(told, dict) else None
    return str(error.get("type")) if isinstance(error, dict) else str(error or "no reason was told")
