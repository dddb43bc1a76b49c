"""users: customer accounts, sessions, one-time tokens and the record of every log-in attempt.

Passwords never enter a message: the edge hashes and verifies them, and messages carry hashes (argon2id for
passwords, SHA-256 in hex for tokens). Log-in is three steps: BeginLogIn, verifying the password against the hash
that it answers with, OpenSession. A changed password is BeginLogIn, verifying, hashing, ChangePassword.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mercato.values.commerce import Line
from mercato.values.ids import SessionId, StoreId, TokenId, UserId
from mercato.values.messages import (
    STAFF,
    USER,
    Access,
    Anyone,
    Command,
    Conflict,
    Event,
    NotFound,
    Query,
    Refusal,
    Staff,
    System,
    User,
)
from mercato.values.page import Page

OwnerOrStaff = Access("user or staff", USER | STAFF | System.roles)

# What a mail can be sent to: plain ASCII, as browsers send it (a domain in other letters comes as punycode). The
# look-ahead at the end: `$` alone lets a line break at the very end pass.
Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
        r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$(?!\n)",
        description="e-mail address",
    ),
]
Phone = Annotated[str, Meta(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
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


class LogInBegun(msgspec.Struct, frozen=True):
    """`attempt_id` names the recorded attempt. `retry_after` seconds; not 0: verify nothing, refuse TooManyRequests."""

    attempt_id: str
    credentials: Credentials
    retry_after: int


class Contact(msgspec.Struct, frozen=True):
    """Whom to write to. `name` is "" until the address is confirmed: it may be a stranger's words before."""

    email: str
    name: str


class IssuedToken(msgspec.Struct, frozen=True):
    """The secret of a one-time token, given out once, and whom it is for."""

    secret: str
    contact: Contact
    expires_at: int


class LoginAttempt(msgspec.Struct, frozen=True):
    """Somebody tried a password. `account` is what was typed, raw: escape it wherever it is shown."""

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
    """Confirm an address. The account gets the name and the password of the sign-up that this token was mailed for:
    a stranger's sign-up with the same address, before or after, has no part in it."""

    allow = Anyone
    refusals = (InvalidToken,)
    token_hash: str


class BeginLogIn(Command[LogInBegun], frozen=True):
    """Somebody tries a password for `account` (what was typed) or for `user_id` (a user who changes it).

    The attempt is recorded as failed before anything is verified, so that attempts side by side are counted too;
    OpenSession, ChangePassword or RecordLoginAttempt corrects it. After 10 failures within 15 minutes for one
    account, known or not, `retry_after` says when the oldest of them no longer counts.
    """

    allow = System
    peer: str
    agent: str
    account: str = ""
    user_id: str = ""


class OpenSession(Command[Session], frozen=True):
    """Open a session for a user whose password the edge has just verified against `password_hash`.

    It records the attempt as a success, and refuses when the password was changed meanwhile. `ends` is the token
    hash of a session to close (rotation at log-in).
    """

    allow = System
    refusals = (WrongCredentials,)
    user_id: UserId
    password_hash: str
    attempt_id: str
    ends: str = ""


class RecordLoginAttempt(Command[None], frozen=True):
    """An attempt of another outcome: a new one, or with `attempt_id` the right outcome of one that was begun."""

    allow = System
    account: str
    outcome: Outcome
    peer: str
    agent: str
    attempt_id: str = ""


class CloseSession(Command[None], frozen=True):
    """Log out: this session's token is dead from now on. Nothing happens when it is dead already."""

    allow = Anyone
    token_hash: str


class AskPasswordReset(Command[Accepted], frozen=True):
    """Have a reset mailed. The answer is the same for known and unknown accounts, and when it was asked too often."""

    allow = Anyone
    email: Email


class ResetPassword(Command[Accepted], frozen=True):
    """Set a new password by a token from a mail; all sessions and other tokens end. It confirms the address too."""

    allow = Anyone
    refusals = (InvalidToken,)
    token_hash: str
    password_hash: str


class ChangePassword(Command[Accepted], frozen=True):
    """The edge has verified the caller's old password against `old_hash`, as the attempt `attempt_id`.

    All sessions but `keep_token_hash`'s end, and all reset tokens.
    """

    allow = User
    refusals = (WrongCredentials,)
    old_hash: str
    password_hash: str
    keep_token_hash: str = ""
    attempt_id: str = ""


class UpdateProfile(Command[UserAccount], frozen=True):
    """Change what is given. `if_version` refuses (Conflict) when somebody changed it first. `me` is the caller."""

    allow = OwnerOrStaff
    refusals = (NotFound, Conflict)
    user_id: UserId
    name: Line | None = None
    phone: Phone | None = None
    if_version: int | None = None


class EraseUser(Command[None], frozen=True):
    """Delete an account: personal fields are emptied, sessions end; orders stay with their own records.

    The address can be used again. `me` is the caller.
    """

    allow = OwnerOrStaff
    refusals = (NotFound,)
    user_id: UserId


class IssueToken(Command[IssuedToken], frozen=True):
    """Make the secret of a one-time token when its mail is sent; a secret issued earlier becomes void."""

    allow = System
    refusals = (InvalidToken,)
    token_id: TokenId


class GetUser(Query[UserAccount], frozen=True):
    """Own account, or any of the store for staff. `me` is the caller."""

    allow = OwnerOrStaff
    refusals = (NotFound,)
    user_id: UserId


class GetCredentials(Query[Credentials], frozen=True):
    """What a password is verified against. Who lets people try passwords uses BeginLogIn, which counts."""

    allow = System
    email: str = ""
    user_id: str = ""


class CheckToken(Query[Contact], frozen=True):
    """Whom a token from a mail is for, as long as it can be used for this purpose."""

    allow = System
    refusals = (InvalidToken,)
    token_hash: str
    purpose: Purpose


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
