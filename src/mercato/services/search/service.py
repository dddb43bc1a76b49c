"""The manifest of search."""

from functools import partial

from mercato.contracts.catalog import CategoryChanged, ProductDescribed
from mercato.contracts.inventory import StockChanged, StockReleased, StockReserved
from mercato.contracts.orders import OrderCancelled, OrderPlaced
from mercato.contracts.pricing import PriceChanged
from mercato.contracts.search import (
    FindSimilar,
    GetSearchRules,
    ListNoResults,
    SearchProducts,
    SetSearchRules,
    Suggest,
)
from mercato.runtime.service import Ask, Follow, Handle, Job, Listen, Service
from mercato.runtime.setup import Setup
from mercato.services.search import commands, jobs, listeners, storage
from mercato.services.search.adapters.opening import open_shelf
from mercato.services.search.api import routes
from mercato.services.search.finding.ranking import WEIGHTS
from mercato.services.search.indexer import Indexer, Serving, Shelf
from mercato.services.search.messages import (
    AskToldAgain,
    CountNoResults,
    FindUntold,
    ListChanges,
    ListGrown,
    RebuildIndex,
    RecordToldAgain,
    TellSold,
)
from mercato.services.search.queries import changes, rules, searching, suggesting
from mercato.services.search.queries.known import Known
from mercato.values.clock import MINUTE


def service(setup: Setup, shelf: Shelf | None = None) -> Service:
    """Search, as this process runs it: with the shelf of its index that is handed in, else as the settings say."""
    serving, known = Serving(), Known()
    indexer = Indexer(shelf or open_shelf(setup.settings), serving, setup.parts)

    def forget(store: str, subject: str) -> None:
        known.forget(store, subject)
        serving.changed()
        indexer.hear(subject)

    return Service(
        name="search",
        package="mercato.services.search",
        tables=storage.metadata,
        handlers=(
            Handle(SetSearchRules, partial(commands.set_search_rules, frozenset(WEIGHTS))),
            Handle(TellSold, commands.tell_sold),
            Handle(CountNoResults, commands.count_no_results),
            Handle(RecordToldAgain, commands.record_told_again),
            Handle(AskToldAgain, commands.ask_told_again),
            Handle(RebuildIndex, commands.rebuild_index),
        ),
        asks=(
            Ask(SearchProducts, partial(searching.search_products, serving, known), point=False, snapshot=False),
            Ask(FindSimilar, partial(searching.find_similar, serving), point=False, snapshot=False),
            Ask(Suggest, partial(suggesting.suggest, serving, known), point=False, snapshot=False),
            Ask(GetSearchRules, rules.get_search_rules),
            Ask(ListNoResults, rules.list_no_results),
            Ask(ListChanges, changes.list_changes, point=False),
            Ask(ListGrown, changes.list_grown, point=False),
            Ask(FindUntold, changes.find_untold),
        ),
        listeners=(
            Listen(ProductDescribed, listeners.when_product_is_described_keep_it),
            Listen(CategoryChanged, listeners.when_category_changed_tell_the_index_of_its_products),
            Listen(PriceChanged, listeners.when_price_changed_find_the_lowest),
            Listen(StockChanged, listeners.when_stock_changed_note_whether_there_is_any),
            Listen(StockReserved, listeners.when_stock_is_reserved_note_what_is_gone),
            Listen(StockReleased, listeners.when_stock_is_released_note_what_is_back),
            Listen(OrderPlaced, listeners.when_order_is_placed_count_what_is_sold),
            Listen(OrderCancelled, listeners.when_order_is_cancelled_count_back),
        ),
        jobs=(
            Job("tell again what was before search", MINUTE, jobs.tell_again_what_was_before),
            Job("tell the index what is sold", 10 * MINUTE, jobs.tell_the_index_what_is_sold),
        ),
        follows=(Follow("entries into the index", indexer.run),),
        routes=routes(serving, here=setup.here("search")),
        runs_in="thread",
        close=indexer.close if setup.here("search") else None,
        forget=forget if setup.here("search") else None,
    )
