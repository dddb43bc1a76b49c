"""The finder: from what is wanted to what is found, on any engine."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import msgspec

from mercato.contracts.search import DEEPEST, Pin, SearchRules
from mercato.services.search.domain import Filters, Found, FoundHit, SuggestedWords, Wanted
from mercato.services.search.finding.facets import is_filtered, shown, without
from mercato.services.search.finding.index import Index
from mercato.services.search.finding.kept import Kept
from mercato.services.search.finding.plan import Answer, Counts, Plan, candidate_of
from mercato.services.search.finding.planning import COMMON, any_of, groups_of, least_of, likeness
from mercato.services.search.finding.ranking import CANDIDATES, rank
from mercato.services.search.finding.store_rules import RulesRead
from mercato.services.search.finding.suggesting import complete, terms_of
from mercato.services.search.finding.understanding import MOST_TYPED, Understood, Words, understand
from mercato.services.search.text.analysis import words_of
from mercato.values.ids import ProductId

FEW = 24  # hits with all words; where there are fewer, those with some of the words follow
_FAR_MORE = 5  # times as many hits has another spelling that is worth a question
_SUGGESTED_FROM = 32  # candidates
_KEPT_LETTERS = 3
_MANY_HITS = 10_000
_WORTH_A_THREAD = 20_000  # entries with every word: counting them takes several times what handing it over does
_AT_ONCE = 2


class _Search(msgspec.Struct, frozen=True):
    """One search, under way: what was understood, the plan, what the engine has answered to its first candidates, and
    how many hits there are with all the words as they were typed."""

    understood: Understood
    plan: Plan
    answer: Answer
    exact: int


class Finder:
    """Searches in an index. Thread-safe; nothing that is typed raises. Raises Unavailable where the index does."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._rules = RulesRead()
        self._suggested = Kept[SuggestedWords]()
        self._counted = Kept[Counts]()
        self._beside = ThreadPoolExecutor(_AT_ONCE, "facets")

    def find(self, wanted: Wanted) -> Found:
        """At most `wanted.limit` hits; none from the hit DEEPEST on."""
        understood = self._understand(wanted)
        if wanted.text.strip() and not understood.needs:
            return Found((), 0, dict.fromkeys(wanted.facets, ()))
        pin = self._pin(wanted)
        pinned = self._pinned(wanted, pin)
        boosted = tuple(product for product in pin.boost if product not in pinned)
        plan = _plan(wanted, understood, (*pinned, *boosted))
        counting = self._begin_to_count(wanted, understood, _counted(plan, pinned))
        search = self._search(wanted, understood, plan)
        lifted = (
            self._run(search.plan, only=boosted, excluded=pinned, offset=0, limit=len(boosted)) if boosted else None
        )
        total = search.answer.total + len(pinned) + (lifted.total if lifted else 0)
        hits = self._page(wanted, search, pinned, lifted, pin.boost)
        if counting is not None and search.plan is plan:
            facets = counting.result()
        else:
            facets = self._facets(_counted(search.plan, pinned), wanted.facets, total)
        return Found(
            hits=hits,
            total=total,
            facets=facets,
            words=search.understood.words,
            searched=understood.mended if total else "",
            did_you_mean="" if understood.mended else self._other_spelling(wanted, search),
        )

    def suggest(self, store: str, typed: str, limit: int, rules: SearchRules) -> SuggestedWords:
        """What may be typed next, and products that it would find; of both, the most popular first. For beginnings of
        few letters, which everybody types, answers are kept as long as little has changed."""
        if len(typed) > _KEPT_LETTERS:
            return self._suggest(store, typed, limit, rules)
        key = msgspec.msgpack.encode((store, typed, limit, rules.language))
        return self._suggested.get(key, self._index.mark, lambda: self._suggest(store, typed, limit, rules))

    def _suggest(self, store: str, typed: str, limit: int, rules: SearchRules) -> SuggestedWords:
        completion = complete(typed, self._rules.of(store, rules), self._index.vocabulary(store))
        if completion is None:
            return SuggestedWords((), ())
        plan = Plan(store, completion.groups, sort=completion.sort, limit=_SUGGESTED_FROM)
        candidates = [candidate_of(hit) for hit in self._index.run(plan).hits]
        products = [candidate.id for candidate in candidates[:limit]]
        return SuggestedWords(terms_of(completion, candidates, limit), tuple(products))

    def similar(self, store: str, product_id: ProductId, limit: int) -> tuple[FoundHit, ...]:
        """Products like this one, the most alike first; none where the store has no such product."""
        own = self._index.run(Plan(store, only=(product_id,), limit=1)).hits
        if not own:
            return ()
        candidate = candidate_of(own[0])
        filters = Filters(values={"category": candidate.categories[-1:]}) if candidate.categories else Filters()
        plan = Plan(store, likeness(candidate), 1, filters=filters, excluded=(product_id,), limit=limit)
        return _in_order(self._index.run(plan)) if plan.groups else ()

    def _search(self, wanted: Wanted, understood: Understood, plan: Plan) -> _Search:
        """Search for all words; where that finds few, for some of them, and for what they may have been meant to be."""
        answer = self._index.run(plan)
        exact = answer.total
        if understood.needs and (exact == 0 or (exact < FEW and wanted.sort == "relevance")):
            understood = self._understand(wanted, bold=True)
            groups = groups_of(understood, some=True)
            plan = msgspec.structs.replace(plan, groups=groups, least=least_of(groups))
            answer = self._index.run(plan)
        return _Search(understood, plan, answer, exact)

    def _understand(self, wanted: Wanted, bold: bool = False) -> Understood:
        return understand(wanted.text, self._rules.of(wanted.store, wanted.rules), self._words(wanted.store), bold)

    def _words(self, store: str) -> Words:
        def elsewhere(words: tuple[str, ...]) -> int:
            return self._index.run(Plan(store, (any_of(words),), limit=0)).total

        return Words(self._index.vocabulary(store), elsewhere)

    def _pin(self, wanted: Wanted) -> Pin:
        """What the merchant has said for this search. It leads the order by relevance only."""
        pins = self._rules.of(wanted.store, wanted.rules).pins if wanted.sort == "relevance" else None
        return (pins.get(tuple(words_of(wanted.text[:MOST_TYPED]))) if pins else None) or Pin(typed="-")

    def _pinned(self, wanted: Wanted, pin: Pin) -> tuple[ProductId, ...]:
        """Those of the pinned products that there are and that pass the filters, in the merchant's order."""
        if not pin.products:
            return ()
        plan = Plan(wanted.store, filters=wanted.filters, only=pin.products, limit=len(pin.products))
        there = {candidate_of(hit).id for hit in self._index.run(plan).hits}
        return tuple(product for product in dict.fromkeys(pin.products) if product in there)

    def _page(
        self,
        wanted: Wanted,
        search: _Search,
        pinned: tuple[ProductId, ...],
        lifted: Answer | None,
        boosts: Mapping[ProductId, float],
    ) -> tuple[FoundHit, ...]:
        """The hits of a page: pinned ones, the candidates by their rank, then the others as the engine has them."""
        end = min(wanted.offset + wanted.limit, DEEPEST)
        if end <= wanted.offset:
            return ()
        if wanted.sort != "relevance" or not search.understood.needs:
            return _in_order(search.answer)
        first = search.answer.hits
        candidates = sorted((*first, *lifted.hits), key=lambda hit: -hit.score) if lifted else first
        head = [FoundHit(product, 0.0) for product in pinned]
        head += rank(search.understood, candidates, wanted.rules.weights, boosts, wanted.now)
        page = head[wanted.offset : end]
        missing = end - max(wanted.offset, len(head))
        if missing > 0 and len(first) == CANDIDATES:
            offset = len(first) + max(0, wanted.offset - len(head))
            page += _in_order(self._run(search.plan, offset=offset, limit=missing))
        return tuple(page if wanted.explain else (FoundHit(hit.id, hit.score) for hit in page))

    def _run(self, plan: Plan, **changes: object) -> Answer:
        return self._index.run(msgspec.structs.replace(plan, **changes))

    def _facets(self, plan: Plan, names: Sequence[str], total: int) -> Counts:
        """A facet that is filtered is counted without its own filter, all others together. Counts of very many hits
        are kept as long as little has changed."""
        if total < _MANY_HITS or not names:
            return shown(self._counts(plan, names))
        key = msgspec.msgpack.encode((msgspec.structs.replace(plan, sort="relevance", offset=0, limit=0), names))
        return self._counted.get(key, self._index.mark, lambda: shown(self._counts(plan, names)))

    def _begin_to_count(self, wanted: Wanted, understood: Understood, plan: Plan) -> "Future[Counts] | None":
        """What will have many hits is counted while its candidates are found."""
        least = min([need.count for need in understood.needs], default=understood.entries)
        if least < _WORTH_A_THREAD or not wanted.facets:
            return None
        return self._beside.submit(self._facets, plan, wanted.facets, least)

    def _counts(self, plan: Plan, names: Sequence[str]) -> Counts:
        filtered = [name for name in names if is_filtered(plan.filters, name)]
        rest = [name for name in names if name not in filtered]
        counts = self._index.count(plan, rest) if rest else {}
        for name in filtered:
            filters = without(plan.filters, name)
            counts |= self._index.count(msgspec.structs.replace(plan, filters=filters), [name])
        return {name: counts[name] for name in names}

    def _other_spelling(self, wanted: Wanted, search: _Search) -> str:
        """A spelling that finds far more than what was typed, "" for none."""
        mended = search.understood.mended
        if not mended or search.exact >= FEW:
            return ""
        understood = understand(mended, self._rules.of(wanted.store, wanted.rules), self._words(wanted.store))
        total = self._run(_plan(wanted, understood, ()), offset=0, limit=0).total
        return mended if total > _FAR_MORE * search.exact else ""


def _plan(wanted: Wanted, understood: Understood, excluded: tuple[ProductId, ...]) -> Plan:
    """For relevance the first candidates, else the page itself."""
    ranked = bool(understood.needs) and wanted.sort == "relevance"
    return Plan(
        store=wanted.store,
        groups=groups_of(understood),
        filters=wanted.filters,
        excluded=excluded,
        sort=_order(understood) if wanted.sort == "relevance" else wanted.sort,
        offset=0 if ranked else wanted.offset,
        limit=CANDIDATES if ranked else max(0, min(wanted.limit, DEEPEST - wanted.offset)),
    )


def _counted(plan: Plan, pinned: tuple[ProductId, ...]) -> Plan:
    """What facets count: all that the plan finds, and what was pinned."""
    return msgspec.structs.replace(plan, excluded=(), also=pinned)


def _order(understood: Understood) -> Literal["relevance", "popular"]:
    """What has no words is in the order of popularity. So are the candidates of one common word: so many have it in
    their titles that how often says nothing."""
    needs = understood.needs
    return "popular" if not needs or (len(needs) == 1 and needs[0].count > COMMON) else "relevance"


def _in_order(answer: Answer) -> tuple[FoundHit, ...]:
    return tuple(
        FoundHit(candidate_of(hit).id, hit.score, {"text": hit.score} if hit.score else {}) for hit in answer.hits
    )
