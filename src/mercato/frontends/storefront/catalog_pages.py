"""Pages for looking around: home, the list of a category, a product."""

import asyncio
from typing import Any, get_args
from urllib.parse import quote

import msgspec
from minijinja import safe

from mercato.contracts.catalog import GetProduct, ListProducts, Picture, Product, Sort
from mercato.frontends.storefront.choosing import Chosen, choose
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


async def home(visit: Visit) -> Reply:
    shell, newest = await asyncio.gather(visit.shell(), visit.ask(ListProducts(limit=NEWEST)))
    return await visit.show("home.html", categories=shell.roots, cards=newest.items)


async def all_products(visit: Visit) -> Reply:
    return await _list(visit, "", "/products", {"title": "All products", "trail": (), "below": ()})


async def category(visit: Visit) -> Reply:
    shell = await visit.shell()
    handle = visit.request.params["handle"]
    found = shell.find(handle)
    if found is None:
        raise NotFound("there is no such category")
    about = {"title": found.name, "trail": shell.trail(found.parent_id), "below": shell.children(found.id)}
    return await _list(visit, found.id, f"/categories/{quote(handle, safe='')}", about)


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
    )


async def _list(visit: Visit, category_id: str, path: str, about: dict[str, Any]) -> Reply:
    query = visit.request.query_values()
    sort = _sort_of(query.get("sort", "newest"))
    first = _first_of(query.get("from", "1"))
    page = await visit.ask(ListProducts(category_id, sort, query.get("cursor", ""), PAGE))
    return await visit.show(
        "list.html",
        path=safe(path),
        sorts=SORTS,
        sort=sort,
        cards=page.items,
        first=first,
        last=first + len(page.items) - 1,
        next=page.next,
        **about,
    )


def _sort_of(text: str) -> Sort:
    if text not in get_args(Sort):
        raise Malformed("there is no such order of products")
    return text  # type: ignore[return-value]


def _first_of(text: str) -> int:
    """The place in its list of the first product on a page: only for show."""
    if not text.isascii() or not text.isdecimal() or len(text) > len("1000000"):
        raise Malformed("`from` is a number")
    return max(1, int(text))


def _gallery(found: Product, chosen: Chosen) -> list[Picture]:
    """The pictures, beginning with the chosen variant's own. Pictures without a text are described by the title."""
    images = list(found.images)
    if chosen.variant is not None and chosen.variant.image:
        own = next((image for image in images if image.url == chosen.variant.image), Picture(chosen.variant.image, ""))
        images = [own, *(image for image in images if image.url != own.url)]
    return [image if image.alt else msgspec.structs.replace(image, alt=found.title) for image in images]
