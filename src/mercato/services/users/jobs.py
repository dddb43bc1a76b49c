"""Timed work of users."""

from mercato.runtime.service import Door
from mercato.services.users.messages import ForgetExpired
from mercato.values.messages import Caller


async def forget_expired(calls: Door, _now: int) -> None:
    """Keep no session, token or record of an attempt longer than it is of use."""
    await calls.do(ForgetExpired(), Caller.system("", "forget what has expired"))
