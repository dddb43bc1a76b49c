"""Timed work of search."""

from mercato.contracts.catalog import DescribeAgain
from mercato.contracts.inventory import TellStockAgain
from mercato.contracts.pricing import TellPricesAgain
from mercato.contracts.stores import ListStores
from mercato.runtime.service import Door
from mercato.services.search.messages import FindUntold, ListGrown, RecordToldAgain, TellSold
from mercato.values.messages import Caller

_AGAIN = "tell again what was before search"
_SOLD = "tell the index what is sold"


async def tell_again_what_was_before(calls: Door, _now: int) -> None:
    """A shop may be older than its search: have catalog, pricing and inventory tell again what it did not hear."""
    everywhere = Caller.system("", _AGAIN)
    before = await calls.ask(FindUntold(), everywhere)
    if before is None:
        return
    for store in await calls.ask(ListStores(), everywhere):
        caller = Caller.system(store.id, _AGAIN)
        after: str | None = ""
        while after is not None:
            told = await calls.do(DescribeAgain(before, after), caller)
            if told.variant_ids:
                await calls.do(TellPricesAgain(told.variant_ids), caller)
                await calls.do(TellStockAgain(told.variant_ids), caller)
            after = told.last_id
    await calls.do(RecordToldAgain(), everywhere)


async def tell_the_index_what_is_sold(calls: Door, _now: int) -> None:
    """What sells far more or less than the index knows is written again; an order by itself is no reason to."""
    for grown in await calls.ask(ListGrown(), Caller.system("", _SOLD)):
        await calls.do(TellSold(grown.product_ids), Caller.system(grown.store, _SOLD))
