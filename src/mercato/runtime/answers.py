"""Answers as bytes: what a request with an Idempotency-Key gets, the first time and on every repetition."""

from typing import Any

import msgspec

from mercato.values.messages import Refusal

encode = msgspec.json.Encoder().encode


class IdempotencyKey(msgspec.Struct, frozen=True):
    """One request: `scope` says whose and for which route, `fingerprint` is a hash of its body.

    `status` is the HTTP status of its success.
    """

    scope: str
    key: str
    fingerprint: str
    status: int = 200


class Answer(msgspec.Struct, frozen=True):
    """`body` None: still being decided; wait for `subject`, the id of what the request made."""

    status: int
    body: bytes | None
    subject: str | None = None


class Answered(msgspec.Struct, frozen=True):
    """The final answer of a request whose outcome was decided later: status and bytes, to be replayed as they are."""

    store: str
    subject: str
    status: int
    body: bytes


def problem(refusal: Refusal, request: str) -> bytes:
    """The problem document (RFC 9457) of a refusal."""
    document: dict[str, Any] = {
        "type": f"/problems/{refusal.code}",
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "advice": refusal.advice,
        "request_id": request,
    }
    for name, fact in refusal.facts.items():
        document.setdefault(name, fact)
    return encode(document)
