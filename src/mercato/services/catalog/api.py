"""Routes of catalog. A published product is the same for everybody: its reply is kept until something of it changes."""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from mercato.contracts.catalog import (
    LARGEST_UPLOAD,
    AwaitedMedia,
    AwaitMedia,
    ChangeMedia,
    ChangeProduct,
    CompleteMedia,
    CreateProduct,
    GetMedia,
    GetProduct,
    ListCategories,
    ListMedia,
    ListProducts,
    Media,
    MediaType,
    Product,
    RemoveMedia,
    ReplaceProduct,
    SaveCategory,
    Text,
    Upload,
)
from mercato.runtime.answers import encode
from mercato.runtime.http.cached import Kept, ReplyCache
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Endpoint, Route
from mercato.runtime.http.routes import Options, asks, does, key_of, read_body
from mercato.runtime.media.store import Expected, MediaStore
from mercato.services.catalog.domain import upload_name
from mercato.values.commerce import Line
from mercato.values.ids import MediaId, ProductId
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


CREATED = 201


class MediaBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be uploaded; `size` in bytes. The rest may be changed later."""

    file_name: Line
    content_type: MediaType
    size: Annotated[int, Meta(ge=1, le=LARGEST_UPLOAD)]
    alt: Text = ""
    variant_id: Annotated[str, Meta(max_length=48)] = ""
    option_value: Annotated[str, Meta(max_length=255)] = ""


_MEDIA_BODY = msgspec.json.Decoder(MediaBody)
_MEDIA = msgspec.json.Decoder(Media)


def media_of(files: MediaStore) -> Endpoint:
    """Asks for an upload. The ticket is made anew for a request that is repeated, and ends when the first one does."""

    async def await_media(edge: Edge, request: Request, caller: Caller) -> Reply:
        body: MediaBody = read_body(request, _MEDIA_BODY)
        command = AwaitMedia(
            MediaId(edge.ids.new("med")), ProductId(request.params["product_id"]), *msgspec.structs.astuple(body)
        )
        key = key_of(request, caller, CREATED)
        if key is None:
            media = await edge.calls.do(command, caller)
        else:
            answer = await edge.calls.do_once(command, caller, key)
            if answer.body is None or answer.status != CREATED:
                return Reply.of_answer(answer)
            media = _MEDIA.decode(answer.body)
        name = f"{caller.store}/{upload_name(media.id)}"
        ticket = files.presign_upload(Expected(name, media.content_type, media.size, media.expires_at))
        upload = Upload(ticket.method, ticket.url, ticket.headers, ticket.expires_at)
        reply = Reply.of(AwaitedMedia(media, upload), CREATED)
        reply.headers = ((b"location", f"/v1/media/{media.id}".encode()),)
        return reply

    return await_media


def routes(cache: ReplyCache, files: MediaStore) -> tuple[Route, ...]:
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
    media = Route(
        "POST",
        "/v1/products/{product_id}/media",
        media_of(files),
        "AwaitMedia",
        allow=AwaitMedia.allow,
        body=MediaBody,
        reply=AwaitedMedia,
        status=201,
        refusals=AwaitMedia.refusals,
        limit="write",
        takes_key=True,
        description="Ask to upload a picture of a product. Send its bytes as `upload` says, then complete it.",
    )
    return (product, media, *_ROUTES)


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
    asks("GET", "/v1/products/{product_id}/media", ListMedia),
    asks("GET", "/v1/media/{media_id}", GetMedia),
    does("POST", "/v1/media/{media_id}/completion", CompleteMedia, Options(status=202)),
    does("PATCH", "/v1/media/{media_id}", ChangeMedia),
    does("DELETE", "/v1/media/{media_id}", RemoveMedia),
    asks("GET", "/v1/categories", ListCategories),
    does(
        "POST",
        "/v1/categories",
        SaveCategory,
        Options(status=201, makes={"category_id": "cat"}),
    ),
    does("PUT", "/v1/categories/{category_id}", SaveCategory),
)
