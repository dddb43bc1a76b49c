"""Pages for looking around: home, the list of a category, a product."""

import asyncio
from typing import Any, get_args
from urllib.parse import quote

import msgspec
from minijinja import safe

from mercato.contracts.catalog import GetProduct, ListProducts, Picture, Product, Sort
from mercato.frontends.storefront.choosing import Chosen, choose
from mercato.frontends.storefront.search_pages import FACETS, Place, first_of, groups_for, narrowed_list, similar_to
from mercato.frontends.storefront.visit import Visit
from mercato.runtime.http.exchange import Reply
from mercato.values.commerce import MAX_QUANTITY
from mercato.values.messages import Malformed, NotFound

PAGE = 24
NEWEST = 8
FEW = 5  # from so many pieces down a shopper is told how many are left
SORTS = (
    ("newest", "Newest first"),
    ("price_up", "Price, low to high"),
    ("price_down", "Price, high to low"),
    ("title", "Name"),
)
# Where filters are chosen, search makes the list: it has no order by name.
LIST_SORTS = (*SORTS[:3], ("best_selling", "Best selling"))


async def home(visit: Visit) -> Reply:
    shell, newest = await asyncio.gather(visit.shell(), visit.ask(ListProducts(limit=NEWEST)))
    return await visit.show("home.html", categories=shell.roots, cards=newest.items)


async def all_products(visit: Visit) -> Reply:
    about: dict[str, Any] = {"title": "All products", "trail": (), "below": ()}
    return await _list(visit, "", Place("/products", "All products", LIST_SORTS), about)


async def category(visit: Visit) -> Reply:
    shell = await visit.shell()
    handle = visit.request.params["handle"]
    found = shell.find(handle)
    if found is None:
        raise NotFound("there is no such category")
    about = {"title": found.name, "trail": shell.trail(found.parent_id), "below": shell.children(found.id)}
    path = f"/categories/{quote(handle, safe='')}"
    facets = tuple(facet for facet in FACETS if facet != "category")  # those below it are links of the page
    place = Place(path, found.name, LIST_SORTS, given={"category": found.id}, facets=facets)
    return await _list(visit, found.id, place, about)


async def product(visit: Visit) -> Reply:
    found = await visit.ask(GetProduct(handle=visit.request.params["handle"]))
    query = visit.request.query_values()
    chosen = choose(found, query)
    shell = await visit.shell()
    quantity = query.get("quantity", "1")
    return await visit.show(
        "product.html",
        product=found,
        chosen=chosen,
        variant=chosen.variant,
        description=safe(found.description),
        images=_gallery(found, chosen),
        trail=shell.trail(found.categories[0] if found.categories else None),
        quantity=quantity if quantity.isdecimal() and len(quantity) <= len(str(MAX_QUANTITY)) else "1",
        most=MAX_QUANTITY,
        few=FEW,
        similar=await similar_to(visit, found.id),
    )


async def _list(visit: Visit, category_id: str, place: Place, about: dict[str, Any]) -> Reply:
    """The list of the catalogue, or of search where filters are chosen. Without search there are no filters."""
    narrowed = await narrowed_list(visit, place)
    if narrowed is not None:
        return await visit.show("search.html", categories=(), popular=(), **{**narrowed, **about})
    query = dict(visit.request.query_pairs())
    sort = _sort_of(query.get("sort", "newest"))
    first = first_of(query.get("from", "1"))
    page = await visit.ask(ListProducts(category_id, sort, query.get("cursor", ""), PAGE))
    return await visit.show(
        "list.html",
        path=safe(place.path),
        sorts=SORTS,
        sort=sort,
        cards=page.items,
        first=first,
        last=first + len(page.items) - 1,
        next=page.next,
        **await groups_for(visit, place),
        **about,
    )


def _sort_of(text: str) -> Sort:
    if text not in get_args(Sort):
        raise Malformed("there is no such order of products")
    return text  # type: ignore[return-value]


def _gallery(found: Product, chosen: Chosen) -> list[Picture]:
    """The pictures, beginning with the chosen variant's own. Pictures without a text are described by the title."""
    images = list(found.images)
    if chosen.variant is not None and chosen.variant.image:
        own = next((image for image in images if image.url == chosen.variant.image), Picture(chosen.variant.image, ""))
        images = [own, *(image for image in images if image.url != own.url)]
    return [image if image.alt else msgspec.structs.replace(image, alt=found.title) for image in images]
