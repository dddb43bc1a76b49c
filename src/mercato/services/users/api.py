"""Routes of users. Those with a password compose: the password is hashed or verified here, messages carry hashes.

None of them takes an Idempotency-Key: what is kept for repetitions must hold neither a session token nor a hash of
a body with a password in it, which could be guessed from it at leisure.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mercato.contracts.users import (
    Accepted,
    AskPasswordReset,
    BeginLogIn,
    ChangePassword,
    CheckToken,
    CloseSession,
    Credentials,
    EraseUser,
    GetUser,
    ListLoginAttempts,
    OpenSession,
    RecordLoginAttempt,
    ResetPassword,
    Session,
    SignUp,
    UpdateProfile,
    UserAccount,
    VerifyEmail,
    WrongCredentials,
)
from mercato.runtime.access.passwords import Passwords
from mercato.runtime.calls import Calls
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Endpoint, Route
from mercato.runtime.http.routes import asks, does, read_body
from mercato.services.users.domain import address, check_password, hash_of, tidy_name, whose
from mercato.values.commerce import Line
from mercato.values.ids import UserId
from mercato.values.messages import Anyone, Caller, Command, Invalid, NotFound, Overloaded, TooManyRequests, User

Typed = Annotated[str, Meta(max_length=1_024)]
NewPassword = Annotated[str, Meta(min_length=8, max_length=256, description="not the e-mail address")]


class SignUpBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Typed
    name: Line
    password: NewPassword


class TokenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`token` is the text of the link in the mail."""

    token: Typed


class LogInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Typed
    password: Typed


class ForgotBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Typed


class ResetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`token` is the text of the link in the mail."""

    token: Typed
    password: NewPassword


class ChangePasswordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    old_password: Typed
    new_password: NewPassword


class Visitor(msgspec.Struct, frozen=True):
    """Who tries a password: where from, with which program, and the token of the session so far, "" without one."""

    peer: str
    agent: str
    token: str


async def sign_up(calls: Calls, passwords: Passwords, body: SignUpBody, caller: Caller) -> Accepted:
    """Hash always, whoever it is: the time tells nothing about the account."""
    email, name = address(body.email), tidy_name(body.name)
    check_password(body.password, email)
    return await calls.do(SignUp(email, name, await passwords.hash(body.password)), caller)


async def log_in(calls: Calls, passwords: Passwords, body: LogInBody, visitor: Visitor, caller: Caller) -> Session:
    """A new session. An unknown account is one whose password is never right: the same steps in the same time."""
    system = Caller.system(caller.store, caller.request)
    begin = BeginLogIn(visitor.peer, visitor.agent, account=body.email)
    credentials, attempt_id = await _verified(calls, passwords, begin, body.password, system)
    user_id = credentials.user_id
    if user_id is None or not credentials.verified:
        await calls.do(RecordLoginAttempt(body.email, "unverified", visitor.peer, visitor.agent, attempt_id), system)
        raise WrongCredentials
    ends = hash_of(visitor.token) if visitor.token else ""
    return await calls.do(OpenSession(user_id, credentials.password_hash, attempt_id, ends), system)


async def reset_password(calls: Calls, passwords: Passwords, body: ResetBody, caller: Caller) -> Accepted:
    """A token that is no good is refused before anything is hashed."""
    token_hash = hash_of(body.token)
    system = Caller.system(caller.store, caller.request)
    contact = await calls.ask(CheckToken(token_hash, "reset_password"), system)
    check_password(body.password, contact.email)
    return await calls.do(ResetPassword(token_hash, await passwords.hash(body.password)), caller)


async def change_password(
    calls: Calls, passwords: Passwords, body: ChangePasswordBody, visitor: Visitor, caller: Caller
) -> Accepted:
    """The old password is verified under the limits of log-in: a stolen session is no way around them."""
    account = await calls.ask(GetUser(UserId(caller.buyer)), caller)
    check_password(body.new_password, account.email)
    system = Caller.system(caller.store, caller.request)
    begin = BeginLogIn(visitor.peer, visitor.agent, user_id=caller.buyer)
    credentials, attempt_id = await _verified(calls, passwords, begin, body.old_password, system)
    password_hash = await passwords.hash(body.new_password)
    keep = hash_of(visitor.token) if visitor.token else ""
    return await calls.do(ChangePassword(credentials.password_hash, password_hash, keep, attempt_id), caller)


async def _verified(
    calls: Calls, passwords: Passwords, begin: BeginLogIn, password: str, system: Caller
) -> tuple[Credentials, str]:
    """The credentials that the password fits, and the attempt. Raises WrongCredentials or TooManyRequests."""
    begun = await calls.do(begin, system)
    if begun.retry_after:
        raise TooManyRequests(retry_after=begun.retry_after)
    try:
        fits = await passwords.verify(password, begun.credentials.password_hash)
    except Overloaded:
        # Nothing was verified, so nobody has failed.
        record = RecordLoginAttempt(begin.account, "limited", begin.peer, begin.agent, begun.attempt_id)
        await calls.do(record, system)
        raise
    if not fits:
        raise WrongCredentials
    return begun.credentials, begun.attempt_id


class _Endpoints:
    """The routes' functions, with the passwords that they were handed."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    async def sign_up(self, edge: Edge, request: Request, caller: Caller) -> Reply:
        return Reply.of(await sign_up(edge.calls, self._passwords, read_body(request, _SIGN_UP), caller), 202)

    async def log_in(self, edge: Edge, request: Request, caller: Caller) -> Reply:
        body: LogInBody = read_body(request, _LOG_IN)
        return Reply.of(await log_in(edge.calls, self._passwords, body, _visitor(request), caller), 201)

    async def reset(self, edge: Edge, request: Request, caller: Caller) -> Reply:
        return Reply.of(await reset_password(edge.calls, self._passwords, read_body(request, _RESET), caller))

    async def change_password(self, edge: Edge, request: Request, caller: Caller) -> Reply:
        if whose(request.params["user_id"], caller) != caller.buyer:
            raise NotFound
        body: ChangePasswordBody = read_body(request, _CHANGE)
        return Reply.of(await change_password(edge.calls, self._passwords, body, _visitor(request), caller))


async def verify(edge: Edge, request: Request, caller: Caller) -> Reply:
    body: TokenBody = read_body(request, _TOKEN)
    return Reply.of(await edge.calls.do(VerifyEmail(hash_of(body.token)), caller))


async def log_out(edge: Edge, request: Request, caller: Caller) -> Reply:
    return Reply.of(await edge.calls.do(CloseSession(hash_of(_bearer(request))), caller))


async def forgot(edge: Edge, request: Request, caller: Caller) -> Reply:
    body: ForgotBody = read_body(request, _FORGOT)
    return Reply.of(await edge.calls.do(AskPasswordReset(address(body.email)), caller), 202)


_SIGN_UP = msgspec.json.Decoder(SignUpBody)
_TOKEN = msgspec.json.Decoder(TokenBody)
_LOG_IN = msgspec.json.Decoder(LogInBody)
_FORGOT = msgspec.json.Decoder(ForgotBody)
_RESET = msgspec.json.Decoder(ResetBody)
_CHANGE = msgspec.json.Decoder(ChangePasswordBody)


def _visitor(request: Request) -> Visitor:
    return Visitor(request.peer, request.header(b"user-agent"), _bearer(request))


def _bearer(request: Request) -> str:
    """The token that the edge has let in, "" without one."""
    return request.header(b"authorization").partition(" ")[2]


_STATUS = {SignUp: 202, OpenSession: 201, CloseSession: 204, AskPasswordReset: 202}


def _auth(name: str, endpoint: Endpoint, body: Any, reply: Any, command: type[Command[Any]]) -> Route:
    return Route(
        "POST",
        f"/v1/auth/{name}",
        endpoint,
        command.__name__,
        allow=Anyone,
        body=body,
        reply=reply,
        status=_STATUS.get(command, 200),
        refusals=(Invalid, TooManyRequests, *command.refusals),
        limit="auth",
        description=command.__doc__ or "",
    )


def routes(passwords: Passwords) -> tuple[Route, ...]:
    endpoints = _Endpoints(passwords)
    return (
        _auth("signup", endpoints.sign_up, SignUpBody, Accepted, SignUp),
        _auth("verify", verify, TokenBody, UserAccount, VerifyEmail),
        _auth("login", endpoints.log_in, LogInBody, Session, OpenSession),
        _auth("logout", log_out, None, None, CloseSession),
        _auth("forgot", forgot, ForgotBody, Accepted, AskPasswordReset),
        _auth("reset", endpoints.reset, ResetBody, Accepted, ResetPassword),
        asks("GET", "/v1/users/{user_id}", GetUser),
        does("PATCH", "/v1/users/{user_id}", UpdateProfile),
        does("DELETE", "/v1/users/{user_id}", EraseUser),
        Route(
            "POST",
            "/v1/users/{user_id}/password",
            endpoints.change_password,
            "ChangePassword",
            allow=User,
            body=ChangePasswordBody,
            reply=Accepted,
            refusals=(Invalid, NotFound, TooManyRequests, *ChangePassword.refusals),
            limit="auth",
            description="Set a new password; every session but the one that asks ends. `me` is the caller.",
        ),
        asks("GET", "/v1/login-attempts", ListLoginAttempts),
    )
