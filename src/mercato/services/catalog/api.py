"""Routes of catalog. A published product is the same for everybody: its reply is kept until something of it changes."""

import hashlib

from mercato.contracts.catalog import (
    ChangeProduct,
    CreateProduct,
    GetProduct,
    ListCategories,
    ListProducts,
    Product,
    ReplaceProduct,
    SaveCategory,
)
from mercato.runtime.answers import encode
from mercato.runtime.http.cached import Kept, ReplyCache
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Endpoint, Route
from mercato.runtime.http.routes import Options, asks, does
from mercato.values.messages import Caller, Malformed


def product_of(cache: ReplyCache) -> Endpoint:
    """Answers with a product by its id. The ETag names its version and its content, prices and stock included."""

    async def get_product(edge: Edge, request: Request, caller: Caller) -> Reply:
        if request.query:
            raise Malformed("a product has no query parameters")
        changes = cache.changes
        product = await edge.calls.ask(GetProduct(product_id=request.params["product_id"]), caller)
        body = encode(product)
        etag = f'"{product.version}-{hashlib.sha256(body).hexdigest()[:16]}"'.encode()
        kept = Kept(body, etag, (product.id, *(variant.id for variant in product.variants)))
        if product.status == "active":
            cache.keep(caller.store, request.path, kept, changes)
        return kept.reply(request.headers.get(b"if-none-match"))

    return get_product


def routes(cache: ReplyCache) -> tuple[Route, ...]:
    product = Route(
        "GET",
        "/v1/products/{product_id}",
        product_of(cache),
        "GetProduct",
        reply=Product,
        refusals=GetProduct.refusals,
        hot=True,
        limit="none",
        description="A published product with its prices and what is available. Drafts are for staff only.",
        cache=cache,
    )
    return (product, *_ROUTES)


_ROUTES: tuple[Route, ...] = (
    does(
        "POST",
        "/v1/products",
        CreateProduct,
        Options(status=201, makes={"product_id": "prod"}, location="/v1/products/{product_id}"),
    ),
    asks("GET", "/v1/products", ListProducts),
    does("PUT", "/v1/products/{product_id}", ReplaceProduct),
    does("PATCH", "/v1/products/{product_id}", ChangeProduct),
    asks("GET", "/v1/categories", ListCategories),
    does(
        "POST",
        "/v1/categories",
        SaveCategory,
        Options(status=201, makes={"category_id": "cat"}),
    ),
    does("PUT", "/v1/categories/{category_id}", SaveCategory),
)
