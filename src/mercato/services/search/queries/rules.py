"""What a store says about its search, and what its shoppers did not find."""

from mercato.contracts.search import GetSearchRules, ListNoResults, NoResult, StoredRules
from mercato.runtime.reader import Reader
from mercato.services.search import storage
from mercato.services.search.queries.known import read_rules
from mercato.values.messages import Caller


def get_search_rules(reader: Reader, _query: GetSearchRules, _caller: Caller) -> StoredRules:
    return read_rules(reader)


def list_no_results(reader: Reader, query: ListNoResults, _caller: Caller) -> tuple[NoResult, ...]:
    rows = reader.all(storage.LIST_NO_RESULTS, limit_=query.limit)
    return tuple([NoResult(row.typed, row.count, row.last_at) for row in rows])
