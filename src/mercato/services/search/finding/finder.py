"""The finder: from what is wanted to what is found, on any engine."""

import msgspec

from mercato.contracts.search import DEEPEST, SearchRules
from mercato.services.search.domain import Found, FoundHit, SuggestedWords, Wanted
from mercato.services.search.finding.documents import Candidate
from mercato.services.search.finding.facets import is_filtered, shown, without
from mercato.services.search.finding.index import Index
from mercato.services.search.finding.plan import Answer, Counts, Group, Part, Phrase, Plan, Term
from mercato.services.search.finding.understanding import Need, understand
from mercato.values.ids import ProductId

FEW = 24  # hits with all words; where there are fewer, those with some words follow

_decoder = msgspec.msgpack.Decoder(Candidate)


class Finder:
    """Searches in an index. Thread-safe; what is typed never raises."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def find(self, wanted: Wanted) -> Found:
        understood = understand(wanted.text, wanted.rules, self._index.vocabulary(wanted.store))
        plan = Plan(
            store=wanted.store,
            groups=tuple(_group(need) for need in understood.needs),
            filters=wanted.filters,
            sort=wanted.sort,
            offset=wanted.offset,
            limit=max(0, min(wanted.limit, DEEPEST - wanted.offset)),
        )
        answer = self._index.run(plan)
        if answer.total < FEW and len(plan.groups) > 1:
            plan = msgspec.structs.replace(plan, least=_least(len(plan.groups)))
            answer = self._index.run(plan)
        return Found(
            hits=_hits(answer),
            total=answer.total,
            facets=self._facets(plan, wanted.facets),
            words=understood.words,
            searched=understood.mended if answer.total else "",
        )

    def suggest(self, store: str, typed: str, limit: int, rules: SearchRules) -> SuggestedWords:
        understood = understand(typed, rules, self._index.vocabulary(store))
        words = self._index.vocabulary(store).starting(typed.strip().lower(), limit)
        answer = self._index.run(Plan(store, tuple(_group(need) for need in understood.needs), limit=limit))
        return SuggestedWords(tuple(near.word for near in words), tuple(hit.id for hit in _hits(answer)))

    def similar(self, store: str, product_id: ProductId, limit: int) -> tuple[FoundHit, ...]:
        """Products like this one, the most alike first; none where the store has no such product."""
        own = self._index.run(Plan(store, only=(product_id,), limit=1)).hits
        if not own:
            return ()
        candidate = _decoder.decode(own[0].payload)
        understood = understand(f"{candidate.kind} {candidate.title}", SearchRules(), self._index.vocabulary(store))
        groups = tuple(_group(need) for need in understood.needs)
        return _hits(self._index.run(Plan(store, groups, 1, excluded=(product_id,), limit=limit)))

    def _facets(self, plan: Plan, names: tuple[str, ...]) -> Counts:
        """A facet that is filtered is counted without its own filter, all others together."""
        filtered = [name for name in names if is_filtered(plan.filters, name)]
        rest = [name for name in names if name not in filtered]
        counts = self._index.count(plan, rest) if rest else {}
        for name in filtered:
            filters = without(plan.filters, name)
            counts |= self._index.count(msgspec.structs.replace(plan, filters=filters), [name])
        return shown({name: counts[name] for name in names})


def _group(need: Need) -> Group:
    parts: list[Part] = []
    for way in need.ways:
        if len(way.stems) == 1:
            parts += (Term(field, way.stems[0], weight * way.weight) for field, weight in _WEIGHTS.items())
            parts += (Term(field, way.words[0], 2.0 * way.weight) for field in ("forms", "codes"))
        else:
            parts += (Phrase(field, way.stems, weight * way.weight) for field, weight in _WEIGHTS.items())
    return Group(tuple(parts), tie=0.3)


_WEIGHTS = {"title": 2.0, "brand": 1.5, "kind": 1.0, "more": 1.0, "body": 0.6}


def _least(groups: int) -> int:
    return 1 if groups <= 2 else (2 * groups + 2) // 3  # noqa: PLR2004 - one of two, two of three, three of four


def _hits(answer: Answer) -> tuple[FoundHit, ...]:
    return tuple(FoundHit(_decoder.decode(hit.payload).id, hit.score) for hit in answer.hits)
