"""The manifest of users."""

from mercato.contracts.users import (
    AskPasswordReset,
    BeginLogIn,
    ChangePassword,
    CheckToken,
    CloseSession,
    EraseUser,
    GetContact,
    GetCredentials,
    GetUser,
    IssueToken,
    ListLoginAttempts,
    OpenSession,
    RecordLoginAttempt,
    ResetPassword,
    ResolveSession,
    SignUp,
    UpdateProfile,
    VerifyEmail,
)
from mercato.runtime.access.passwords import Argon2Passwords, Passwords
from mercato.runtime.service import Ask, Handle, Job, Service
from mercato.runtime.setup import Setup
from mercato.services.users import commands, jobs, queries, storage
from mercato.services.users.api import routes
from mercato.services.users.messages import ForgetExpired
from mercato.values.clock import HOUR


def service(setup: Setup, passwords: Passwords | None = None) -> Service:
    """Users, as this process runs it: with the passwords handed in, else argon2id in the pool for slow work."""
    if passwords is None:
        passwords = Argon2Passwords(setup.parts.pools.slow)
    return Service(
        name="users",
        package="mercato.services.users",
        tables=storage.metadata,
        handlers=(
            Handle(SignUp, commands.sign_up),
            Handle(VerifyEmail, commands.verify_email),
            Handle(UpdateProfile, commands.update_profile),
            Handle(EraseUser, commands.erase_user),
            Handle(BeginLogIn, commands.begin_log_in),
            Handle(RecordLoginAttempt, commands.record_login_attempt),
            Handle(OpenSession, commands.open_session),
            Handle(CloseSession, commands.close_session),
            Handle(AskPasswordReset, commands.ask_password_reset),
            Handle(ResetPassword, commands.reset_password),
            Handle(ChangePassword, commands.change_password),
            Handle(IssueToken, commands.issue_token),
            Handle(ForgetExpired, commands.forget_expired),
        ),
        asks=(
            Ask(GetUser, queries.get_user),
            Ask(GetCredentials, queries.get_credentials),
            Ask(GetContact, queries.get_contact, snapshot=False),
            Ask(CheckToken, queries.check_token),
            Ask(ResolveSession, queries.resolve_session),
            Ask(ListLoginAttempts, queries.list_login_attempts),
        ),
        jobs=(Job("forget what has expired", HOUR, jobs.forget_expired),),
        routes=routes(passwords),
    )
