"""What may be asked of users."""

from mercato.contracts.users import (
    CheckToken,
    Contact,
    Credentials,
    GetContact,
    GetCredentials,
    GetUser,
    InvalidToken,
    ListLoginAttempts,
    LoginAttempt,
    ResolveSession,
    SessionHolder,
    UserAccount,
)
from mercato.runtime.reader import Reader
from mercato.services.users import storage
from mercato.services.users.domain import account_of, address_key, contact_of, credentials_of, may_touch, whose
from mercato.values.messages import Caller, NotFound
from mercato.values.page import Page, from_cursor, to_cursor


def get_user(reader: Reader, query: GetUser, caller: Caller) -> UserAccount:
    user_id = whose(query.user_id, caller)
    row = reader.one(storage.FIND_USER, id=user_id)
    if row is None or not may_touch(user_id, caller):
        raise NotFound
    return account_of(row)


def get_credentials(reader: Reader, query: GetCredentials, _caller: Caller) -> Credentials:
    if query.user_id:
        return credentials_of(reader.one(storage.FIND_USER, id=query.user_id))
    return credentials_of(reader.one(storage.FIND_USER_BY_EMAIL, email_key=address_key(query.email)))


def get_contact(reader: Reader, query: GetContact, _caller: Caller) -> Contact:
    row = reader.one(storage.FIND_USER, id=query.user_id)
    if row is None:
        raise NotFound
    return contact_of(row)


def check_token(reader: Reader, query: CheckToken, _caller: Caller) -> Contact:
    token = reader.one(
        storage.FIND_TOKEN_BY_SECRET, secret_hash=query.token_hash, purpose=query.purpose, now=reader.now
    )
    row = None if token is None else reader.one(storage.FIND_USER, id=token.user_id)
    if row is None:
        raise InvalidToken
    return contact_of(row)


def resolve_session(reader: Reader, query: ResolveSession, _caller: Caller) -> SessionHolder:
    row = reader.one(storage.RESOLVE_SESSION, token_hash=query.token_hash, now=reader.now)
    if row is None:
        raise NotFound
    return SessionHolder(row.id, row.user_id, row.store, row.expires_at)


def list_login_attempts(reader: Reader, query: ListLoginAttempts, _caller: Caller) -> Page[LoginAttempt]:
    before = from_cursor(query.cursor, tuple[str])[0] if query.cursor else storage.AFTER_ALL_IDS
    rows = reader.all(storage.LIST_ATTEMPTS, before=before, limit_=query.limit + 1)
    shown = tuple(rows[: query.limit])
    return Page(shown, to_cursor(shown[-1].id) if len(rows) > query.limit else None)
