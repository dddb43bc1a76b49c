"""Plans as OpenSearch's queries, and its buckets as the counts of facets."""

from collections.abc import Iterable, Sequence
from typing import Any

from mercato.services.search.adapters.opensearch_schema import option_of, options_of
from mercato.services.search.domain import Filters
from mercato.services.search.finding.documents import ALL, key_of
from mercato.services.search.finding.facets import MOST_VALUES, PRICE_EDGES, RATING_EDGES
from mercato.services.search.finding.plan import Counts, Group, Part, Phrase, Plan

MOST_CLAUSES = 700  # that score; the server takes 1,024 of all kinds
_COUNTED = 10 * MOST_VALUES  # values that each shard gives
_OPTION = "option."
_FIELDS = {"in_stock": "available"}

Query = dict[str, Any]


def search_of(plan: Plan) -> Query:
    """The body of a search for the hits of a plan."""
    ranked = plan.sort == "relevance"
    query = query_of(plan, scores=ranked)
    if ranked:
        prior = {"field": "prior", "missing": 1.0}
        query = {"function_score": {"query": query, "field_value_factor": prior, "boost_mode": "multiply"}}
    body: Query = {
        "query": query,
        "from": plan.offset,
        "size": plan.limit,
        "track_total_hits": True,
        "_source": ["payload"],
    }
    if not ranked:
        body["sort"] = [{f"order_{plan.sort}": "asc" if plan.sort == "price_up" else "desc"}]
    return body


def count_of(plan: Plan, facets: Sequence[str]) -> Query:
    """The body of a search that only counts."""
    counted = {str(place): _aggregation(name) for place, name in enumerate(facets)}
    return {"query": query_of(plan, scores=False), "size": 0, "track_total_hits": False, "aggs": counted}


def counts_of(facets: Sequence[str], counted: Query) -> Counts:
    found: Counts = {}
    for place, name in enumerate(facets):
        skipped = len(option_of(name, "")) if name.startswith(_OPTION) else 0
        pairs = [(str(each["key"])[skipped:], int(each["doc_count"])) for each in counted[str(place)]["buckets"]]
        found[name] = tuple(
            sorted((pair for pair in pairs if pair[0] and pair[1]), key=lambda pair: (-pair[1], pair[0]))
        )
    return found


def query_of(plan: Plan, *, scores: bool = True) -> Query:
    """Without `scores` it matches the same entries, for less."""
    groups = list(_bounded(plan.groups))
    needed = [_group(group, scores) for group in groups if not group.optional]
    least = len(needed) if plan.least is None else min(plan.least, len(needed))
    clauses: Query = {"filter": list(_filters(plan)), "must_not": []}
    if needed:
        matching = {"bool": {"should": needed, "minimum_should_match": least}}
        if plan.also:
            matching = {"bool": {"should": [matching, _keys(plan.store, plan.also)], "minimum_should_match": 1}}
        clauses["must"] = [matching]
    elif scores:
        clauses["must"] = [{"match_all": {}}]
    if scores:
        clauses["should"] = [_scoring(group) for group in groups if group.optional]
    if plan.excluded:
        clauses["must_not"] = [_keys(plan.store, plan.excluded)]
    return {"bool": clauses}


def _bounded(groups: Iterable[Group]) -> Iterable[Group]:
    """So many groups as there may be clauses: the words that were typed last go without their rarer ways."""
    left = MOST_CLAUSES
    for group in groups:
        parts = group.parts[: max(1, left)]
        left -= len(parts)
        yield group if len(parts) == len(group.parts) else Group(parts, group.tie, group.matches, group.optional)


def _keys(store: str, products: Sequence[str]) -> Query:
    return {"constant_score": {"filter": {"terms": {"key": [key_of(store, each) for each in products]}}, "boost": 0.0}}


def _group(group: Group, scores: bool) -> Query:
    if not group.matches:
        return _scoring(group) if scores else _any(group.parts)
    return {"bool": {"filter": [_any(group.matches)], "should": [_scoring(group)] if scores else []}}


def _scoring(group: Group) -> Query:
    parts = [_part(part) for part in group.parts]
    return parts[0] if len(parts) == 1 else {"dis_max": {"queries": parts, "tie_breaker": group.tie}}


def _any(parts: Sequence[Part]) -> Query:
    """One of these, without a score: words of one field are one clause."""
    words = [part.word for part in parts if not isinstance(part, Phrase) and part.field == ALL]
    others = [_part(part) for part in parts if isinstance(part, Phrase) or part.field != ALL]
    queries = ([{"terms": {ALL: words}}] if words else []) + others
    return queries[0] if len(queries) == 1 else {"bool": {"should": queries, "minimum_should_match": 1}}


def _part(part: Part) -> Query:
    if isinstance(part, Phrase):
        phrase = {"query": " ".join(part.words), "slop": part.slop, "boost": part.weight}
        return {"match_phrase": {part.field: phrase}}
    return {"term": {part.field: {"value": part.word, "boost": part.weight}}}


def _filters(plan: Plan) -> Iterable[Query]:
    """Everything that a hit must have besides words."""
    yield {"term": {"store": plan.store}}
    yield from _values(plan.filters)
    lowest, highest = plan.filters.price
    if lowest is not None or highest is not None:
        bounds = {"gte": lowest, "lte": highest}
        yield {"range": {"price": {name: bound for name, bound in bounds.items() if bound is not None}}}
    if plan.filters.rating:
        yield {"range": {"rating": {"gte": plan.filters.rating}}}
    if plan.filters.in_stock:
        yield {"term": {"available": 1}}
    if plan.only:
        yield {"terms": {"key": [key_of(plan.store, product) for product in plan.only]}}


def _values(filters: Filters) -> Iterable[Query]:
    for name, values in filters.values.items():
        if values and name.startswith(_OPTION):
            yield {"terms": {"options": [option_of(name, value) for value in values]}}
        elif values:
            yield {"terms": {name: list(values)}}


def _aggregation(name: str) -> Query:
    edges = {"price": PRICE_EDGES, "rating": RATING_EDGES}.get(name)
    if edges is not None:
        uppers: tuple[int | None, ...] = (*edges[1:], None)
        ranges = [
            {"key": str(low), "from": low} | ({} if high is None else {"to": high})
            for low, high in zip(edges, uppers, strict=True)
        ]
        return {"range": {"field": name, "ranges": ranges}}
    terms: Query = {"size": MOST_VALUES, "shard_size": _COUNTED, "field": _FIELDS.get(name, name)}
    if name.startswith(_OPTION):
        terms |= {"field": "options", "include": options_of(name)}
    return {"terms": terms}
