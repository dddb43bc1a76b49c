"""Suggesting: what may be meant while it is being typed."""

from mercato.contracts.search import Mark, Suggest, SuggestedCategory, SuggestedProduct, Suggestions
from mercato.runtime.database.statements import as_list
from mercato.runtime.reader import Reader
from mercato.services.search import storage
from mercato.services.search.indexer import Serving
from mercato.services.search.queries.changes import read_described
from mercato.services.search.queries.known import Known
from mercato.services.search.text.analysis import analyse, words_of
from mercato.values.messages import Caller


def suggest(serving: Serving, known: Known, reader: Reader, query: Suggest, _caller: Caller) -> Suggestions:
    words = words_of(query.prefix)
    if not words:
        return Suggestions((), (), ())
    found = serving.finder().suggest(reader.store, query.prefix, query.limit, known.rules(reader))
    rows = {row.id: row for row in reader.all(storage.FIND_CARDS, ids=as_list(found.products))}
    shown = [rows[product_id] for product_id in found.products if product_id in rows]
    tree = known.tree(reader)
    categories = tree.beginning(query.prefix)[: query.limit]
    return Suggestions(
        terms=found.terms,
        products=tuple([_product(row.body, words) for row in shown if row.status == "active"]),
        categories=tuple([SuggestedCategory(row.name, tree.path(row), row.handle) for row in categories]),
    )


def _product(body: str, words: list[str]) -> SuggestedProduct:
    told = read_described(body)
    image = told.picture.url if told.picture else ""
    return SuggestedProduct(told.title, told.handle, image, _marks(told.title, words))


def _marks(title: str, words: list[str]) -> tuple[Mark, ...]:
    """Where words of the title are, or begin with, what was typed."""
    *whole, last = words
    return tuple(
        [
            Mark(word.start, word.end if word.text in whole else min(word.end, word.start + len(last)))
            for word in analyse(title).words
            if word.text in whole or word.text.startswith(last)
        ]
    )
