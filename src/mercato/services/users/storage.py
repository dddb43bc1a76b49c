"""Tables and statements of users."""

import msgspec
from sqlalchemy import Column, Index, MetaData, Table, bindparam, delete, func, or_, select, update

from mercato.contracts.users import LoginAttempt, Purpose
from mercato.runtime.database.columns import Integer, Text, identity, key, required, store
from mercato.runtime.database.statements import fetch, insert_into, one_of, write
from mercato.services.users.domain import FAILURES, MOST_FAILURES, UserRow
from mercato.values.ids import SessionId, StoreId, TokenId, UserId

metadata = MetaData()

AFTER_ALL_IDS = "~"  # where a list that begins with the newest begins

users = Table(
    "users",
    metadata,
    identity(),
    store(),
    required("email_key", key(64)),  # of an erased account: its id, which no address is
    required("email", Text),
    required("name", Text),
    required("phone", Text),
    required("password_hash", Text),
    required("verified", Integer),
    required("created_at", Integer),
    Column("erased_at", Integer),
    required("version", Integer),
    sqlite_with_rowid=False,
)
Index("users_by_email", users.c.email_key, users.c.store, unique=True)

sessions = Table(
    "sessions",
    metadata,
    identity(),
    store(),
    required("user_id", key()),
    required("token_hash", key(64)),
    required("created_at", Integer),
    required("expires_at", Integer),
    sqlite_with_rowid=False,
)
Index("sessions_by_token", sessions.c.token_hash, unique=True)
Index("sessions_by_user", sessions.c.user_id, sessions.c.store)
Index("sessions_by_expiry", sessions.c.expires_at)

tokens = Table(
    "tokens",
    metadata,
    identity(),
    store(),
    required("user_id", key()),
    required("purpose", key(16)),
    Column("secret_hash", key(64)),  # empty until its mail is written
    required("name", Text),
    required("password_hash", Text),
    required("asked_at", Integer),
    required("expires_at", Integer),
    sqlite_with_rowid=False,
)
Index("tokens_by_secret", tokens.c.secret_hash, tokens.c.store)
Index("tokens_by_user", tokens.c.user_id, tokens.c.store)
Index("tokens_by_expiry", tokens.c.expires_at)

attempts = Table(
    "attempts",
    metadata,
    identity(),
    store(),
    required("account", Text),
    required("account_key", key(64)),
    required("outcome", key(20)),
    required("peer", Text),
    required("agent", Text),
    required("at", Integer),
    sqlite_with_rowid=False,
)
Index("attempts_by_account", attempts.c.account_key, attempts.c.store, attempts.c.at)
Index("attempts_by_store", attempts.c.store, attempts.c.id)
Index("attempts_by_age", attempts.c.at)

# Who asked for a mail to this address, whether it has an account or not.
asks = Table(
    "asks",
    metadata,
    identity(),
    store(),
    required("account_key", key(64)),
    required("kind", key(16)),
    required("at", Integer),
    sqlite_with_rowid=False,
)
Index("asks_by_account", asks.c.account_key, asks.c.store, asks.c.kind, asks.c.at)
Index("asks_by_age", asks.c.at)


class SessionRow(msgspec.Struct, frozen=True):
    id: SessionId
    user_id: UserId
    store: StoreId
    expires_at: int


class TokenRow(msgspec.Struct, frozen=True):
    """`name` and `password_hash` are those of the sign-up that a token was asked for with."""

    id: TokenId
    user_id: UserId
    purpose: Purpose
    name: str
    password_hash: str
    asked_at: int
    expires_at: int


class Moment(msgspec.Struct, frozen=True):
    at: int


class Count(msgspec.Struct, frozen=True):
    count: int


_user_columns = [c for c in users.c if c.name not in ("store", "erased_at")]
_one_user = (users.c.store == bindparam("store"), users.c.id == bindparam("id"), users.c.erased_at.is_(None))
_session_columns = (sessions.c.id, sessions.c.user_id, sessions.c.store, sessions.c.expires_at)
_token_columns = [c for c in tokens.c if c.name not in ("store", "secret_hash")]
_one_token = (tokens.c.store == bindparam("store"), tokens.c.id == bindparam("id"))

ADD_USER = insert_into(users)
FIND_USER = fetch(UserRow, select(*_user_columns).where(*_one_user))
FIND_USER_BY_EMAIL = fetch(
    UserRow,
    select(*_user_columns).where(users.c.store == bindparam("store"), users.c.email_key == bindparam("email_key")),
)
CHANGE_USER = write(
    update(users)
    .where(*_one_user, users.c.version == bindparam("known_version"))
    .values(
        email_key=bindparam("email_key"),
        email=bindparam("email"),
        name=bindparam("name"),
        phone=bindparam("phone"),
        password_hash=bindparam("password_hash"),
        verified=bindparam("verified"),
        version=bindparam("version"),
    )
)
MARK_ERASED = write(
    update(users)
    .where(users.c.store == bindparam("store"), users.c.id == bindparam("id"))
    .values(erased_at=bindparam("now"))
)

ADD_SESSION = insert_into(sessions)
FIND_SESSION = fetch(
    SessionRow,
    select(*_session_columns).where(
        sessions.c.store == bindparam("store"), sessions.c.token_hash == bindparam("token_hash")
    ),
)
RESOLVE_SESSION = fetch(
    SessionRow,
    select(*_session_columns).where(
        sessions.c.token_hash == bindparam("token_hash"), sessions.c.expires_at > bindparam("now")
    ),
    across_stores=True,
)
LIST_SESSIONS = fetch(
    SessionRow,
    select(*_session_columns)
    .where(sessions.c.store == bindparam("store"), sessions.c.user_id == bindparam("user_id"))
    .order_by(sessions.c.id),
)
END_SESSION = write(delete(sessions).where(sessions.c.store == bindparam("store"), sessions.c.id == bindparam("id")))

ADD_TOKEN = insert_into(tokens)
FIND_TOKEN = fetch(TokenRow, select(*_token_columns).where(*_one_token))
FIND_TOKEN_BY_SECRET = fetch(
    TokenRow,
    select(*_token_columns).where(
        tokens.c.store == bindparam("store"),
        tokens.c.secret_hash == bindparam("secret_hash"),
        tokens.c.purpose == bindparam("purpose"),
        tokens.c.expires_at > bindparam("now"),
    ),
)
ISSUE_TOKEN = write(
    update(tokens).where(*_one_token).values(secret_hash=bindparam("new_hash"), expires_at=bindparam("until"))
)
USE_TOKEN = write(delete(tokens).where(*_one_token, tokens.c.secret_hash == bindparam("secret_hash")))
REMOVE_TOKENS = write(
    delete(tokens).where(
        tokens.c.store == bindparam("store"),
        tokens.c.user_id == bindparam("user_id"),
        or_(bindparam("purpose") == "", tokens.c.purpose == bindparam("purpose")),
    )
)

ADD_ATTEMPT = insert_into(attempts)
SET_OUTCOME = write(
    update(attempts)
    .where(attempts.c.store == bindparam("store"), attempts.c.id == bindparam("id"))
    .values(outcome=bindparam("new_outcome"))
)
LATEST_FAILURES = fetch(
    Moment,
    select(attempts.c.at)
    .where(
        attempts.c.store == bindparam("store"),
        attempts.c.account_key == bindparam("account_key"),
        attempts.c.at > bindparam("since"),
        one_of(attempts.c.outcome, *FAILURES),
    )
    .order_by(attempts.c.at.desc())
    .limit(MOST_FAILURES),
)
LIST_ATTEMPTS = fetch(
    LoginAttempt,
    select(
        attempts.c.id,
        attempts.c.account,
        attempts.c.outcome,
        attempts.c.peer,
        attempts.c.agent,
        attempts.c.at,
    )
    .where(attempts.c.store == bindparam("store"), attempts.c.id < bindparam("before"))
    .order_by(attempts.c.id.desc())
    .limit(bindparam("limit_")),
)
FORGET_PERSON = write(
    update(attempts)
    .where(attempts.c.store == bindparam("store"), attempts.c.account_key == bindparam("of_key"))
    .values(account="", account_key="", peer="", agent="")
)

ADD_ASK = insert_into(asks)
COUNT_ASKS = fetch(
    Count,
    select(func.count().label("count"))
    .select_from(asks)
    .where(
        asks.c.store == bindparam("store"),
        asks.c.account_key == bindparam("account_key"),
        asks.c.kind == bindparam("kind"),
        asks.c.at > bindparam("since"),
    ),
)
REMOVE_ASKS = write(
    delete(asks).where(asks.c.store == bindparam("store"), asks.c.account_key == bindparam("account_key"))
)

FORGET_SESSIONS = write(delete(sessions).where(sessions.c.expires_at <= bindparam("now")), across_stores=True)
FORGET_TOKENS = write(delete(tokens).where(tokens.c.expires_at <= bindparam("now")), across_stores=True)
FORGET_ATTEMPTS = write(delete(attempts).where(attempts.c.at <= bindparam("before")), across_stores=True)
FORGET_ASKS = write(delete(asks).where(asks.c.at <= bindparam("before")), across_stores=True)
