"""Signed addresses of an S3 server (AWS Signature Version 4 in the query string). Pure.

An address admits one request: its method, path, parameters and the named headers are signed. With `content-length`
among them, exactly so many bytes are let in; the form of signed uploads that names a range (POST) is not known to all
servers.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from mercato.values.clock import SECOND

LONGEST = 7 * 24 * 3_600  # seconds for which an address may be valid

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "s3"


class Place(msgspec.Struct, frozen=True):
    """A bucket and the right to it. `host` has the port where it is not the usual one."""

    key: str
    secret: str
    host: str
    bucket: str
    region: str = "us-east-1"
    tls: bool = True

    def __repr__(self) -> str:
        return f"Place(s3://{self.key}:...@{self.host}/{self.bucket})"  # no log and no traceback tells the secret


class Asked(msgspec.Struct, frozen=True):
    """The request that is to be admitted, and for how many seconds from `at` (milliseconds since the epoch)."""

    method: str
    key: str
    headers: Mapping[str, str]
    at: int
    seconds: int


def signed(place: Place, asked: Asked) -> str:
    """The address, which admits who has it."""
    moment = datetime.fromtimestamp(asked.at // SECOND, UTC)
    day, stamp = moment.strftime("%Y%m%d"), moment.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{day}/{place.region}/{_SERVICE}/aws4_request"
    headers = {"host": place.host, **{name.lower(): value.strip() for name, value in asked.headers.items()}}
    names = ";".join(sorted(headers))
    query = _joined(
        {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{place.key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(max(1, min(asked.seconds, LONGEST))),
            "X-Amz-SignedHeaders": names,
        }
    )
    path = f"/{quote(place.bucket, safe='')}/{quote(asked.key, safe='/')}"
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join((asked.method, path, query, lines, names, "UNSIGNED-PAYLOAD"))
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    signature = hmac.new(_key_of(place, day), text.encode(), hashlib.sha256).hexdigest()
    scheme = "https" if place.tls else "http"
    return f"{scheme}://{place.host}{path}?{query}&X-Amz-Signature={signature}"


def _key_of(place: Place, day: str) -> bytes:
    key = b"AWS4" + place.secret.encode()
    for part in (day, place.region, _SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _joined(parameters: dict[str, Any]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(parameters[name], safe='')}" for name in sorted(parameters))
