"""Lists and products: order, pages, categories, what a card tells."""

import msgspec

from mercato.contracts.catalog import ProductDraft, Spec, VariantDraft
from tests.frontends.storefront.shops import TestShop


async def test_a_category_shows_its_own_products_in_the_chosen_order_page_by_page(shop: TestShop) -> None:
    category = await shop.add_category(1, "Kitchen")
    await shop.add_tee()
    for number in range(10, 40):
        draft = ProductDraft(
            f"cup-{number}",
            f"Cup {number}",
            "EUR",
            (VariantDraft(price=5000 - 10 * number, stock_change=1),),
            categories=(category,),
        )
        await shop.add_product(number, draft)
    async with shop.browser() as browser:
        await browser.open("/categories/kitchen")
        assert browser.page.heading == "Kitchen"
        assert "Products 1 to 24" in browser.page.text
        await browser.follow("sort=price_up")
        assert _cups(browser.page.links) == [f"cup-{number}" for number in range(39, 15, -1)]
        await browser.follow("cursor=")
        assert "Products 25 to 30" in browser.page.text
        assert _cups(browser.page.links) == [f"cup-{number}" for number in range(15, 9, -1)]
        assert "sort=price_up" in browser.page.path
        await browser.follow("/categories/kitchen?sort=price_up")
        assert "Products 1 to 24" in browser.page.text
        await browser.follow("sort=title")
        assert _cups(browser.page.links)[:2] == ["cup-10", "cup-11"]
        await browser.open("/products?sort=price_up")
        assert "/products/tee" in browser.page.links
        await browser.open("/categories/kitchen?sort=price_up")
        assert "/products/tee" not in browser.page.links


async def test_a_card_tells_range_reduction_and_what_is_sold_out(shop: TestShop) -> None:
    mug = await shop.add_mug(price=1690, stock=2)
    await shop.add_tee()
    async with shop.browser() as browser:
        await browser.open("/products")
        assert "from now €24.90 was €29.90 to €26.90" in browser.page.text or "from €24.90" in browser.page.text
        assert "Sold out" not in browser.page.text
        await shop.take_stock(mug, 2)
        await browser.open("/products")
        assert "€16.90 Sold out" in browser.page.text


async def test_a_product_has_its_description_as_html_and_a_table_of_specs(shop: TestShop) -> None:
    draft = ProductDraft(
        "chair",
        "Chair",
        "EUR",
        (VariantDraft(price=100, stock_change=1),),
        description="<p>For <strong>sitting</strong>.</p>",
        specs=(Spec("Legs", "4"),),
    )
    await shop.add_product(5, msgspec.structs.replace(draft, vendor="Wood & Co"))
    async with shop.browser() as browser:
        await browser.open("/products/chair")
        assert "<p>For <strong>sitting</strong>.</p>" in browser.page.html
        assert "Legs 4" in browser.page.text
        assert "Wood & Co" in browser.page.text
        assert "Only 1 left" in browser.page.text


async def test_an_empty_shop_says_so(shop: TestShop) -> None:
    async with shop.browser() as browser:
        await browser.open("/")
        assert "There is nothing for sale yet" in browser.page.text
        await browser.open("/products")
        assert "There is nothing here at the moment" in browser.page.text


async def test_a_new_category_and_a_new_name_are_seen_at_once(shop: TestShop) -> None:
    async with shop.browser() as browser:
        await browser.open("/")
        await shop.add_category(1, "Kitchen")
        await browser.open("/")
        assert "/categories/kitchen" in browser.page.links


def _cups(links: list[str]) -> list[str]:
    return [link.removeprefix("/products/") for link in links if link.startswith("/products/cup-")]
