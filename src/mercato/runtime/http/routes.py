"""Routes: which method and path is which message.

`does` binds a command, `asks` a query, `composes` a function for the few routes that need several messages. What a
message's fields are filled from follows from the route: `{name}` in the path, ids that the edge makes (`makes`),
`If-Match` for `if_version`, and for the rest the JSON body of a command or the query string of a query.
"""

import hashlib
import re
from functools import cache
from typing import Any

import msgspec

from mercato.runtime.access.limits import Limit
from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import MAX_BODY, Reply, Request
from mercato.runtime.http.route import PARAM, Route
from mercato.values.messages import Caller, Command, Invalid, KeyInFlight, Malformed, Query, Refusal, reply_of

LONGEST_VERSION = 18  # digits

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Options(msgspec.Struct, frozen=True):
    """What a route may say beside its message."""

    status: int = 200
    hot: bool = False
    limit: Limit | None = None
    makes: dict[str, str] = {}
    location: str = ""


def does(method: str, path: str, command: type[Command[Any]], options: Options = Options()) -> Route:  # noqa: B008
    """A route that is one command. Its `Idempotency-Key` makes repetitions harmless."""
    from_path = tuple(PARAM.findall(path))
    body = _body_form(command, (*from_path, *options.makes))
    return Route(
        method=method,
        path=path,
        endpoint=_Does(command, body, from_path, options),
        name=command.__name__,
        allow=command.allow,
        body=body if msgspec.structs.fields(body) else None,
        reply=reply_of(command),
        status=options.status,
        refusals=command.refusals,
        hot=options.hot,
        limit=options.limit or "write",
        takes_key=True,
        description=command.__doc__ or "",
    )


def asks(method: str, path: str, query: type[Query[Any]], options: Options = Options()) -> Route:  # noqa: B008
    """A route that is one query."""
    return Route(
        method=method,
        path=path,
        endpoint=_Asks(query),
        name=query.__name__,
        allow=query.allow,
        query=query,
        reply=reply_of(query),
        refusals=query.refusals,
        hot=options.hot,
        limit=options.limit or "read",
        description=query.__doc__ or "",
    )


def key_of(request: Request, caller: Caller, status: int, *, required: bool = False) -> IdempotencyKey | None:
    """The request's idempotency key, bound to its caller, route and body; None without the header."""
    given = request.headers.get(b"idempotency-key")
    if given is None:
        if required:
            raise Malformed("this request needs an Idempotency-Key header: a new one for each new request")
        return None
    text = given.decode("latin-1")
    if not _KEY.fullmatch(text):
        raise Malformed("Idempotency-Key has 1 to 255 printable ASCII characters without spaces")
    who = caller.buyer
    if not who:
        token = request.headers.get(b"authorization", request.peer.encode())
        who = hashlib.sha256(token).hexdigest()[:32]
    scope = f"{who} {request.method} {request.path}"[:120]
    return IdempotencyKey(scope, text, hashlib.sha256(request.body).hexdigest(), status)


def finished(answer: Answer) -> Reply:
    """The reply to a request whose outcome may still be being decided: 202 then."""
    return Reply(202) if answer.body is None else Reply.of_answer(answer)


def read_body(request: Request, decoder: "msgspec.json.Decoder[Any]") -> Any:
    """The body as its declared form. Raises Malformed for what is no JSON, Invalid for what does not fit."""
    if not request.headers.get(b"content-type", b"").startswith(b"application/json"):
        raise UnsupportedMediaType
    if len(request.body) > MAX_BODY:
        raise BodyTooLarge
    try:
        return decoder.decode(request.body)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"the body is no JSON: {error}") from None


class UnsupportedMediaType(Refusal):
    status, code = 415, "unsupported_media_type"
    advice = "Send the body as application/json."


class BodyTooLarge(Refusal):
    status, code = 413, "body_too_large"
    advice = f"A body has at most {MAX_BODY} bytes."


class _Does:
    """Executes a command route."""

    def __init__(
        self, command: type[Command[Any]], body: type[msgspec.Struct], from_path: tuple[str, ...], options: Options
    ) -> None:
        self._command = command
        self._decoder = msgspec.json.Decoder(body)
        self._body_fields = body.__struct_fields__
        self._is_body = self._body_fields == command.__struct_fields__  # all of the command comes from the body
        self._needs_body = any(field.required for field in msgspec.structs.fields(body))
        self._from_path = from_path
        self._options = options
        self._checked = _checks_of(command, from_path)
        self._if_version = "if_version" in command.__struct_fields__

    async def __call__(self, edge: Edge, request: Request, caller: Caller) -> Reply:
        command = self._read(edge, request)
        key = key_of(request, caller, self._options.status)
        if key is None:
            reply = Reply.of(await edge.calls.do(command, caller), self._options.status)
            if self._options.location:
                where = self._options.location.format(**msgspec.structs.asdict(command))
                reply.headers = (*reply.headers, (b"location", where.encode()))
            return reply
        seconds = request.wait_seconds()
        answer = await edge.calls.do_once(command, caller, key, seconds)
        if answer.body is None and not seconds:
            raise KeyInFlight
        return finished(answer)

    def _read(self, edge: Edge, request: Request) -> Command[Any]:
        values: dict[str, Any] = {}
        if request.body or self._needs_body:
            body = read_body(request, self._decoder)
            if self._is_body:
                return self._command(*msgspec.structs.astuple(body))
            values = {name: getattr(body, name) for name in self._body_fields}
        for name in self._from_path:
            values[name] = request.params[name]
        for name, prefix in self._options.makes.items():
            values[name] = edge.ids.new(prefix)
        if self._if_version and (match := request.header(b"if-match")):
            values["if_version"] = _version(match)
        if self._checked is not None:
            _check(values, self._checked)
        return self._command(**values)


class _Asks:
    """Executes a query route."""

    def __init__(self, query: type[Query[Any]]) -> None:
        self._query = query

    async def __call__(self, edge: Edge, request: Request, caller: Caller) -> Reply:
        values: dict[str, Any] = request.query_values() if request.query else {}
        unknown = values.keys() - set(self._query.__struct_fields__)
        if unknown:
            raise Malformed(f"unknown query parameter: {', '.join(sorted(unknown))}")
        values.update(request.params)
        try:
            query = msgspec.convert(values, self._query, strict=False)
        except msgspec.ValidationError as error:
            raise Malformed(str(error)) from None
        reply = Reply.of(await edge.calls.ask(query, caller))
        if reply.headers and request.header(b"if-none-match") == reply.headers[0][1].decode():
            return Reply(304, headers=reply.headers)
        return reply


@cache
def _body_form(command: type[Command[Any]], filled: tuple[str, ...]) -> type[msgspec.Struct]:
    """The fields of a command that its body gives. Unknown fields are refused, never ignored."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(command):
        if field.name in filled or field.name == "if_version":
            continue
        if field.required:
            fields.append((field.name, field.type))
        elif field.default is not msgspec.NODEFAULT:
            fields.append((field.name, field.type, field.default))
        else:
            fields.append((field.name, field.type, msgspec.field(default_factory=field.default_factory)))
    return msgspec.defstruct(f"{command.__name__}Body", fields, frozen=True, forbid_unknown_fields=True)


def _checks_of(command: type[Command[Any]], from_path: tuple[str, ...]) -> type[msgspec.Struct] | None:
    fields = [(field.name, field.type) for field in msgspec.structs.fields(command) if field.name in from_path]
    return msgspec.defstruct(f"{command.__name__}Path", fields, frozen=True) if fields else None


def _check(values: dict[str, Any], form: type[msgspec.Struct]) -> None:
    try:
        msgspec.convert({name: values[name] for name in form.__struct_fields__}, form)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from None


def _version(match: str) -> int:
    text = match.strip('"').partition("-")[0]
    if not text.isdecimal() or len(text) > LONGEST_VERSION:
        raise Malformed("If-Match is the ETag that a GET of this resource answered")
    return int(text)
