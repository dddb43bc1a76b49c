"""What strangers send, and what goes wrong: forms of other sites, names with HTML, pages about troubles."""

from pathlib import Path

import msgspec
import pytest

from mercato.contracts.catalog import GetProduct, Image, Option, ProductDraft, Spec, VariantDraft
from mercato.contracts.stores import ChangeSettings, OpenStore
from mercato.runtime.http.edge import session_cookie_name
from mercato.values.ids import StoreId
from mercato.values.messages import Caller
from tests.frontends.storefront.browser import COOKIE
from tests.frontends.storefront.shops import ADDRESS, PASSWORD, TestShop, running_shop

EVIL = "<script>alert(1)</script>\"'><b>"
POSTS = (
    "/products/mug",
    "/cart/change",
    "/cart/empty",
    "/checkout",
    "/checkout/preview",
    "/checkout/order",
    "/login",
    "/logout",
    "/signup",
    "/verify",
    "/forgot",
    "/reset",
    "/account/profile",
    "/account/password",
    "/account/delete",
    "/orders/ord_1/cancellation",
    "/orders/ord_1/payment",
    "/test-gateway/pay_1",
)


async def test_forms_of_other_sites_are_refused(shop: TestShop) -> None:
    """S44, for every form of the shop."""
    posts = {route.path for route in shop.shop.routes if route.page and route.method == "POST"}
    assert len(posts) == len(POSTS)
    async with await shop.shopper() as browser:
        for path in POSTS:
            for headers in (
                {"origin": "https://evil.example"},
                {"origin": "null"},
                {},
                {"sec-fetch-site": "cross-site"},
            ):
                status, _, text = await browser.raw("POST", path, data={"quantity": "1"}, headers=headers)
                assert status == 403, path
                assert "That is not possible from here" in text
        await browser.open("/account")
        assert browser.page.heading == "My account"


async def test_names_with_html_are_text_on_every_page(shop: TestShop) -> None:
    """S51: what a browser would run, the browser of the tests would find as a tag."""
    evil_line = EVIL.replace("\n", "")
    await shop.calls.do(ChangeSettings(name=evil_line), shop.staff)
    category = await shop.add_category(1, evil_line, handle="evil")
    draft = ProductDraft(
        "evil",
        EVIL,
        "EUR",
        (VariantDraft((EVIL,), sku=EVIL, price=100, stock_change=5),),
        description=f"<p onclick='alert(1)'>{EVIL}</p><script>alert(2)</script>",
        vendor=EVIL,
        options=(Option(EVIL, (EVIL,)),),
        images=(Image("javascript:alert(1)", EVIL),),
        specs=(Spec(EVIL, EVIL),),
        categories=(category,),
    )
    product = await shop.add_product(3, draft)
    found = await shop.calls.ask(GetProduct(product.id), shop.staff)
    assert found.title == EVIL
    async with await shop.shopper() as browser:
        await browser.open("/account/profile")
        await browser.press("Save", name=evil_line)
        for path in ("/", "/products", "/account", "/products/evil", "/nowhere"):
            await browser.open(path, 404 if path == "/nowhere" else 200)
            assert EVIL in browser.page.text
        await browser.open("/products/evil")
        await browser.press("Add to cart")
        await browser.follow("/checkout")
        await browser.press("Check the order", {**ADDRESS, "delivery_name": EVIL, "delivery_street2": EVIL})
        await browser.press("Order for")
        await browser.press("Pay")
        assert browser.page.text.count(EVIL) > 3
        await browser.follow("/orders/")
        await browser.open(f"/?notice={EVIL}")
        await browser.open("/login?next=/" + EVIL.replace("#", ""))
    assert shop.log.getvalue() == ""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/categories/nothing", 404),
        ("/products/nothing", 404),
        ("/s/nobody/", 404),
        ("/products?sort=bogus", 400),
        ("/products?sort=newest&sort=title", 400),
        ("/products?cursor=x'; DROP TABLE products", 400),
        ("/products?from=-1", 400),
        ("/products?from=%D9%A3", 400),
        ("/products?x=%FF", 400),
        ("/?" + "x" * 9_000, 400),
        ("/cart/empty", 405),
    ],
)
async def test_troubles_have_a_page_with_ways_out(shop: TestShop, path: str, status: int) -> None:
    async with shop.browser() as browser:
        await browser.open("/")
        await browser.open(path, status)
        assert len([link for link in browser.page.links if link.endswith(("/", "/products", "/cart"))]) >= 3
        assert browser.page.heading


async def test_orders_of_nobody_and_of_others_are_alike(shop: TestShop) -> None:
    async with await shop.shopper() as browser:
        for path in ("", "/payment", "/waiting", "/success"):
            await browser.open(f"/orders/ord_{'0' * 32}{path}", 404)
        await browser.open(f"/test-gateway/pay_{'0' * 32}", 404)


async def test_a_fault_of_ours_has_a_page_that_names_the_request_and_nothing_else(
    shop: TestShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop.browser() as browser:
        await browser.open("/")

        async def broken(*_: object) -> None:
            raise RuntimeError("a secret of the house")

        monkeypatch.setattr(shop.shop.node.calls, "ask", broken)
        await browser.open("/products", 500)
        assert browser.page.heading == "A fault of ours"
        assert "req_" in browser.page.text
        assert "secret" not in browser.page.html
        assert "a secret of the house" in shop.log.getvalue()


async def test_too_many_requests_have_a_page(tmp_path: Path) -> None:
    async with running_shop(tmp_path, rate_limits=0.01) as shop:
        await shop.open_store()
        async with shop.browser() as browser:
            statuses = [(await browser.raw("GET", "/"))[0] for _ in range(60)]
            assert statuses[:6] == [200] * 6
            assert 429 in statuses
            while (await browser.raw("GET", "/"))[0] != 429:
                pass  # a slow machine gives a new request away now and then
            await browser.open("/", 429)
            assert browser.page.heading == "One moment, please"


async def test_programs_still_get_problem_documents(shop: TestShop) -> None:
    async with shop.browser() as browser:
        for method, path, status in (("GET", "/v1/nowhere", 404), ("DELETE", "/v1/orders", 405)):
            answered, headers, text = await browser.raw(method, path)
            assert (answered, headers["content-type"]) == (status, "application/problem+json")
            assert msgspec.json.decode(text)["status"] == status


async def _other_store(shop: TestShop) -> StoreId:
    """A second store of the same host, at /s/other."""
    other = StoreId("sto_" + "2" * 32)
    await shop.calls.do(OpenStore(other, "other", "Other Shop", "EUR"), Caller.system(other, "test"))
    return other


async def test_the_token_of_another_store_is_taken_away_and_the_store_can_be_visited(shop: TestShop) -> None:
    name = session_cookie_name(await _other_store(shop))
    async with await shop.shopper() as browser:
        token = browser.cookie
        browser.plant(name, token, "/s/other")
        await browser.open("/s/other/", 403)
        assert browser.cookies("/s/other/") == {COOKIE: token}  # which is not the other store's
        await browser.open("/s/other/")
        assert browser.page.heading == "Other Shop"
        await browser.open("/s/other/login")
        await browser.press("Log in", status=401, email="jo@example.com", password=PASSWORD)
        assert browser.cookies("/") == {COOKIE: token}


async def test_a_session_of_one_store_leaves_those_of_others_on_its_host_as_they_are(shop: TestShop) -> None:
    """Each has a cookie of its own name, for its own paths (I24)."""
    name = session_cookie_name(await _other_store(shop))
    async with await shop.shopper() as browser:
        first = browser.cookie
        browser.prefix = "/s/other"
        await browser.open("/account")
        assert browser.page.heading == "Log in"  # the session of the first store is none here
        assert browser.cookies("/") == {COOKIE: first}
        await shop.sign_up(browser, "jo@other.example.com")
        await browser.open("/login")
        await browser.press("Log in", email="jo@other.example.com", password=PASSWORD)
        await browser.open("/account")
        assert browser.page.heading == "My account"
        second = browser.cookies("/s/other")[name]
        assert browser.cookies("/") == browser.cookies("/s/others") == {COOKIE: first}
        assert browser.cookies("/s/other/cart") == {COOKIE: first, name: second}
        await browser.press("Log out")
        assert browser.cookies("/s/other") == {COOKIE: first}
        browser.prefix = ""
        await browser.open("/account")
        assert browser.page.heading == "My account"
        browser.plant(name, second, "/")  # a session that is over, and not even this store's
        await browser.open("/account")
        assert browser.page.heading == "My account"


async def test_pages_say_what_browsers_may_do_with_them(shop: TestShop) -> None:
    async with shop.browser() as browser:
        for path in ("/", "/login", "/nowhere"):
            _, headers, _ = await browser.raw("GET", path)
            assert headers["cache-control"] == "no-store"
            assert headers["x-frame-options"] == "DENY"
            assert "default-src 'none'" in headers["content-security-policy"]
        page = await browser.open("/")
        for asset in page.assets:
            status, headers, _ = await browser.raw("GET", asset)
            assert (status, headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
            assert headers["x-content-type-options"] == "nosniff"
