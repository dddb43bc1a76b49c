"""Pages that search makes: results, brands, categories with filters, and what is like a product."""

from typing import Any
from urllib.parse import quote

import msgspec
from minijinja import safe

from mercato.contracts.catalog import ProductCard
from mercato.contracts.search import Facet, FindSimilar, Hit, Results, SearchProducts
from mercato.frontends.storefront.narrowing import (
    OPTION,
    Labels,
    Narrowed,
    Pairs,
    address_of,
    chips_of,
    groups_of,
    parts_of,
    read_narrowed,
)
from mercato.frontends.storefront.visit import Visit, local_path
from mercato.runtime.http.exchange import Reply
from mercato.values.ids import ProductId
from mercato.values.messages import Malformed, Overloaded, Refusal, Unavailable

DOWN = (Unavailable, Overloaded)  # what is raised where search cannot answer now
PAGE = 24
POPULAR = 8
SIMILAR = 4
MOST_OPTIONS = 4  # of which values are shown to choose from
FACETS = ("category", "brand", "price", "in_stock", "rating")
SORTS = (
    ("relevance", "Best match"),
    ("price_up", "Price, low to high"),
    ("price_down", "Price, high to low"),
    ("newest", "Newest first"),
    ("best_selling", "Best selling"),
)


class Shown(msgspec.Struct, frozen=True):
    """A hit as a list shows it: texts in parts, those that match marked."""

    card: ProductCard
    title: tuple[tuple[str, bool], ...]
    snippet: tuple[tuple[str, bool], ...]


class Place(msgspec.Struct, frozen=True):
    """The page that shows results: its `path`, what its addresses `keep` beside filters, and what is always `given`."""

    path: str
    title: str
    sorts: tuple[tuple[str, str], ...] = SORTS
    keep: Pairs = ()
    given: dict[str, Any] = {}
    facets: tuple[str, ...] = FACETS


async def search(visit: Visit) -> Reply:
    """What was typed, narrowed; nothing typed and nothing chosen: all products."""
    narrowed = read_narrowed(visit.request.query_pairs())
    if not narrowed.typed and not narrowed.filters:
        return visit.go("/products")
    place = Place("/search", "Search", keep=(("q", narrowed.typed),))
    try:
        found, values = await find(visit, place, narrowed)
    except DOWN:
        shell = await visit.shell()
        return await visit.show("search_down.html", 503, typed=narrowed.typed, categories=shell.roots)
    if found.redirect:
        return visit.go(local_path(found.redirect))
    shell = await visit.shell()
    popular = () if found.hits else await _popular(visit)
    return await visit.show(
        "search.html", typed=narrowed.typed, categories=shell.roots, popular=popular, trail=(), **values
    )


async def brand(visit: Visit) -> Reply:
    """All products of a brand; one that is new is known a moment later."""
    name = visit.request.params["name"]
    narrowed = read_narrowed(visit.request.query_pairs())
    facets = tuple(facet for facet in FACETS if facet != "brand")
    place = Place(f"/brands/{quote(name, safe='')}", name, given={"brand": (name,)}, facets=facets)
    _, values = await find(visit, place, Narrowed("", _without(narrowed.filters, "brand")))
    return await visit.show("search.html", categories=(), popular=(), trail=(), **values)


async def find(visit: Visit, place: Place, narrowed: Narrowed) -> tuple[Results, dict[str, Any]]:
    """What is found, and what a template shows of it. Raises what search refuses."""
    query = dict(visit.request.query_pairs())
    sort = query.get("sort", "") or place.sorts[0][0]
    if sort not in dict(place.sorts):
        raise Malformed("there is no such order of products")
    first = first_of(query.get("from", "1"))
    wanted = {**place.given, "sort": sort, "limit": PAGE, "cursor": query.get("cursor", ""), "facets": place.facets}
    found = await visit.ask(narrowed.search(**wanted))
    facets = (*found.facets, *await _option_facets(visit, found, narrowed, place))
    shell = await visit.shell()
    labels = Labels(visit.site.formats, shell.store.currency)
    path = visit.base + place.path
    sorted_by = (("sort", sort if sort != place.sorts[0][0] else ""),)
    shown = Narrowed(narrowed.typed, tuple(each for each in narrowed.filters if each[0] not in place.given))
    pairs = (*place.keep, *shown.filters)
    return found, {
        "title": place.title,
        "total": found.total,
        "hits": [_shown(hit) for hit in found.hits],
        "searched": found.searched,
        "instead": _instead(visit, found),
        "action": safe(path),
        "kept": [*place.keep, *sorted_by],
        "chips": chips_of(shown, facets, labels, path, (*place.keep, *sorted_by)),
        "clear": address_of(path, *place.keep, *sorted_by),
        "groups": groups_of(facets, shown, labels),
        "sorts": [(key, text, address_of(path, *pairs, ("sort", key))) for key, text in place.sorts],
        "sort": sort,
        "first": first,
        "last": first + len(found.hits) - 1,
        "beginning": address_of(path, *pairs, *sorted_by),
        "next": None if found.next is None else address_of(
            path, *pairs, *sorted_by, ("from", str(first + len(found.hits))), ("cursor", found.next)
        ),
    }  # fmt: skip


async def similar_to(visit: Visit, product_id: ProductId) -> list[ProductCard]:
    """Products like this one; none where search cannot say."""
    try:
        hits = await visit.ask(FindSimilar(product_id, SIMILAR))
    except Refusal:
        return []
    return [hit.card for hit in hits]


def first_of(text: str) -> int:
    """The place in its list of the first product on a page: only for show."""
    if not text.isascii() or not text.isdecimal() or len(text) > len("1000000"):
        raise Malformed("`from` is a number")
    return max(1, int(text))


async def _option_facets(visit: Visit, found: Results, narrowed: Narrowed, place: Place) -> tuple[Facet, ...]:
    """Values of the options that the products found have, and of those that are chosen."""
    names = [name.lower() for name, _ in narrowed.filters if name.startswith(OPTION)]
    names += [OPTION + option.name.lower() for hit in found.hits for option in hit.card.options]
    wanted = tuple(dict.fromkeys(names))[:MOST_OPTIONS]
    if not wanted:
        return ()
    return (await visit.ask(narrowed.search(**place.given, limit=1, facets=wanted))).facets


async def _popular(visit: Visit) -> list[ProductCard]:
    found = await visit.ask(SearchProducts(sort="best_selling", in_stock=True, limit=POPULAR))
    return [hit.card for hit in found.hits]


def _instead(visit: Visit, found: Results) -> tuple[str, str] | None:
    """Another spelling, and the address of a search for it."""
    if not found.did_you_mean:
        return None
    return found.did_you_mean, address_of(f"{visit.base}/search", ("q", found.did_you_mean))


def _shown(hit: Hit) -> Shown:
    snippet = () if hit.marks else parts_of(hit.snippet, hit.snippet_marks)
    return Shown(hit.card, parts_of(hit.card.title, hit.marks), snippet)


def _without(filters: Pairs, name: str) -> Pairs:
    return tuple(each for each in filters if each[0] != name)


async def narrowed_list(visit: Visit, place: Place) -> dict[str, Any] | None:
    """What a list shows when its address asks for filters; None where it asks for none, or search cannot say."""
    narrowed = read_narrowed(visit.request.query_pairs())
    if not narrowed.filters:
        return None
    try:
        return (await find(visit, place, narrowed))[1]
    except DOWN:
        return None


async def groups_for(visit: Visit, place: Place) -> dict[str, Any]:
    """What a list that search has not made shows to narrow it by: nothing where search cannot say."""
    nothing = Narrowed("", ())
    try:
        found = await visit.ask(nothing.search(**place.given, limit=PAGE, facets=place.facets))
        facets = (*found.facets, *await _option_facets(visit, found, nothing, place))
    except DOWN:
        facets = ()
    shell = await visit.shell()
    labels = Labels(visit.site.formats, shell.store.currency)
    return {"groups": groups_of(facets, nothing, labels), "action": safe(visit.base + place.path)}
