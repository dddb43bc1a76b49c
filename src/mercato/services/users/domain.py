"""The rules of accounts: addresses, passwords, lives of tokens and sessions, how often one may try. Pure."""

import base64
import hashlib
from collections.abc import Sequence

import msgspec

from mercato.contracts.users import Accepted, Contact, Credentials, Email, Outcome, Purpose, UserAccount
from mercato.values.clock import DAY, HOUR, MINUTE, SECOND
from mercato.values.ids import UserId
from mercato.values.messages import Caller, Invalid

SESSION_LIFE = 30 * DAY
MOST_SESSIONS = 20  # of one user; one more ends the oldest
TOKEN_LIFE: dict[Purpose, int] = {"verify_email": 3 * DAY, "reset_password": HOUR}  # from the mail on
ASK_LIFE = 3 * DAY  # for which a token that was asked for may be mailed

MOST_FAILURES = 10
FAILURE_WINDOW = 15 * MINUTE
FAILURES: tuple[Outcome, ...] = ("wrong_password", "unknown_account", "unverified")

MOST_MAILS = 5  # that strangers can have sent to one address within the window, for each kind
MAIL_WINDOW = HOUR

ATTEMPT_LIFE = 30 * DAY
MAX_ACCOUNT = 1_024
MAX_AGENT = 400

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 256

# The hash of 32 random bytes that were thrown away: no password fits, and finding that out takes the usual time.
UNKNOWN_HASH = "$argon2id$v=19$m=19456,t=2,p=1$luK401/hNzxs/uxYejZuLg$KoXLRMiQ6906fmyrpL+mlxAN8jkgrCgalY7C1d1sGfk"

SIGNED_UP = Accepted("A mail is on its way to this address: it says how to go on.")
RESET_ASKED = Accepted("If there is an account with this address, a mail is on its way to it.")
PASSWORD_SET = Accepted("The new password is set. All other devices are logged out.")


class UserRow(msgspec.Struct, frozen=True):
    """An account as it is stored. `email_key` is the digest of its address, by which it is found."""

    id: UserId
    email_key: str
    email: str
    name: str
    phone: str
    password_hash: str
    verified: int
    created_at: int
    version: int


def account_of(row: UserRow) -> UserAccount:
    return UserAccount(row.id, row.email, row.name, row.phone, bool(row.verified), row.created_at, row.version)


def contact_of(row: UserRow) -> Contact:
    return Contact(row.email, row.name if row.verified else "")


def credentials_of(row: UserRow | None) -> Credentials:
    if row is None:
        return Credentials(None, UNKNOWN_HASH, False)
    return Credentials(row.id, row.password_hash, bool(row.verified))


def address_key(text: str) -> str:
    """The digest by which addresses are compared: trimmed and case-folded, of one length however long they are."""
    return hashlib.sha256(text.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()


def address(text: str) -> str:
    """A typed address without the blanks around it. Raises Invalid for what no mail can be sent to."""
    try:
        return msgspec.convert(text.strip(), Email)
    except msgspec.ValidationError:
        raise Invalid("`email` is not an e-mail address such as jo@example.org") from None


def tidy_name(text: str) -> str:
    """A name on one line, without blanks around it. Raises Invalid for an empty one."""
    name = " ".join(text.split())
    if not name:
        raise Invalid("`name` is empty")
    return name


def check_password(password: str, email: str) -> None:
    """Raise Invalid for a password that is too short, too long, or the address itself."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(f"`password` must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, of any kind")
    if address_key(password) == address_key(email):
        raise Invalid("`password` must not be the e-mail address")


def pause_before_next(failures: Sequence[int], now: int) -> int:
    """Seconds until a password may be tried again, 0 for at once. `failures`: times of the latest, newest first."""
    if len(failures) < MOST_FAILURES:
        return 0
    left = failures[MOST_FAILURES - 1] + FAILURE_WINDOW - now
    return max(0, -(-left // SECOND))


def whose(user_id: str, caller: Caller) -> str:
    """The account that a caller means: `me` is the own one."""
    return caller.buyer if user_id == "me" else user_id


def may_touch(user_id: str, caller: Caller) -> bool:
    """Whether this account is the caller's own, or the caller works for the store."""
    return caller.is_staff or user_id == caller.buyer


def secret_text(secret: bytes) -> str:
    """What stands in a mail or, behind `ms_`, in a session cookie."""
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def hash_of(token: str) -> str:
    """What is stored of a token: it has 256 random bits, so that no salt and no slow hash are needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
