"""users: customer accounts, sessions, one-time tokens and the record of every log-in attempt.

Passwords never enter a message: the edge hashes and verifies them, and messages carry hashes (argon2id for
passwords, SHA-256 in hex for tokens).
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mercato.values.commerce import Line
from mercato.values.ids import SessionId, StoreId, TokenId, UserId
from mercato.values.messages import (
    Anyone,
    Command,
    Event,
    NotFound,
    Query,
    Refusal,
    Staff,
    System,
    User,
)
from mercato.values.page import Page

Email = Annotated[str, Meta(min_length=3, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
Outcome = Literal["ok", "wrong_password", "unknown_account", "unverified", "limited", "decoy"]
Purpose = Literal["verify_email", "reset_password"]


class UserAccount(msgspec.Struct, frozen=True):
    """A customer as the customer sees it."""

    id: UserId
    email: str
    name: str
    phone: str
    verified: bool
    created_at: int
    version: int


class Session(msgspec.Struct, frozen=True):
    """A session just opened: `token` is shown once; only its hash is stored."""

    id: SessionId
    user_id: UserId
    token: str
    expires_at: int


class SessionHolder(msgspec.Struct, frozen=True):
    """What a valid session token stands for."""

    id: SessionId
    user_id: UserId
    store: StoreId
    expires_at: int


class Credentials(msgspec.Struct, frozen=True):
    """What the edge needs to verify a password; for an unknown account a hash that no password fits."""

    user_id: UserId | None
    password_hash: str
    verified: bool


class Contact(msgspec.Struct, frozen=True):
    """Whom to write to."""

    email: str
    name: str


class IssuedToken(msgspec.Struct, frozen=True):
    """The secret of a one-time token, given out once, and whom it is for."""

    secret: str
    contact: Contact
    expires_at: int


class LoginAttempt(msgspec.Struct, frozen=True):
    """Somebody tried to log in. `account` is what was typed, raw: escape it wherever it is shown."""

    id: str
    account: str
    outcome: Outcome
    peer: str
    agent: str
    at: int


class Accepted(msgspec.Struct, frozen=True):
    """The same answer for known and unknown accounts."""

    message: str


class UserRegistered(Event, frozen=True):
    user_id: UserId


class EmailVerificationAsked(Event, frozen=True):
    user_id: UserId
    token_id: TokenId


class PasswordResetAsked(Event, frozen=True):
    user_id: UserId
    token_id: TokenId


class SignUpRepeated(Event, frozen=True):
    """Somebody signed up with the address of an account that exists; its owner is told."""

    user_id: UserId


class PasswordChanged(Event, frozen=True):
    """All sessions but `kept_session` ended with it."""

    user_id: UserId
    kept_session: str


class SessionsEnded(Event, frozen=True):
    """These sessions are over: caches forget them at once."""

    user_id: UserId
    session_ids: tuple[SessionId, ...]


class UserErased(Event, frozen=True):
    user_id: UserId


class WrongCredentials(Refusal):
    status, code = 401, "wrong_credentials"
    advice = "E-mail address or password is wrong, or the address is not confirmed yet."


class InvalidToken(Refusal):
    status, code = 400, "invalid_token"
    advice = "This link was used, has expired or is not for you: ask for a new one."


class SignUp(Command[Accepted], frozen=True):
    """Register, or tell the owner of an existing account. The answer is the same."""

    allow = Anyone
    email: Email
    name: Line
    password_hash: str


class VerifyEmail(Command[UserAccount], frozen=True):
    allow = Anyone
    refusals = (InvalidToken,)
    token_hash: str


class OpenSession(Command[Session], frozen=True):
    """Open a session for a user whose password the edge has just verified against `password_hash`.

    It records the attempt, and refuses when the password was changed meanwhile. `ends` is a session to close
    (rotation at log-in).
    """

    allow = System
    refusals = (WrongCredentials,)
    user_id: UserId
    password_hash: str
    account: str
    peer: str
    agent: str
    ends: str = ""


class RecordLoginAttempt(Command[None], frozen=True):
    """A log-in that did not succeed."""

    allow = System
    account: str
    outcome: Outcome
    peer: str
    agent: str


class CloseSession(Command[None], frozen=True):
    """Log out: this session's token is dead from now on. Nothing happens when it is dead already."""

    allow = Anyone
    token_hash: str


class AskPasswordReset(Command[Accepted], frozen=True):
    allow = Anyone
    email: Email


class ResetPassword(Command[Accepted], frozen=True):
    """Set a new password by a token from a mail; all sessions and other reset tokens end."""

    allow = Anyone
    refusals = (InvalidToken,)
    token_hash: str
    password_hash: str


class ChangePassword(Command[Accepted], frozen=True):
    """The edge has verified the old password against `old_hash`; all sessions but `keep_token_hash`'s end."""

    allow = User
    refusals = (WrongCredentials,)
    old_hash: str
    password_hash: str
    keep_token_hash: str = ""


class UpdateProfile(Command[UserAccount], frozen=True):
    """Change what is given. `if_version` refuses (Conflict) when somebody changed it first."""

    allow = User
    refusals = (NotFound,)
    user_id: UserId
    name: Line | None = None
    phone: Annotated[str, Meta(max_length=40)] | None = None
    if_version: int | None = None


class EraseUser(Command[None], frozen=True):
    """Delete an account: personal fields are emptied, sessions end; orders stay with their own records."""

    allow = User
    refusals = (NotFound,)
    user_id: UserId


class IssueToken(Command[IssuedToken], frozen=True):
    """Make the secret of a one-time token when its mail is sent; a secret issued earlier becomes void."""

    allow = System
    refusals = (InvalidToken,)
    token_id: TokenId


class GetUser(Query[UserAccount], frozen=True):
    """Own account, or any of the store for staff."""

    allow = User
    refusals = (NotFound,)
    user_id: UserId


class GetCredentials(Query[Credentials], frozen=True):
    allow = System
    email: str = ""
    user_id: str = ""


class GetContact(Query[Contact], frozen=True):
    allow = System
    refusals = (NotFound,)
    user_id: UserId


class ResolveSession(Query[SessionHolder], frozen=True):
    """Whose session token has this hash? Refused as NotFound when unknown, ended or expired."""

    allow = System
    refusals = (NotFound,)
    token_hash: str


class ListLoginAttempts(Query[Page[LoginAttempt]], frozen=True):
    """Newest first."""

    allow = Staff
    cursor: str = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
