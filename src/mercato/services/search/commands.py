"""What may be changed in search: the rules of a store, and what search notes for itself."""

from mercato.contracts.search import SetSearchRules, StoredRules, UnknownWeight
from mercato.runtime.database.statements import as_list
from mercato.runtime.transaction import Transaction, encode
from mercato.services.search import storage
from mercato.services.search.listeners import advance
from mercato.services.search.messages import (
    RULES,
    AskToldAgain,
    CountNoResults,
    RebuildIndex,
    RecordToldAgain,
    TellSold,
)
from mercato.services.search.queries.known import read_rules
from mercato.values.messages import Caller, Conflict

MOST_NO_RESULTS = 1_000  # of a store; the oldest are forgotten


def set_search_rules(weights: frozenset[str], tx: Transaction, command: SetSearchRules, _caller: Caller) -> StoredRules:
    """`weights` are the names of those that there are. Who speaks another language has all entries written again."""
    rules = command.rules
    if unknown := sorted(rules.weights.keys() - weights):
        raise UnknownWeight(f"there is no weight {unknown[0]!r}", weights=sorted(weights))
    known = read_rules(tx)
    if command.if_version is not None and command.if_version != known.version:
        raise Conflict
    after = StoredRules(rules, known.version + 1)
    tx.run(
        storage.SAVE_RULES,
        name=storage.RULES,
        version=after.version,
        language=rules.language,
        body=encode(rules).decode(),
    )
    if rules.language != known.rules.language:
        advance(tx)
        tx.derive(storage.TELL_INDEX_OF_STORE)
    tx.changed(RULES)
    return after


def tell_sold(tx: Transaction, command: TellSold, _caller: Caller) -> None:
    advance(tx)
    for product_id in command.product_ids:
        tx.derive(storage.TELL_INDEX, product_id=product_id)
    tx.run(storage.SET_TOLD, product_ids=as_list(command.product_ids))


def count_no_results(tx: Transaction, command: CountNoResults, _caller: Caller) -> None:
    for typed, count in command.counts.items():
        tx.defer(storage.COUNT_NO_RESULT, typed=typed, count=count, last_at=tx.now)
    latest = tx.all(storage.LIST_NO_RESULTS_SINCE, limit_=MOST_NO_RESULTS + 1)
    if len(latest) > MOST_NO_RESULTS:
        tx.run(storage.FORGET_NO_RESULTS, before=latest[-2].last_at)


def record_told_again(tx: Transaction, _command: RecordToldAgain, _caller: Caller) -> None:
    tx.run(storage.SET_MARK, name=storage.TOLD, number=1)


def ask_told_again(tx: Transaction, _command: AskToldAgain, _caller: Caller) -> None:
    tx.run(storage.SET_MARK, name=storage.TOLD, number=0)


def rebuild_index(tx: Transaction, _command: RebuildIndex, _caller: Caller) -> None:
    tx.run(storage.ADVANCE, name=storage.REBUILDS, number=1)
    advance(tx)
