"""What may be changed in users."""

import msgspec

from mercato.contracts.users import (
    Accepted,
    AskPasswordReset,
    BeginLogIn,
    ChangePassword,
    CloseSession,
    EmailVerificationAsked,
    EraseUser,
    InvalidToken,
    IssuedToken,
    IssueToken,
    LogInBegun,
    OpenSession,
    Outcome,
    PasswordChanged,
    PasswordResetAsked,
    Purpose,
    RecordLoginAttempt,
    ResetPassword,
    Session,
    SessionsEnded,
    SignUp,
    SignUpRepeated,
    UpdateProfile,
    UserAccount,
    UserErased,
    UserRegistered,
    VerifyEmail,
    WrongCredentials,
)
from mercato.runtime.transaction import Transaction
from mercato.services.users import domain, storage
from mercato.services.users.domain import UserRow
from mercato.services.users.messages import ForgetExpired
from mercato.services.users.storage import SessionRow, TokenRow
from mercato.values.clock import DAY
from mercato.values.ids import SessionId, TokenId, UserId
from mercato.values.messages import Caller, Conflict, NotFound

# Accounts: signing up, confirming the address, the profile, the end.


def sign_up(tx: Transaction, command: SignUp, _caller: Caller) -> Accepted:
    """Register, or have the owner of the address told. Whatever is the case: one row is written, one answer given."""
    email, name = domain.address(command.email), domain.tidy_name(command.name)
    email_key = domain.address_key(email)
    welcome = _may_mail(tx, email_key, "sign_up")
    row = tx.one(storage.FIND_USER_BY_EMAIL, email_key=email_key)
    if row is None:
        row = UserRow(
            id=UserId(tx.new_id("usr")),
            email_key=email_key,
            email=email,
            name=name,
            phone="",
            password_hash=command.password_hash,
            verified=0,
            created_at=tx.now,
            version=1,
        )
        tx.defer(storage.ADD_USER, **msgspec.structs.asdict(row), erased_at=None)
        tx.emit(UserRegistered(row.id), row.id, row.version)
    if welcome and row.verified:
        tx.emit(SignUpRepeated(row.id), tx.new_id("ask"), 1)
    elif welcome:
        token_id = _ask_for_token(tx, row.id, "verify_email", name, command.password_hash)
        tx.emit(EmailVerificationAsked(row.id, token_id), token_id, 1)
    return domain.SIGNED_UP


def verify_email(tx: Transaction, command: VerifyEmail, _caller: Caller) -> UserAccount:
    token, row = _use_token(tx, command.token_hash, "verify_email")
    tx.run(storage.REMOVE_TOKENS, user_id=row.id, purpose="verify_email")
    changed = _change_user(tx, row, verified=1, name=token.name, password_hash=token.password_hash)
    return domain.account_of(changed)


def update_profile(tx: Transaction, command: UpdateProfile, caller: Caller) -> UserAccount:
    row = _find_own(tx, command.user_id, caller)
    if command.if_version is not None and command.if_version != row.version:
        raise Conflict
    name = row.name if command.name is None else domain.tidy_name(command.name)
    phone = row.phone if command.phone is None else command.phone.strip()
    if (name, phone) == (row.name, row.phone):
        return domain.account_of(row)
    return domain.account_of(_change_user(tx, row, name=name, phone=phone))


def erase_user(tx: Transaction, command: EraseUser, caller: Caller) -> None:
    """Empty what is personal, here and in the record of attempts; the id stays, so that it is never given again."""
    row = _find_own(tx, command.user_id, caller)
    erased = _change_user(tx, row, email_key=row.id, email="", name="", phone="", password_hash="", verified=0)
    tx.run(storage.MARK_ERASED, id=row.id, now=tx.now)
    tx.run(storage.REMOVE_TOKENS, user_id=row.id, purpose="")
    tx.run(storage.FORGET_PERSON, of_key=row.email_key)
    tx.run(storage.REMOVE_ASKS, account_key=row.email_key)
    _end_sessions(tx, tx.all(storage.LIST_SESSIONS, user_id=row.id))
    tx.emit(UserErased(row.id), row.id, erased.version)


# Log-in and sessions.


def begin_log_in(tx: Transaction, command: BeginLogIn, _caller: Caller) -> LogInBegun:
    if command.user_id:
        row = tx.one(storage.FIND_USER, id=command.user_id)
        account = row.email if row else command.user_id
    else:
        account = command.account[: domain.MAX_ACCOUNT]
        row = tx.one(storage.FIND_USER_BY_EMAIL, email_key=domain.address_key(account))
    since = tx.now - domain.FAILURE_WINDOW
    failures = tx.all(storage.LATEST_FAILURES, account_key=domain.address_key(account), since=since)
    pause = domain.pause_before_next([failure.at for failure in failures], tx.now)
    failed: Outcome = "wrong_password" if row else "unknown_account"
    attempt_id = _add_attempt(tx, account, "limited" if pause else failed, command.peer, command.agent)
    return LogInBegun(attempt_id, domain.credentials_of(None if pause else row), pause)


def record_login_attempt(tx: Transaction, command: RecordLoginAttempt, _caller: Caller) -> None:
    if command.attempt_id:
        tx.defer(storage.SET_OUTCOME, id=command.attempt_id, new_outcome=command.outcome)
    else:
        _add_attempt(tx, command.account, command.outcome, command.peer, command.agent)


def open_session(tx: Transaction, command: OpenSession, _caller: Caller) -> Session:
    row = tx.one(storage.FIND_USER, id=command.user_id)
    if row is None or not row.verified or row.password_hash != command.password_hash:
        raise WrongCredentials
    own = tx.all(storage.LIST_SESSIONS, user_id=row.id)
    surplus = own[: max(0, len(own) + 1 - domain.MOST_SESSIONS)]
    rotated = tx.one(storage.FIND_SESSION, token_hash=command.ends) if command.ends else None
    _end_sessions(tx, surplus if rotated is None or rotated in surplus else [*surplus, rotated])
    tx.defer(storage.SET_OUTCOME, id=command.attempt_id, new_outcome="ok")
    token = "ms_" + domain.secret_text(tx.new_secret())
    session = Session(SessionId(tx.new_id("ses")), row.id, token, tx.now + domain.SESSION_LIFE)
    tx.defer(
        storage.ADD_SESSION,
        id=session.id,
        user_id=row.id,
        token_hash=domain.hash_of(token),
        created_at=tx.now,
        expires_at=session.expires_at,
    )
    return session


def close_session(tx: Transaction, command: CloseSession, _caller: Caller) -> None:
    session = tx.one(storage.FIND_SESSION, token_hash=command.token_hash)
    if session is not None:
        _end_sessions(tx, [session])


# Passwords and one-time tokens.


def ask_password_reset(tx: Transaction, command: AskPasswordReset, _caller: Caller) -> Accepted:
    """Whatever is the case: one row is written, one answer given."""
    email_key = domain.address_key(domain.address(command.email))
    welcome = _may_mail(tx, email_key, "reset")
    row = tx.one(storage.FIND_USER_BY_EMAIL, email_key=email_key)
    if welcome and row is not None:
        token_id = _ask_for_token(tx, row.id, "reset_password")
        tx.emit(PasswordResetAsked(row.id, token_id), token_id, 1)
    return domain.RESET_ASKED


def reset_password(tx: Transaction, command: ResetPassword, _caller: Caller) -> Accepted:
    """The mail has arrived, so the address is confirmed; tokens of sign-ups bring other passwords, and end too."""
    _, row = _use_token(tx, command.token_hash, "reset_password")
    tx.run(storage.REMOVE_TOKENS, user_id=row.id, purpose="")
    _set_password(tx, row, command.password_hash, kept=None)
    return domain.PASSWORD_SET


def change_password(tx: Transaction, command: ChangePassword, caller: Caller) -> Accepted:
    row = tx.one(storage.FIND_USER, id=caller.buyer)
    if row is None or row.password_hash != command.old_hash:
        raise WrongCredentials
    kept = tx.one(storage.FIND_SESSION, token_hash=command.keep_token_hash) if command.keep_token_hash else None
    tx.run(storage.REMOVE_TOKENS, user_id=row.id, purpose="reset_password")
    if command.attempt_id:
        tx.defer(storage.SET_OUTCOME, id=command.attempt_id, new_outcome="ok")
    _set_password(tx, row, command.password_hash, kept)
    return domain.PASSWORD_SET


def issue_token(tx: Transaction, command: IssueToken, _caller: Caller) -> IssuedToken:
    token = tx.one(storage.FIND_TOKEN, id=command.token_id)
    row = None if token is None else tx.one(storage.FIND_USER, id=token.user_id)
    if token is None or row is None or token.asked_at + domain.ASK_LIFE <= tx.now:
        raise InvalidToken
    secret = domain.secret_text(tx.new_secret())
    until = tx.now + domain.TOKEN_LIFE[token.purpose]
    tx.run(storage.ISSUE_TOKEN, id=token.id, new_hash=domain.hash_of(secret), until=until)
    return IssuedToken(secret, domain.contact_of(row), until)


def forget_expired(tx: Transaction, _command: ForgetExpired, _caller: Caller) -> int:
    return (
        tx.run(storage.FORGET_SESSIONS, now=tx.now)
        + tx.run(storage.FORGET_TOKENS, now=tx.now)
        + tx.run(storage.FORGET_ATTEMPTS, before=tx.now - domain.ATTEMPT_LIFE)
        + tx.run(storage.FORGET_ASKS, before=tx.now - DAY)
    )


# What several commands do.


def _find_own(tx: Transaction, user_id: str, caller: Caller) -> UserRow:
    user_id = domain.whose(user_id, caller)
    row = tx.one(storage.FIND_USER, id=user_id)
    if row is None or not domain.may_touch(user_id, caller):
        raise NotFound
    return row


def _change_user(tx: Transaction, row: UserRow, **changes: object) -> UserRow:
    """Store the changed account under its next version. Raises Conflict where somebody was faster."""
    after = msgspec.structs.replace(row, version=row.version + 1, **changes)
    changed = tx.run(
        storage.CHANGE_USER,
        id=row.id,
        known_version=row.version,
        email_key=after.email_key,
        email=after.email,
        name=after.name,
        phone=after.phone,
        password_hash=after.password_hash,
        verified=after.verified,
        version=after.version,
    )
    if not changed:
        raise Conflict
    return after


def _set_password(tx: Transaction, row: UserRow, password_hash: str, kept: SessionRow | None) -> None:
    """A new password ends every session but the one that is kept (I26)."""
    changed = _change_user(tx, row, password_hash=password_hash, verified=1)
    _end_sessions(tx, [other for other in tx.all(storage.LIST_SESSIONS, user_id=row.id) if other != kept])
    kept_id = "" if kept is None or kept.user_id != row.id else kept.id
    tx.emit(PasswordChanged(row.id, kept_id), row.id, changed.version)


def _end_sessions(tx: Transaction, ended: list[SessionRow]) -> None:
    for session in ended:
        tx.defer(storage.END_SESSION, id=session.id)
        tx.emit(SessionsEnded(session.user_id, (session.id,)), session.id, 2)


def _add_attempt(tx: Transaction, account: str, outcome: Outcome, peer: str, agent: str) -> str:
    attempt_id = tx.new_id("att")
    account = account[: domain.MAX_ACCOUNT]
    tx.defer(
        storage.ADD_ATTEMPT,
        id=attempt_id,
        account=account,
        account_key=domain.address_key(account),
        outcome=outcome,
        peer=peer,
        agent=agent[: domain.MAX_AGENT],
        at=tx.now,
    )
    return attempt_id


def _may_mail(tx: Transaction, account_key: str, kind: str) -> bool:
    """Note that somebody asked for a mail to this address; whether it was not asked for too often lately."""
    since = tx.now - domain.MAIL_WINDOW
    before = tx.one(storage.COUNT_ASKS, account_key=account_key, kind=kind, since=since)
    tx.defer(storage.ADD_ASK, id=tx.new_id("ask"), account_key=account_key, kind=kind, at=tx.now)
    return before is None or before.count < domain.MOST_MAILS


def _ask_for_token(
    tx: Transaction, user_id: UserId, purpose: Purpose, name: str = "", password_hash: str = ""
) -> TokenId:
    """A token without a secret yet: it is made when its mail is written."""
    token_id = TokenId(tx.new_id("tok"))
    tx.defer(
        storage.ADD_TOKEN,
        id=token_id,
        user_id=user_id,
        purpose=purpose,
        secret_hash=None,
        name=name,
        password_hash=password_hash,
        asked_at=tx.now,
        expires_at=tx.now + domain.ASK_LIFE,
    )
    return token_id


def _use_token(tx: Transaction, secret_hash: str, purpose: Purpose) -> tuple[TokenRow, UserRow]:
    """The token with this secret, used up, and its account. All that does not fit is refused alike."""
    token = tx.one(storage.FIND_TOKEN_BY_SECRET, secret_hash=secret_hash, purpose=purpose, now=tx.now)
    row = None if token is None else tx.one(storage.FIND_USER, id=token.user_id)
    if token is None or row is None or not tx.run(storage.USE_TOKEN, id=token.id, secret_hash=secret_hash):
        raise InvalidToken
    return token, row
