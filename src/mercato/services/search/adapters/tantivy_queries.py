"""Plans as tantivy's queries, and its counts as those of facets."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import tantivy

from mercato.services.search.adapters.tantivy_schema import NAMED, field_of
from mercato.services.search.domain import Filters
from mercato.services.search.finding.documents import ALL, key_of
from mercato.services.search.finding.facets import MOST_VALUES, PRICE_EDGES, RATING_EDGES
from mercato.services.search.finding.plan import Counts, Group, Part, Phrase, Plan, Term

_Clause = tuple[tantivy.Occur, tantivy.Query]

MUST, SHOULD, MUST_NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot
HIGHEST = 2**62
_SEGMENT = (
    5 * MOST_VALUES
)  # values that each segment gives: enough for exact counts of those that are shown, nearly always


def query_of(schema: tantivy.Schema, plan: Plan, scores: bool = True) -> tantivy.Query:
    """Without `scores` it matches the same entries, for less."""
    groups = _Groups(schema, plan.store)
    clauses = _filters(schema, plan)
    needed = [groups.query(group, scores) for group in plan.groups if not group.optional]
    least = len(needed) if plan.least is None else min(plan.least, len(needed))
    if plan.also and needed:
        either = [(SHOULD, _matching(needed, least)), (SHOULD, _keys(schema, plan.store, plan.also))]
        clauses.append((MUST, tantivy.Query.boolean_query(either)))
    elif least == len(needed):
        clauses += [(MUST, group) for group in needed]
    else:
        clauses.append((MUST, _matching(needed, least)))
    if scores:
        clauses += [(SHOULD, groups.scoring(group)) for group in plan.groups if group.optional]
    if plan.excluded:
        clauses.append((MUST_NOT, _keys(schema, plan.store, plan.excluded)))
    return tantivy.Query.boolean_query(clauses)


def aggregations(facets: Sequence[str]) -> dict[str, Any]:
    """What to count, by the place of the facet."""
    return {str(place): _aggregation(name) for place, name in enumerate(facets)}


def counts_of(facets: Sequence[str], counted: dict[str, Any], names: Mapping[int, str]) -> Counts:
    """`names` are the values of the numbers that are counted in their place."""
    found: Counts = {}
    for place, name in enumerate(facets):
        pairs = [(bucket["key"], int(bucket["doc_count"])) for bucket in counted[str(place)]["buckets"]]
        named = [(names.get(int(key), "") if name in NAMED else str(key), count) for key, count in pairs]
        found[name] = tuple(
            sorted((pair for pair in named if pair[0] and pair[1]), key=lambda pair: (-pair[1], pair[0]))
        )
    return found


def _matching(groups: Sequence[tantivy.Query], least: int) -> tantivy.Query:
    return tantivy.Query.boolean_query([(SHOULD, group) for group in groups], minimum_number_should_match=least)


def _keys(schema: tantivy.Schema, store: str, products: Sequence[str]) -> tantivy.Query:
    return tantivy.Query.term_set_query(schema, "key", [key_of(store, product) for product in products])


class _Groups(msgspec.Struct, frozen=True):
    """Groups as queries, for one store: what matches by the field of all words matches in that store only."""

    schema: tantivy.Schema
    store: str

    def query(self, group: Group, scores: bool) -> tantivy.Query:
        if not group.matches:
            return self.scoring(group) if scores else self._any(group.parts)
        matches = self._any(group.matches)
        if not scores:
            return matches
        unscored = tantivy.Query.const_score_query(matches, 0.0)
        return tantivy.Query.boolean_query([(MUST, unscored), (SHOULD, self.scoring(group))])

    def scoring(self, group: Group) -> tantivy.Query:
        parts = [self._part(part) for part in group.parts]
        return parts[0] if len(parts) == 1 else tantivy.Query.disjunction_max_query(parts, group.tie)

    def _any(self, given: Sequence[Part]) -> tantivy.Query:
        parts = [self._part(part) for part in given]
        return parts[0] if len(parts) == 1 else tantivy.Query.boolean_query([(SHOULD, part) for part in parts])

    def _part(self, part: Part) -> tantivy.Query:
        if isinstance(part, Phrase):
            query = tantivy.Query.phrase_query(self.schema, part.field, list(part.words), part.slop)
        elif part.field == ALL:
            query = tantivy.Query.term_query(self.schema, ALL, key_of(self.store, part.word), "basic")
        else:
            query = tantivy.Query.term_query(self.schema, part.field, part.word, "freq")
        return query if part.weight == 1.0 else tantivy.Query.boost_query(query, part.weight)


def _filters(schema: tantivy.Schema, plan: Plan) -> list[_Clause]:
    """Everything that a hit must have besides words. The store is left out where words or keys say it already: looking
    at each of its entries costs as much as a common word."""
    needed = [*_values(schema, plan.filters), *_ranges(schema, plan.filters)]
    if plan.only:
        needed.append(_keys(schema, plan.store, plan.only))
    elif not _names_store(plan.groups):
        needed.append(tantivy.Query.term_query(schema, "store", plan.store, "basic"))
    score = 0.0 if plan.groups else 1.0 / max(1, len(needed))
    return [(MUST, tantivy.Query.const_score_query(query, score)) for query in needed]


def _names_store(groups: Sequence[Group]) -> bool:
    """Whether every hit has one of these words in the field whose words are by store."""
    needed = [group.matches or group.parts for group in groups if not group.optional]
    return bool(needed) and all(isinstance(part, Term) and part.field == ALL for parts in needed for part in parts)


def _values(schema: tantivy.Schema, filters: Filters) -> list[tantivy.Query]:
    return [
        tantivy.Query.term_query(schema, field_of(name), values[0], "basic")
        if len(values) == 1
        else tantivy.Query.boolean_query(
            [(SHOULD, tantivy.Query.term_query(schema, field_of(name), value, "basic")) for value in values]
        )
        for name, values in filters.values.items()
        if values
    ]


def _ranges(schema: tantivy.Schema, filters: Filters) -> list[tantivy.Query]:
    found: list[tantivy.Query] = []
    lowest, highest = filters.price
    if lowest is not None or highest is not None:
        found.append(_range(schema, "price", lowest or 0, HIGHEST if highest is None else highest))
    if filters.rating:
        found.append(_range(schema, "rating", filters.rating, HIGHEST))
    if filters.in_stock:
        found.append(_range(schema, "available", 1, 1))
    return found


def _range(schema: tantivy.Schema, field: str, lowest: int, highest: int) -> tantivy.Query:
    if field == "available":
        return tantivy.Query.term_query(schema, field, 1, "basic")
    return tantivy.Query.range_query(schema, field, tantivy.FieldType.Integer, lowest, highest)


def _aggregation(name: str) -> dict[str, Any]:
    edges = {"price": PRICE_EDGES, "rating": RATING_EDGES}.get(name)
    if edges is None:
        return {"terms": {"field": NAMED.get(name) or field_of(name), "size": MOST_VALUES, "segment_size": _SEGMENT}}
    uppers: tuple[int | None, ...] = (*edges[1:], None)
    ranges = [
        {"key": str(low), "from": low} | ({} if high is None else {"to": high})
        for low, high in zip(edges, uppers, strict=True)
    ]
    return {"range": {"field": name, "ranges": ranges}}
