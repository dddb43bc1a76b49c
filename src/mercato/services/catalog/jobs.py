"""Timed work of catalog."""

from mercato.runtime.service import Door
from mercato.services.catalog.messages import ForgetMedia, ListUnclaimed
from mercato.values.messages import Caller

_CAUSE = "forget unclaimed media"


async def forget_unclaimed_media(calls: Door, _now: int) -> None:
    """Forget uploads that were asked for and never came, and those that were refused long ago, with their files."""
    for found in await calls.ask(ListUnclaimed(), Caller.system("", _CAUSE)):
        await calls.do(ForgetMedia(found.media_id), Caller.system(found.store, _CAUSE))
