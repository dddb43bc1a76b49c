"""Searching by the storefront: the box on every page, results, filters, ways out, brands, what is alike."""

import asyncio

import msgspec

from mercato.contracts.catalog import Option, ProductDraft, VariantDraft
from mercato.contracts.search import Redirect, SearchProducts, SearchRules, SetSearchRules
from mercato.values.ids import CategoryId
from tests.frontends.storefront.browser import Browser
from tests.frontends.storefront.shops import TestShop

EVIL = "<script>alert(1)</script>"


async def filled(shop: TestShop) -> CategoryId:
    """Forty cups in a category, a pair of boots in two sizes, and another one: all of them can be found."""
    category = await shop.add_category(1, "Kitchen")
    for number in range(10, 50):
        draft = ProductDraft(
            f"cup-{number}", f"Cup {number}", "EUR", (VariantDraft(price=100 * number, stock_change=1),),
            categories=(category,), vendor="Clay" if number % 2 else "Glass & Co", status="active",
        )  # fmt: skip
        await shop.add_product(number, draft)
    sizes = tuple(VariantDraft((size,), price=9_000, stock_change=2) for size in ("41", "42"))
    boots = ProductDraft("boots", "Rubber Boots", "EUR", sizes, options=(Option("Size", ("41", "42")),), vendor="Rain")
    await shop.add_product(1, boots)
    other = msgspec.structs.replace(boots, handle="leather", title="Leather Boots", description="<p>Not of rubber.</p>")
    await shop.add_product(2, other)
    async with asyncio.timeout(20):
        while (await shop.calls.ask(SearchProducts(in_stock=True, price_min=1), shop.staff)).total < 42:  # noqa: ASYNC110 - looks again
            await asyncio.sleep(0.02)
    return category


async def searched(browser: Browser, typed: str) -> str:
    await browser.press("Search", q=typed)
    return browser.page.text


async def test_a_search_from_any_page_leads_to_its_results(shop: TestShop) -> None:
    await filled(shop)
    async with shop.browser() as browser:
        for path in ("/", "/cart", "/login", "/products/boots", "/categories/kitchen"):
            await browser.open(path)
            text = await searched(browser, "rubber boots")
            assert browser.page.heading == 'Results for "rubber boots"'
            assert "/products/boots" in browser.page.links
            assert browser.page.path == "/search?q=rubber+boots"
        assert "Rubber Boots" in text
        assert "<mark>Rubber Boots</mark>" in browser.page.html
        await browser.follow("/products/boots")
        assert browser.page.heading == "Rubber Boots"


async def test_filters_are_ticked_become_chips_and_are_taken_back(shop: TestShop) -> None:
    await filled(shop)
    async with shop.browser() as browser:
        await browser.open("/search?q=cup")
        assert "40 products" in browser.page.text
        assert "Products 1 to 24" in browser.page.text
        await browser.press("Show these", {"brand": "Clay", "price": "", "in_stock": "true"})
        assert "20 products" in browser.page.text
        assert "Remove the filter Brand: Clay" in browser.page.text
        assert "brand=Clay" in browser.page.path
        await browser.follow("sort=price_down")
        cups = [link for link in browser.page.links if link.startswith("/products/cup-")]
        assert cups[:2] == ["/products/cup-49", "/products/cup-47"]
        assert "brand=Clay" in browser.page.path
        await browser.follow("/search?q=cup&sort=price_down")  # without any filter
        assert "40 products" in browser.page.text
        await browser.follow("cursor=")
        assert "Products 25 to 40" in browser.page.text
        await browser.follow("/search?q=cup&sort=price_down")
        assert "Products 1 to 24" in browser.page.text


async def test_what_nothing_fits_has_ways_out(shop: TestShop) -> None:
    await filled(shop)
    async with shop.browser() as browser:
        await browser.open("/search?q=qzxwvk")
        assert "Nothing was found" in browser.page.text
        assert {"/products", "/categories/kitchen"} <= set(browser.page.links)
        assert "What others buy" in browser.page.text
        await browser.open("/search?q=rubber&brand=Clay")
        await browser.follow("/search?q=rubber")
        assert "/products/boots" in browser.page.links


async def test_a_slip_is_forgiven_and_said(shop: TestShop) -> None:
    await filled(shop)
    async with shop.browser() as browser:
        await browser.open("/search?q=rubebr")
        assert 'Nothing fits "rubebr": these fit rubber' in browser.page.text
        assert "/products/boots" in browser.page.links


async def test_nothing_typed_shows_all_products_and_a_redirect_is_followed(shop: TestShop) -> None:
    await filled(shop)
    rules = SearchRules(redirects=(Redirect("returns", "/orders"), Redirect("away", "//evil.example")))
    await shop.calls.do(SetSearchRules(rules), shop.staff)
    async with shop.browser() as browser:
        await browser.open("/search?q=+")
        assert browser.page.path == "/products"
        status, headers, _ = await browser.raw("GET", "/search?q=Returns")
        assert (status, headers["location"]) == (303, "/orders")
        status, headers, _ = await browser.raw("GET", "/search?q=away")
        assert (status, headers["location"]) == (303, "/")


async def test_what_is_typed_is_text_on_the_page(shop: TestShop) -> None:
    await filled(shop)
    async with shop.browser() as browser:
        for typed in (EVIL, '"><b>', "a\u202eb", "%00", "x" * 5_000):
            await browser.open("/")
            await searched(browser, typed)
            assert EVIL not in browser.page.html
        for path in ("/search?q=a&brand=%3Cscript%3E", "/search?q=a&option.%3Cb%3E=%22", "/brands/%3Cscript%3E"):
            status, _, text = await browser.raw("GET", path)
            assert status in (200, 404)
            assert "<script>" not in text
        for path in ("/search?q=a&price=x", "/search?q=a&sort=x", "/search?q=a&rating=x", "/search?q=a&from=x"):
            assert (await browser.raw("GET", path))[0] == 400


async def test_a_category_is_narrowed_like_a_search(shop: TestShop) -> None:
    await filled(shop)
    async with shop.browser() as browser:
        await browser.open("/categories/kitchen")
        await browser.press("Show these", {"brand": "Glass & Co"})
        assert browser.page.heading == "Kitchen"
        assert "20 products" in browser.page.text
        assert browser.page.path.startswith("/categories/kitchen?")
        await browser.follow("/categories/kitchen")
        assert "Name" in browser.page.text  # the list of the catalogue has this order too
        await browser.open("/products?option.size=42")
        assert "2 products" in browser.page.text


async def test_a_brand_has_a_page_and_a_product_has_what_is_like_it(shop: TestShop) -> None:
    await filled(shop)
    async with shop.browser() as browser:
        await browser.open("/products/boots")
        assert "Products like this" in browser.page.text
        assert "/products/leather" in browser.page.links
        await browser.follow("/brands/Rain")
        assert browser.page.heading == "Rain"
        assert "2 products" in browser.page.text
        await browser.press("Show these", {"option.size": "41"})
        assert browser.page.path.startswith("/brands/Rain?")
        await browser.open("/brands/Nobody")
        assert "Nothing was found" in browser.page.text
