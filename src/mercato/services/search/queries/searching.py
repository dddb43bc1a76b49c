"""Searching: what was typed and chosen, as an engine is asked, and what it finds, as shoppers see it."""

from collections.abc import Iterable, Mapping, Sequence

from mercato.contracts.catalog import ProductCard
from mercato.contracts.search import (
    DEEPEST,
    Facet,
    FacetValue,
    FindSimilar,
    Hit,
    Reason,
    Results,
    SearchProducts,
    SearchRules,
)
from mercato.runtime.database.statements import as_list
from mercato.runtime.reader import Reader
from mercato.services.search import storage
from mercato.services.search.domain import Filters, FoundHit, Matching, Wanted
from mercato.services.search.indexer import Serving
from mercato.services.search.queries.changes import read_described
from mercato.services.search.queries.known import Known, Tree, category_id
from mercato.services.search.storage import CardRow
from mercato.services.search.text.analysis import words_of
from mercato.values.ids import ProductId
from mercato.values.messages import Caller, Forbidden, Malformed, NotFound
from mercato.values.page import from_cursor, to_cursor

STAR = 100  # ratings are hundredths of a star
LABELS = {
    "category": "Category",
    "brand": "Brand",
    "price": "Price",
    "rating": "Rating",
    "in_stock": "In stock",
    "seller": "Seller",
}


def search_products(serving: Serving, known: Known, reader: Reader, query: SearchProducts, caller: Caller) -> Results:
    if query.explain and not caller.is_staff:
        raise Forbidden("`explain` is for staff")
    offset = _offset_of(query.cursor)
    rules = known.rules(reader)
    if not offset and query.q and (path := _redirect_of(query.q, rules)):
        return Results((), 0, redirect=path)
    tree = known.tree(reader)
    wanted = Wanted(
        store=reader.store,
        text=query.q,
        filters=_filters_of(query, tree),
        sort=query.sort,
        offset=offset,
        limit=min(query.limit, DEEPEST - offset),
        facets=tuple(dict.fromkeys(name.lower() for name in query.facets)),
        explain=query.explain,
        rules=rules,
        now=reader.now,
    )
    found = serving.finder().find(wanted)
    if not found.total and not caller.is_staff and wanted.filters == Filters():
        serving.miss(reader.store, query.q)
    matching = Matching(found.words, rules.language, len(words_of(query.q)))
    hits = _hits(reader, found.hits, matching)
    following = offset + wanted.limit
    return Results(
        hits=hits,
        total=found.total,
        facets=tuple(
            [_facet(name, found.facets[name], _chosen(name, query, wanted.filters), tree) for name in wanted.facets]
        ),
        next=to_cursor(following) if following < min(found.total, DEEPEST) else None,
        searched=found.searched,
        did_you_mean=found.did_you_mean,
    )


def find_similar(serving: Serving, reader: Reader, query: FindSimilar, _caller: Caller) -> tuple[Hit, ...]:
    row = next(iter(_cards(reader, [query.product_id]).values()), None)
    if row is None:
        raise NotFound("there is no such product")
    return _hits(reader, serving.finder().similar(reader.store, query.product_id, query.limit))


def _offset_of(cursor: str) -> int:
    if not cursor:
        return 0
    (offset,) = from_cursor(cursor, tuple[int])
    if not 0 < offset < DEEPEST:
        raise Malformed("`cursor` is not one that this list gave out: start again without it")
    return offset


def _redirect_of(typed: str, rules: SearchRules) -> str:
    if not rules.redirects:
        return ""
    words = words_of(typed)
    return next((redirect.path for redirect in rules.redirects if words_of(redirect.typed) == words), "")


def _filters_of(query: SearchProducts, tree: Tree) -> Filters:
    values: dict[str, tuple[str, ...]] = {f"option.{name.lower()}": given for name, given in query.options.items()}
    if query.category:
        values["category"] = (category_id(tree, query.category),)
    if query.brand:
        values["brand"] = query.brand
    if query.seller:
        values["seller"] = query.seller
    rating = (query.rating or 0) * STAR
    return Filters(values, (query.price_min, query.price_max), rating, query.in_stock)


# What is shown.


def _hits(reader: Reader, found: Sequence[FoundHit], matching: Matching | None = None) -> tuple[Hit, ...]:
    """Products that have gone since the index heard of them are left out."""
    rows = _cards(reader, [hit.id for hit in found])
    return tuple([_hit(rows[hit.id], hit, matching) for hit in found if hit.id in rows])


def _cards(reader: Reader, ids: Iterable[ProductId]) -> dict[str, CardRow]:
    """The rows of active products."""
    return {row.id: row for row in reader.all(storage.FIND_CARDS, ids=as_list(ids)) if row.status == "active"}


def _hit(row: CardRow, found: FoundHit, matching: Matching | None) -> Hit:
    told = read_described(row.body)
    picture = told.picture
    card = ProductCard(
        id=told.product_id,
        handle=told.handle,
        title=told.title,
        image=picture.url if picture else "",
        image_alt=picture.alt if picture else "",
        price_from=row.price_from,
        price_to=row.price_to,
        compare_at=row.compare_at,
        currency=told.currency,
        available=bool(row.available),
        options=told.options,
        picture=picture,
    )
    reasons = tuple([Reason(name, value) for name, value in found.reasons.items()])
    if matching is None:
        return Hit(card, told.vendor, told.seller, reasons=reasons)
    marks, snippet, snippet_marks = matching.of_product(told.title, told.description)
    return Hit(
        card,
        told.vendor,
        told.seller,
        marks=marks,
        snippet=snippet,
        snippet_marks=snippet_marks,
        reasons=reasons,
    )


def _facet(name: str, counts: Sequence[tuple[str, int]], chosen: frozenset[str], tree: Tree) -> Facet:
    values = [FacetValue(value, _label(name, value, tree), count, value in chosen) for value, count in counts]
    found = {value for value, _ in counts}
    # What was chosen stays, so that it can be taken back.
    values += [
        FacetValue(value, _label(name, value, tree), 0, chosen=True) for value in sorted(chosen) if value not in found
    ]
    return Facet(name, LABELS.get(name) or name.removeprefix("option.").capitalize(), tuple(values))


def _label(name: str, value: str, tree: Tree) -> str:
    node = tree.nodes.get(value) if name == "category" else None
    return node.name if node else value


def _chosen(name: str, query: SearchProducts, filters: Filters) -> frozenset[str]:
    """The values of a facet that are chosen, as the facet writes them."""
    single: Mapping[str, str] = {
        "price": _range(*filters.price) if filters.price != (None, None) else "",
        "rating": str(query.rating or ""),
        "in_stock": "true" if query.in_stock else "",
    }
    if name in single:
        return frozenset({single[name]} - {""})
    return frozenset(filters.values.get(name, ()))


def _range(lowest: int | None, highest: int | None) -> str:
    return f"{'' if lowest is None else lowest}-{'' if highest is None else highest}"
