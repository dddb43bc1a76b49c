"""Timed work of orders."""

from mercato.runtime.service import Door
from mercato.services.orders.messages import ExpireOrder, ListExpired
from mercato.values.messages import Caller


async def expire_unpaid_orders(calls: Door, _now: int) -> None:
    """Cancel every order whose hold has ended, so that its goods can be sold again."""
    for expired in await calls.ask(ListExpired(), Caller.system("", "expire unpaid orders")):
        await calls.do(ExpireOrder(expired.order_id), Caller.system(expired.store, "expire unpaid orders"))
