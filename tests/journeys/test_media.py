"""A picture's way from a merchant's program to the pages of the shop, by HTTP, with each store of media."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from yarl import URL

from mercato.contracts.catalog import GetMedia, GetProduct, ListProducts, Product
from mercato.runtime.media.folder import FolderMedia
from mercato.runtime.media.opening import place_of
from mercato.services.catalog.domain import upload_name
from mercato.values.clock import HOUR, ManualClock, SystemClock
from mercato.values.ids import MediaId
from mercato.values.messages import NotFound
from tests.journeys.town import Person, Town, opened
from tests.runtime.media.test_s3 import SERVER, make_bucket, needs_server
from tests.services.catalog.photographs import NO_PICTURES, photograph
from tests.services.catalog.photographs import opened as decoded
from tests.services.conftest import until

HARMLESS = {
    "cache-control": "public, max-age=31536000, immutable",
    "content-disposition": "attachment",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}


@pytest.fixture(params=["folder", pytest.param("s3", marks=needs_server)])
async def town(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    """A shop with each store of media. An S3 server knows what time it is."""
    media = SERVER if request.param == "s3" else ""
    if media:
        await make_bucket(place_of(media))
    async with opened(tmp_path, ManualClock(SystemClock().now()), media=media) as made:
        made.store = await made.open(made.shop.parts.ids.new("sto")[-16:], "First Shop")
        yield made


class Merchant:
    """Somebody who uploads pictures of one product."""

    def __init__(self, town: Town, staff: Person, product: Product) -> None:
        self.town = town
        self.staff = staff
        self.product = product

    async def ask(self, content: bytes, **given: Any) -> Any:
        body = {"file_name": "a photograph.jpg", "content_type": "image/jpeg", "size": len(content), **given}
        answer = await self.staff.send("POST", f"/v1/products/{self.product.id}/media", body)
        assert answer.status == 201, answer.body
        assert answer.headers["location"] == f"/v1/media/{answer.json()['media']['id']}"
        return answer.json()

    async def upload(self, asked: Any, content: bytes) -> int:
        upload = asked["upload"]
        url = URL(upload["url"], encoded=True)
        http = self.town.http
        async with http.request(upload["method"], url, data=BytesIO(content), headers=upload["headers"]) as reply:
            return reply.status

    async def complete(self, asked: Any) -> Any:
        """What became of an upload."""
        where = f"/v1/media/{asked['media']['id']}"
        answer = await self.staff.send("POST", f"{where}/completion")
        assert (answer.status, answer.json()["state"]) == (202, "checking")
        async with asyncio.timeout(30):
            while (media := await self.staff.get(where))["state"] == "checking":  # noqa: ASYNC110 - as a program would
                await asyncio.sleep(0.05)
        return media

    async def show(self, content: bytes, **given: Any) -> Any:
        asked = await self.ask(content, **given)
        assert await self.upload(asked, content) in (200, 204)
        media = await self.complete(asked)
        assert media["state"] == "ready", media["reason"]
        return media

    async def is_gone(self, asked: Any) -> bool:
        """Whether nothing is left of what was uploaded."""
        await self.town.quiet()
        key = f"{self.town.store}/{upload_name(asked['media']['id'])}"
        with pytest.raises(NotFound):
            await self.town.shop.media.get(key)
        return True


@pytest.fixture
async def merchant(town: Town) -> Merchant:
    return await merchant_of(town)


async def merchant_of(town: Town) -> Merchant:
    await town.product("linen-shirt")
    product = await town.calls.ask(GetProduct(handle="linen-shirt"), town.system())
    return Merchant(town, await town.staff(), product)


async def test_a_merchants_picture_is_seen_by_shoppers(town: Town, merchant: Merchant) -> None:
    content = photograph(2_000, 1_500)
    media = await merchant.show(content, alt="A shirt & its linen")
    picture = media["picture"]
    assert (picture["width"], picture["height"]) == (1_920, 1_440)
    assert [size["width"] for size in picture["sizes"]] == [160, 320, 640, 1_280, 1_920]

    shopper = Person(town)
    for url, kind in [(picture["url"], "JPEG"), *((size["url"], "WEBP") for size in picture["sizes"])]:
        answer = await shopper.send("GET", url)
        assert (answer.status, answer.headers["content-type"]) == (200, f"image/{kind.lower()}")
        assert decoded(answer.body).format == kind
        assert HARMLESS.items() <= answer.headers.items()
        assert "set-cookie" not in answer.headers
        again = await shopper.send("GET", url, If_None_Match=answer.headers["etag"])
        assert (again.status, again.body, HARMLESS.items() <= again.headers.items()) == (304, b"", True)
        head = await shopper.send("HEAD", url)
        assert (head.status, head.headers["content-length"], head.body) == (200, str(len(answer.body)), b"")

    page = (await shopper.send("GET", "/products/linen-shirt")).body.decode()
    srcset = ", ".join(f"{size['url']} {size['width']}w" for size in picture["sizes"])
    assert f'<source type="image/webp" srcset="{srcset}"' in page
    assert f'<img src="{picture["url"]}" alt="A shirt &amp; its linen" width="1920" height="1440">' in page
    cards = (await shopper.send("GET", "/products")).body.decode()
    assert f'srcset="{srcset}"' in cards
    assert (await shopper.get(f"/v1/products/{merchant.product.id}"))["images"] == [picture]
    assert await merchant.is_gone({"media": media})


async def test_the_cart_shows_the_small_picture(town: Town, merchant: Merchant) -> None:
    media = await merchant.show(photograph())
    await town.quiet()
    shopper = await town.person("ann")
    cart = await shopper.add(merchant.product.variants[0].id)
    assert cart["lines"][0]["image"] == media["picture"]["sizes"][1]["url"]


@pytest.mark.parametrize("name", ["a text", "an SVG", "a JPEG cut short", "a bomb", "a page behind the mark of a GIF"])
async def test_what_is_no_picture_is_refused_and_nothing_is_left(town: Town, merchant: Merchant, name: str) -> None:
    content, reason = NO_PICTURES[name]
    asked = await merchant.ask(content)
    assert await merchant.upload(asked, content) in (200, 204)
    media = await merchant.complete(asked)
    assert (media["state"], reason in media["reason"], media["picture"]) == ("refused", True, None)
    assert await merchant.is_gone(asked)
    assert (await Person(town).get(f"/v1/products/{merchant.product.id}"))["images"] == []


async def test_an_upload_that_was_not_asked_for_is_refused(merchant: Merchant) -> None:
    content = photograph()
    asked = await merchant.ask(content)
    assert await merchant.upload(asked, content + b"more") in (400, 403, 413)
    assert await merchant.upload(asked, content[:-1]) in (400, 403)
    forged = {**asked, "upload": {**asked["upload"], "url": asked["upload"]["url"][:-3] + "abc"}}
    assert await merchant.upload(forged, content) == 403
    html = {**asked, "upload": {**asked["upload"], "headers": {"content-type": "text/html"}}}
    assert await merchant.upload(html, content) == 403
    assert await merchant.is_gone(asked)
    assert await merchant.upload(asked, content) in (200, 204)
    assert (await merchant.complete(asked))["state"] == "ready"


async def test_pictures_are_ordered_told_and_taken_off_by_http(town: Town, merchant: Merchant) -> None:
    first, second = await merchant.show(photograph(300, 300)), await merchant.show(photograph(400, 300))
    where, staff = f"/v1/media/{second['id']}", merchant.staff
    changed = await staff.send("PATCH", where, {"position": 0, "alt": "The other"})
    assert (changed.status, changed.json()["picture"]["alt"]) == (200, "The other")
    listed = await staff.get(f"/v1/products/{merchant.product.id}/media")
    assert [media["id"] for media in listed] == [second["id"], first["id"]]
    stale = await staff.send("PATCH", where, {"alt": "Late"}, If_Match=f'"{second["version"]}"')
    assert (stale.status, stale.code) == (409, "conflict")
    assert (await staff.send("DELETE", where)).status == 204
    assert (await staff.send("DELETE", where)).status == 404
    assert [image["media_id"] for image in (await staff.get(f"/v1/products/{merchant.product.id}"))["images"]] == [
        first["id"]
    ]
    await town.quiet()
    for size in second["picture"]["sizes"]:
        assert (await staff.send("GET", size["url"])).status == 404


async def test_a_request_for_an_upload_may_be_repeated(merchant: Merchant) -> None:
    body = {"file_name": "a.png", "content_type": "image/png", "size": 7}
    path = f"/v1/products/{merchant.product.id}/media"
    first = await merchant.staff.send("POST", path, body, Idempotency_Key="once")
    second = await merchant.staff.send("POST", path, body, Idempotency_Key="once")
    assert (first.status, second.status, second.json()["media"]) == (201, 201, first.json()["media"])
    assert len(await merchant.staff.get(path)) == 1
    other = await merchant.staff.send("POST", path, {**body, "size": 8}, Idempotency_Key="once")
    assert (other.status, other.code) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"content_type": "image/svg+xml"}, 422),
        ({"content_type": "text/html"}, 422),
        ({"size": 0}, 422),
        ({"size": 25_000_001}, 422),
        ({"file_name": "a\nb"}, 422),
        ({"file_name": ""}, 422),
        ({"media_id": "med_chosen"}, 422),
        ({"option_value": "Green"}, 422),
    ],
)
async def test_an_upload_that_could_never_be_a_picture_is_refused_at_once(
    merchant: Merchant, given: dict[str, Any], status: int
) -> None:
    body = {"file_name": "../../etc/passwd.jpg", "content_type": "image/jpeg", "size": 7}
    path = f"/v1/products/{merchant.product.id}/media"
    answer = await merchant.staff.send("POST", path, {**body, **given})
    assert (answer.status, await merchant.staff.get(path)) == (status, [])
    assert (await merchant.staff.send("POST", path, body)).status == 201  # a name is only told, never used


async def test_strangers_find_nothing(town: Town, merchant: Merchant) -> None:
    media = await merchant.show(photograph(200, 200))
    where = f"/v1/media/{media['id']}"
    stranger, shopper = Person(town), await town.person("ann")
    other = await town.open(town.shop.parts.ids.new("sto")[-16:], "Second Shop")
    theirs = await town.staff(other, f"/s/{other.removeprefix('sto_')}")
    paths = [("GET", where, None), ("DELETE", where, None), ("PATCH", where, {"alt": "x"})]
    paths += [("POST", f"{where}/completion", None), ("GET", f"/v1/products/{merchant.product.id}/media", None)]
    for method, path, body in paths:
        statuses = [(await who.send(method, path, body)).status for who in (stranger, shopper, theirs)]
        assert statuses == [401, 403, 404], (method, path)
    assert await town.calls.ask(GetMedia(MediaId(media["id"])), town.system())


@pytest.mark.parametrize(
    "path",
    [
        "/media/{store}/uploads",
        "/media/{store}/uploads/{media}",
        "/media/{store}/{media}",
        "/media/{store}/0123456789abcdef0123456789abcdef.svg",
        "/media/{store}/0123456789abcdef0123456789abcdef.jpg",
        "/media/{store}/..%2f..%2fkeys.json",
        "/media/..%2f/0123456789abcdef0123456789abcdef.jpg",
        "/media/%2e%2e/keys.json",
        "/media/{store}/",
    ],
)
async def test_nothing_else_is_served(town: Town, merchant: Merchant, path: str) -> None:
    asked = await merchant.ask(b"unchecked")
    await merchant.upload(asked, b"unchecked")
    url = URL(town.url + path.format(store=town.store, media=asked["media"]["id"]), encoded=True)
    async with town.http.get(url) as reply:
        assert reply.status == 404
        assert b"unchecked" not in await reply.read()


# An origin of its own.


async def test_pictures_have_an_origin_of_their_own(tmp_path: Path) -> None:
    async with opened(tmp_path, media_url="http://media.localhost:1") as town:
        town.store = await town.open("first", "First Shop")
        merchant = await merchant_of(town)
        media = await merchant.show(photograph())
        for url in (media["picture"]["url"], media["picture"]["sizes"][0]["url"]):
            path = url.removeprefix("http://media.localhost:1")
            assert path.startswith("/media/sto_first/")
            served = await Person(town).send("GET", path, Host="media.localhost:1")
            assert (served.status, HARMLESS.items() <= served.headers.items()) == (200, True)
            async with town.http.get(town.url + path, allow_redirects=False) as moved:
                assert (moved.status, moved.headers["location"], await moved.read()) == (302, url, b"")
        page = await Person(town).send("GET", "/products/linen-shirt")
        policy = page.headers["content-security-policy"]
        assert "img-src 'self' https: data: http://media.localhost:1;" in policy
        assert media["picture"]["url"] in page.body.decode()


@pytest.mark.server
@pytest.mark.skipif(not SERVER, reason="no S3 server is up, and MERCATO_TEST_S3 names none")
async def test_pictures_of_a_bucket_are_found_at_its_own_origin(tmp_path: Path) -> None:
    await make_bucket(place_of(SERVER))
    clock = ManualClock(SystemClock().now())
    async with opened(tmp_path, clock, media=SERVER, media_url="https://cdn.example/shop") as town:
        town.store = await town.open(town.shop.parts.ids.new("sto")[-16:], "First Shop")
        merchant = await merchant_of(town)
        media = await merchant.show(photograph())
        url = media["picture"]["url"]
        assert url.startswith(f"https://cdn.example/shop/{town.store}/")
        path = url.removeprefix("https://cdn.example/shop")
        async with town.http.get(f"{town.url}/media{path}", allow_redirects=False) as moved:
            assert (moved.status, moved.headers["location"]) == (302, url)
        page = await Person(town).send("GET", "/products/linen-shirt")
        assert "img-src 'self' https: data: https://cdn.example;" in page.headers["content-security-policy"]


# The folder alone.


async def test_a_browser_may_upload_from_a_page_of_another_origin(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        town.store = await town.open("first", "First Shop")
        merchant = await merchant_of(town)
        content = photograph()
        asked = await merchant.ask(content)
        url = URL(asked["upload"]["url"], encoded=True)
        async with town.http.options(url, headers={"Origin": "https://office.example"}) as reply:
            assert (reply.status, reply.headers["access-control-allow-methods"]) == (204, "PUT")
        async with town.http.put(url, data=BytesIO(content), headers=asked["upload"]["headers"]) as reply:
            assert (reply.status, reply.headers["access-control-allow-origin"]) == (204, "*")


async def test_an_upload_that_breaks_off_or_comes_late_leaves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        town.store = await town.open("first", "First Shop")
        merchant = await merchant_of(town)
        content = photograph()
        asked = await merchant.ask(content)
        address = urlsplit(asked["upload"]["url"])
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nhost: x\r\ncontent-type: image/jpeg\r\n"
        writer.write(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content[:100])
        await writer.drain()
        drafts = tmp_path / "media" / ".drafts"
        await until(lambda: list(drafts.glob("*.new")))
        writer.close()
        await until(lambda: not list(drafts.glob("*.new")))
        assert await merchant.is_gone(asked)
        town.clock.advance(HOUR)
        assert await merchant.upload(asked, content) == 403
        assert await merchant.is_gone(asked)
        assert isinstance(town.shop.media, FolderMedia)


async def test_a_list_and_a_page_without_pictures_are_as_before(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        town.store = await town.open("first", "First Shop")
        await merchant_of(town)
        (card,) = (await town.calls.ask(ListProducts(), town.system())).items
        assert (card.picture, card.image) == (None, "")
        page = await Person(town).send("GET", "/products/linen-shirt")
        assert (page.status, b"<picture>" in page.body) == (200, False)
        assert not (tmp_path / "media").exists()
