"""Commands, queries, events, refusals, and the caller who sends them.

These five are the only things that services exchange. A command changes something and has one reply; a query
asks about committed state and changes nothing; an event tells, in the past tense, what has been committed; a
refusal is the declared "no" of a command or query; a caller says for which store, by whom and why.
"""

from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

import msgspec

Reply = TypeVar("Reply", covariant=True)

BUYER = 1  # may fill a cart: a signed-in user, or a guest where the store lets anyone
USER = 2  # signed in
STAFF = 4  # works for the store
SYSTEM = 8  # listeners, workers, jobs, the command line


class Access(msgspec.Struct, frozen=True):
    """Who may send a message: any caller that has one of `roles` (bits). `roles` 0 means everybody."""

    name: str
    roles: int

    def admits(self, roles: int) -> bool:
        return not self.roles or bool(self.roles & roles)


Anyone = Access("anyone", 0)
Buyer = Access("buyer", BUYER | SYSTEM)
User = Access("user", USER | SYSTEM)
BuyerOrStaff = Access("buyer or staff", BUYER | STAFF | SYSTEM)
Staff = Access("staff", STAFF | SYSTEM)
System = Access("system", SYSTEM)


class Caller(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who sends a message: passed along, never ambient.

    `buyer` is a user id or a guest id, "" for neither. `request` names the request in logs and answers; `cause` is
    the id of the event or intent that a listener, worker or job acts for.
    """

    store: str
    buyer: str = ""
    roles: int = 0
    request: str = ""
    trace: str = ""
    cause: str = ""

    @classmethod
    def system(cls, store: str, cause: str) -> "Caller":
        """The platform itself, acting for `store` because of `cause`."""
        return cls(store=store, roles=SYSTEM, request=cause, cause=cause)

    @property
    def is_staff(self) -> bool:
        return bool(self.roles & (STAFF | SYSTEM))


class Refusal(Exception):
    """A declared "no": raised by handlers, carried to the sender in process and over the wire alike.

    A subclass gives `status` (HTTP), `code` (stable, for programs) and `advice` (what the caller can do); an instance
    adds `detail` (what exactly happened) and `facts` (encodable values for programs). Every subclass is found by
    its code, so that a refusal read from bytes is the same class again. One that is `passing` may be something else in
    a moment: it is not kept under the key of a request.
    """

    status: ClassVar[int] = 409
    code: ClassVar[str] = "refused"
    advice: ClassVar[str] = ""
    passing: ClassVar[bool] = False
    by_code: ClassVar[dict[str, type["Refusal"]]] = {}

    def __init__(self, detail: str = "", **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail or self.advice
        self.facts = facts

    def __init_subclass__(cls) -> None:
        known = Refusal.by_code.setdefault(cls.code, cls)
        if known.__qualname__ != cls.__qualname__ or known.__module__ != cls.__module__:
            raise TypeError(f"two refusals share the code {cls.code!r}: {known.__module__} and {cls.__module__}")


class Invalid(Refusal):
    status, code = 422, "invalid"
    advice = "Correct the named fields and send the request again."


class Malformed(Refusal):
    status, code = 400, "malformed"
    advice = "The request could not be read; see the API description for its form."


class LogInFirst(Refusal):
    status, code = 401, "log_in_first"
    advice = "Log in, or send a valid token in the Authorization header."


class Forbidden(Refusal):
    status, code = 403, "forbidden"
    advice = "This caller has no right to do that."


class NotFound(Refusal):
    status, code = 404, "not_found"
    advice = "Check the address; it may never have existed, or not be yours."


class Conflict(Refusal):
    status, code = 409, "conflict"
    advice = "Somebody else changed it first: read it again, then repeat the change."


class KeyReused(Refusal):
    status, code = 422, "idempotency_key_reused"
    passing = True
    advice = "This Idempotency-Key was used for another request: use a new key for a new request."


class KeyInFlight(Refusal):
    status, code = 409, "idempotency_key_in_flight"
    advice = "The first request with this key is still being worked on: repeat with Prefer: wait=5, or later."


class TooManyRequests(Refusal):
    status, code = 429, "too_many_requests"
    advice = "Slow down; Retry-After says when the next request is welcome."


class Overloaded(Refusal):
    status, code = 503, "overloaded"
    advice = "Nothing was done. Repeat the request after the time in Retry-After."


class Unavailable(Refusal):
    status, code = 503, "unavailable"
    advice = "A part of the shop cannot be reached. Nothing was done; repeat the request later."


class OutcomeUnknown(Refusal):
    status, code = 503, "outcome_unknown"
    advice = "The answer was lost on its way. Look whether it was done before you repeat it."


class Failed(Refusal):
    status, code = 500, "internal_error"
    advice = "A fault of ours. Nothing was done; it has been logged with the request id."


class Command(msgspec.Struct, Generic[Reply], frozen=True):
    """A wish to change something: `class PlaceOrder(Command[Order], frozen=True)`. Every subclass sets `allow`."""

    allow: ClassVar[Access]
    refusals: ClassVar[tuple[type[Refusal], ...]] = ()


class Query(msgspec.Struct, Generic[Reply], frozen=True):
    """A question about committed state: `class GetOrder(Query[Order], frozen=True)`. Every subclass sets `allow`."""

    allow: ClassVar[Access]
    refusals: ClassVar[tuple[type[Refusal], ...]] = ()


class Event(msgspec.Struct, frozen=True):
    """What has happened and is committed. Ids and values only: no secret, no card, no person."""

    version: ClassVar[int] = 1


Message = Command[Any] | Query[Any]


def reply_of(message: type[Any]) -> Any:
    """The reply type of a command or query: `Order` of `class PlaceOrder(Command[Order])`."""
    for base in message.__orig_bases__:
        if get_origin(base) in (Command, Query):
            return get_args(base)[0]
    raise TypeError(f"{message.__name__} does not say what it is answered with: derive it from Command[Reply]")


class Envelope(msgspec.Struct, frozen=True):
    """One event on its way: `number` counts without gaps per `source`; `body` holds the original bytes (JSON).

    `at` is in milliseconds since the epoch, UTC. `correlation` is the request that began the story, `cause` the event
    or command that led to this one.
    """

    source: str
    number: int
    id: str
    store: str
    type: str
    version: int
    aggregate: str
    aggregate_version: int
    at: int
    correlation: str
    cause: str
    body: bytes
