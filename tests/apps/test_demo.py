"""The demo shop: what it has, and that a second run continues what a killed one has begun."""

import asyncio
import stat
from pathlib import Path

import msgspec
import pytest

from mercato.apps import demo
from mercato.apps.demo import DemoAccounts, assortment, draft_of, open_demo
from mercato.contracts.catalog import GetProduct, ListCategories, ListProducts, Product
from mercato.contracts.stores import ListStores, OpenStore, ResolveApiKey
from mercato.contracts.users import GetCredentials
from mercato.frontends.storefront.passwords import hash_of
from mercato.frontends.storefront.pictures.drawing import draw
from mercato.values.ids import StoreId
from mercato.values.messages import Caller
from tests.frontends.storefront.shops import TestShop, running_shop

SYSTEM = Caller.system(demo.STORE, "test")


async def test_the_demo_shop_is_whole_and_its_accounts_work(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        accounts = await open_demo(shop.shop)
        assert accounts is not None
        products = await _products(shop)
        assert len(products) == 62
        assert all(product.status == "active" for product in products)
        assert all(len(product.images) >= 2 for product in products)
        assert all(variant.price for product in products for variant in product.variants)
        assert len({handle for product in products for handle in [product.handle]}) == 62
        assert 10 < sum(not variant.available for product in products for variant in product.variants) < 30
        assert sum(0 < variant.available < 4 for product in products for variant in product.variants) > 10
        assert sum(any(variant.compare_at for variant in product.variants) for product in products) > 10
        categories = await shop.calls.ask(ListCategories(), SYSTEM)
        assert len(categories) == 8
        assert {category.path for category in categories} >= {"Clothing > T-shirts", "Shoes"}
        for category in categories:
            page = await shop.calls.ask(ListProducts(category.id, limit=100), SYSTEM)
            assert len(page.items) >= 5
        holder = await shop.calls.ask(ResolveApiKey(hash_of(accounts.api_key)), SYSTEM)
        assert holder.store == demo.STORE
        async with shop.browser() as browser:
            await browser.open("/login")
            await browser.press("Log in", email=accounts.email, password=accounts.password)
            await browser.open("/account")
            assert accounts.email in browser.page.text


async def test_accounts_are_told_again_and_kept_for_their_owner_alone(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        first = await open_demo(shop.shop)
        assert await open_demo(shop.shop) == first
    async with running_shop(tmp_path) as shop:
        assert await open_demo(shop.shop) == first
        assert len(await _products(shop)) == 62
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert not (tmp_path / "demo.new").exists()


async def test_an_installation_with_a_store_gets_no_demo(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        own = StoreId("sto_" + "7" * 32)
        await shop.calls.do(OpenStore(own, "own", "Own Shop", "EUR"), Caller.system(own, "test"))
        assert await open_demo(shop.shop) is None
        assert len(await shop.calls.ask(ListStores(), Caller.system("", "test"))) == 1
        assert not (tmp_path / "demo.json").exists()


@pytest.mark.parametrize("after", [0, 1, 2, 5, 12, 30, 70])
async def test_a_run_that_was_killed_is_continued_by_the_next(tmp_path: Path, after: int) -> None:
    """Killed after so many commands; then opened again from its files alone."""
    async with running_shop(tmp_path) as shop:
        await _killed(shop, after)
    async with running_shop(tmp_path) as shop:
        accounts = await open_demo(shop.shop)
        assert isinstance(accounts, DemoAccounts)
        products = await _products(shop)
        wanted = {product.handle: draft_of(product) for product in assortment().products}
        assert len(products) == len(wanted)
        for product in products:
            drafts = wanted[product.handle].variants
            assert [variant.available for variant in product.variants] == [draft.stock_change for draft in drafts]
            assert [variant.price for variant in product.variants] == [draft.price for draft in drafts]
        credentials = await shop.calls.ask(GetCredentials(email=demo.EMAIL), SYSTEM)
        assert credentials.verified
        await shop.calls.ask(ResolveApiKey(hash_of(accounts.api_key)), SYSTEM)
        async with shop.browser() as browser:
            await browser.open("/login")
            await browser.press("Log in", email=accounts.email, password=accounts.password)


def test_every_picture_of_the_assortment_can_be_drawn() -> None:
    drafts = [draft_of(product) for product in assortment().products]
    urls = {image.url for draft in drafts for image in draft.images}
    urls |= {variant.image for draft in drafts for variant in draft.variants}
    assert len(urls) > 150
    for url in urls:
        assert draw(url.removeprefix("/pictures/").removesuffix(".svg")) is not None


def test_what_is_said_to_be_scarce_exists_and_handles_differ() -> None:
    products = assortment().products
    assert len({product.handle for product in products}) == len(products)
    assert len({demo.demo_id("prod", product.handle) for product in products}) == len(products)
    for product in products:
        names = {"/".join(variant.options) for variant in draft_of(product).variants}
        assert {*product.sold_out, *product.low} <= names
        assert set(product.dearer) <= set(product.sizes)
    assert len({product.kind for product in products}) >= 8
    assert msgspec.json.decode(msgspec.json.encode(products[0]), type=demo.DemoProduct) == products[0]


async def _killed(shop: TestShop, after: int) -> None:
    """Begin to open the demo and cancel it when so many commands were sent."""
    calls = shop.shop.node.calls
    do, sent = calls.do, 0

    def counted(command: object, caller: Caller) -> object:
        nonlocal sent
        sent += 1
        if sent > after:
            opening.cancel()
        return do(command, caller)  # type: ignore[arg-type]

    calls.do = counted  # type: ignore[method-assign, assignment]
    opening = asyncio.ensure_future(open_demo(shop.shop))
    with pytest.raises(asyncio.CancelledError):
        await opening
    calls.do = do  # type: ignore[method-assign]


async def _products(shop: TestShop) -> list[Product]:
    page = await shop.calls.ask(ListProducts(limit=100), SYSTEM)
    return [await shop.calls.ask(GetProduct(card.id), SYSTEM) for card in page.items]
