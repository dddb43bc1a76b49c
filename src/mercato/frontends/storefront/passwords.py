"""Passwords of shoppers: verified and hashed here, so that messages carry hashes only.

An unknown account takes the same steps in the same time as a wrong password, and gets the same answer.
"""

import hashlib

from mercato.contracts.users import BeginLogIn, Credentials, OpenSession, RecordLoginAttempt, Session, WrongCredentials
from mercato.frontends.storefront.visit import Visit
from mercato.values.messages import Overloaded, TooManyRequests


async def open_session(visit: Visit, account: str, password: str) -> Session:
    """A new session. Raises WrongCredentials, or TooManyRequests after too many failures."""
    begin = BeginLogIn(visit.request.peer, _agent(visit), account=account)
    credentials, attempt_id = await _verified(visit, begin, password)
    if credentials.user_id is None or not credentials.verified:
        await _record(visit, begin, "unverified", attempt_id)
        raise WrongCredentials
    ends = hash_of(visit.token) if visit.token else ""
    command = OpenSession(credentials.user_id, credentials.password_hash, attempt_id, ends)
    return await visit.calls.do(command, visit.system)


async def verify_own(visit: Visit, password: str) -> tuple[str, str]:
    """The hash that the shopper's own password fits, and the id of the attempt. Raises as `open_session`."""
    begin = BeginLogIn(visit.request.peer, _agent(visit), user_id=visit.caller.buyer)
    credentials, attempt_id = await _verified(visit, begin, password)
    return credentials.password_hash, attempt_id


async def confirm_own(visit: Visit, password: str) -> None:
    """As `verify_own`, where no command follows that would record the success."""
    begin = BeginLogIn(visit.request.peer, _agent(visit), user_id=visit.caller.buyer)
    _, attempt_id = await _verified(visit, begin, password)
    await _record(visit, begin, "ok", attempt_id)


def hash_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def _verified(visit: Visit, begin: BeginLogIn, password: str) -> tuple[Credentials, str]:
    begun = await visit.calls.do(begin, visit.system)
    if begun.retry_after:
        raise TooManyRequests(retry_after=begun.retry_after)
    try:
        fits = await visit.site.handed.passwords.verify(password, begun.credentials.password_hash)
    except Overloaded:
        await _record(visit, begin, "limited", begun.attempt_id)  # nothing was verified, so nobody has failed
        raise
    if not fits:
        raise WrongCredentials
    return begun.credentials, begun.attempt_id


async def _record(visit: Visit, begin: BeginLogIn, outcome: str, attempt_id: str) -> None:
    record = RecordLoginAttempt(begin.account, outcome, begin.peer, begin.agent, attempt_id)  # type: ignore[arg-type]
    await visit.calls.do(record, visit.system)


def _agent(visit: Visit) -> str:
    return visit.request.header(b"user-agent")
