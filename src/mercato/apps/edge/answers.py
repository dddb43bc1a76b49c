"""What a proxy says itself: the same problem documents as the processes."""

from mercato.runtime.answers import problem
from mercato.runtime.http.asgi import MethodNotAllowed
from mercato.runtime.http.routes import BodyTooLarge
from mercato.values.messages import LogInFirst, NotFound, Refusal, TooManyRequests, Unavailable


class NoAnswer(Refusal):
    status, code = 502, "no_answer"
    advice = "It is not known whether the request was carried out: look, or repeat it with the same Idempotency-Key."


class LateAnswer(Refusal):
    status, code = 504, "late_answer"
    advice = NoAnswer.advice


REFUSALS: dict[int, type[Refusal]] = {
    401: LogInFirst,
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    429: TooManyRequests,
    502: NoAnswer,
    503: Unavailable,
    504: LateAnswer,
}

# The form of a request's id that the processes take over (runtime/http/edge.py).
REQUEST_ID = "[A-Za-z0-9_.-]{8,64}"

# Written by proxies that tell an application who somebody is, or where a request was really meant to go. Ours tells
# neither: whatever comes under these names was made up by the client.
IDENTITY = (
    "Forwarded",
    "Remote-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-User",
    "X-Authenticated-User",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-HTTP-Method-Override",
    "X-Mercato-Caller",
    "X-Original-URL",
    "X-Remote-User",
    "X-Rewrite-URL",
    "X-Store",
    "X-User",
    "X-User-Id",
    "True-Client-IP",
)
HOP = ("Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Upgrade")


def document(status: int, request: str) -> str:
    """The problem document of a status, for a request of this id. It holds no apostrophe: proxies quote by them."""
    return problem(REFUSALS[status](), request).decode().replace("'", "\\u0027")
