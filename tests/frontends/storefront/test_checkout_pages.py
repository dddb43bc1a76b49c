"""The checkout: errors that lose nothing, quotes that do not fit any more, forms that are sent twice."""

import asyncio
from contextlib import AsyncExitStack

from mercato.contracts.orders import ListOrders, OrderSummary
from mercato.contracts.pricing import QUOTE_LIFE
from mercato.runtime.bulkheads import ROOM
from mercato.values.messages import BUYER, Caller
from tests.frontends.storefront.browser import Browser
from tests.frontends.storefront.html_pages import Page
from tests.frontends.storefront.shops import ADDRESS, TestShop
from tests.services.conftest import until


async def test_errors_stand_beside_their_fields_and_nothing_that_was_typed_is_lost(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _fill_cart(browser)
        await browser.follow("/checkout")
        typed = {**ADDRESS, "delivery_city": "", "delivery_country": "", "delivery_street2": "c/o Müller <b>&amp;"}
        await browser.press("Check the order", typed, status=422)
        page = browser.page
        assert page.text.count("Please fill this in.") == 2
        assert "#delivery_city" in page.links
        assert 'aria-invalid="true" aria-describedby="delivery_city-error"' in page.html
        values = page.form("Check the order").values
        assert {name: values[name] for name in typed} == typed
        await browser.press("Check the order", delivery_city="Hamburg", delivery_country="DE")
        assert browser.page.heading == "Check your order"
        assert "c/o Müller <b>&amp;" in browser.page.text


async def test_the_bill_may_go_elsewhere(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _fill_cart(browser)
        await browser.follow("/checkout")
        await browser.press("Check the order", ADDRESS, status=422, billing_is_delivery="")
        assert "#billing_name" in browser.page.links
        billing = {name.replace("delivery", "billing"): value for name, value in ADDRESS.items()}
        await browser.press("Check the order", {**billing, "billing_name": "Jo Ltd", "billing_country": "AT"})
        assert "Jo Ltd" in browser.page.text
        assert "Austria" in browser.page.text
        await browser.press("Change the addresses")
        assert browser.page.form("Check the order").values["billing_name"] == "Jo Ltd"
        assert "billing_is_delivery" not in browser.page.form("Check the order").values
        await browser.press("Check the order")
        await browser.press("Order for")
        await browser.follow("/orders/")
        assert "Jo Ltd" in browser.page.text


async def test_the_addresses_of_the_last_order_are_there_the_next_time(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _preview(browser)
        await browser.press("Order for")
        await browser.press("Pay")
        await _fill_cart(browser)
        await browser.follow("/checkout")
        values = browser.page.form("Check the order").values
        assert {name: values[name] for name in ADDRESS} == ADDRESS
        assert values["billing_is_delivery"] == "yes"


async def test_an_order_form_that_is_sent_twice_makes_one_order(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        preview = await _preview(browser)
        form = preview.form("Order for")
        replies = await asyncio.gather(*(_post(browser, form.action, form.values) for _ in range(3)))
        assert len({location for _, location in replies}) == 1
        assert {status for status, _ in replies} == {303}
        assert await _post(browser, form.action, form.values) == replies[0]
        assert len(await _orders(shop, browser)) == 1
        assert replies[0][1].endswith("/payment")


async def test_two_previews_of_one_cart_make_one_order(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        first = await _preview(browser)
        await browser.open("/checkout")
        second = await browser.press("Check the order", ADDRESS)
        browser.page = first
        await browser.press("Order for")
        browser.page = second
        await browser.press("Order for")
        assert browser.page.heading == "Your order"
        assert len(await _orders(shop, browser)) == 1


async def test_what_was_sold_between_cart_and_order_is_told_in_the_cart(shop: TestShop) -> None:
    mug = await shop.add_mug(stock=2)
    async with await shop.shopper() as browser:
        await browser.open("/products/mug")
        await browser.press("Add to cart", quantity="2")
        await _preview(browser, fill=False)
        await shop.take_stock(mug, 1)
        await browser.press("Order for")
        assert browser.page.path.startswith("/cart?order=ord_")
        assert "Your order could not be made" in browser.page.text
        assert "Only 1 left" in browser.page.text
        await browser.press("the quantity of Mug", quantity="1")
        await _preview(browser, fill=False)
        await browser.press("Order for")
        assert browser.page.heading == "Payment"


async def test_in_a_crowd_an_order_for_what_is_sold_out_is_not_made_and_the_cart_tells_it(shop: TestShop) -> None:
    mug = await shop.add_mug(stock=2)
    async with await shop.shopper() as browser:
        await browser.open("/products/mug")
        await browser.press("Add to cart", quantity="2")
        preview = await _preview(browser, fill=False)
        await shop.take_stock(mug, 1)
        async with shop.shop.edge.bulkheads.room([f"{shop.store} {mug.variants[0].id}"]):
            await browser.press("Order for")
        assert browser.page.path == "/cart?order=none"
        assert "Your order could not be made" in browser.page.text
        assert "Only 1 left" in browser.page.text
        assert await _orders(shop, browser) == ()
        browser.page = preview
        await browser.press("Order for")  # again by the same key: the same answer, in a crowd or not
        assert browser.page.path == "/cart?order=none"
        await browser.press("the quantity of Mug", quantity="1")
        assert "Your order could not be made" not in browser.page.text
        await _preview(browser, fill=False)
        await browser.press("Order for")
        assert browser.page.heading == "Payment"


async def test_an_order_for_what_many_want_waits_for_its_turn(shop: TestShop) -> None:
    mug = await shop.add_mug()
    goods = [f"{shop.store} {mug.variants[0].id}"]
    bulkheads = shop.shop.edge.bulkheads
    async with await shop.shopper() as browser:
        await _preview(browser)
        async with AsyncExitStack() as crowd:
            for _ in range(ROOM):
                await crowd.enter_async_context(bulkheads.room(goods))
            pressing = asyncio.create_task(browser.press("Order for"))
            await until(lambda: bulkheads._lines[goods[0]].waiting)
            assert await _orders(shop, browser) == ()
        await pressing
        assert browser.page.heading == "Payment"
        assert not bulkheads.is_crowded(goods)


async def test_a_price_that_rose_since_it_was_shown_is_shown_before_it_is_asked(shop: TestShop) -> None:
    mug = await shop.add_mug(price=1000)
    async with await shop.shopper() as browser:
        await _fill_cart(browser)
        await browser.follow("/checkout")
        await shop.set_price(mug, 1500)
        await browser.press("Check the order", ADDRESS, status=409)
        assert "Prices have risen" in browser.page.text
        assert "€15.00" in browser.page.text
        assert browser.page.form("Check the order").values["delivery_city"] == "Hamburg"
        await browser.press("Check the order")
        await browser.press("Order for €19.90")
        assert browser.page.heading == "Payment"


async def test_a_price_is_promised_as_long_as_the_quote_lives(shop: TestShop) -> None:
    mug = await shop.add_mug(price=1000)
    async with await shop.shopper() as browser:
        await _preview(browser)
        await shop.set_price(mug, 1500)
        await browser.press("Order for €14.90")
        await browser.press("Pay €14.90")
        assert browser.page.heading == "Payment successful"


async def test_a_quote_that_has_expired_is_shown_anew(shop: TestShop) -> None:
    mug = await shop.add_mug(price=1000)
    async with await shop.shopper() as browser:
        await _preview(browser)
        await shop.set_price(mug, 1500)
        shop.clock.advance(QUOTE_LIFE + 1)
        await browser.press("Order for €14.90", status=409)
        assert "have expired" in browser.page.text
        assert await _orders(shop, browser) == ()
        await browser.press("Order for €19.90")
        assert browser.page.heading == "Payment"


async def test_a_cart_that_changed_after_the_preview_is_shown_anew(shop: TestShop) -> None:
    await shop.add_mug(price=1000)
    async with await shop.shopper() as browser:
        preview = await _preview(browser)
        await browser.open("/cart")
        await browser.press("One Mug more")
        browser.page = preview
        await browser.press("Order for €14.90", status=409)
        assert "Your cart was changed" in browser.page.text
        assert await _orders(shop, browser) == ()
        await browser.press("Order for €24.90")
        assert browser.page.heading == "Payment"


async def test_a_quote_that_was_tampered_with_orders_nothing(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser, await shop.shopper("eve@example.com") as other:
        preview = await _preview(browser)
        form = preview.form("Order for")
        for wrong in ("", "v1.k1.e30.e30", form.values["quote"][:-3], form.values["quote"] + "A"):
            browser.page = preview
            await browser.press("Order for", status=409, quote=wrong)
            assert "not valid any more" in browser.page.text
        await _preview(other)
        await other.press("Order for", status=409, quote=form.values["quote"])
        assert await _orders(shop, browser) == ()
        assert await _orders(shop, other) == ()


async def test_an_order_form_without_a_key_is_refused(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _preview(browser)
        await browser.press("Order for", status=400, key="")
        assert await _orders(shop, browser) == ()


async def test_the_checkout_of_an_empty_cart_leads_to_the_cart(shop: TestShop) -> None:
    async with await shop.shopper() as browser:
        await browser.open("/checkout")
        assert browser.page.heading == "Cart"


async def _fill_cart(browser: Browser) -> None:
    await browser.open("/products/mug")
    await browser.press("Add to cart")


async def _preview(browser: Browser, *, fill: bool = True) -> Page:
    if fill:
        await _fill_cart(browser)
    await browser.open("/checkout")
    return await browser.press("Check the order", ADDRESS)


async def _post(browser: Browser, path: str, values: dict[str, str]) -> tuple[int, str]:
    status, headers, _ = await browser.raw("POST", path, data=values, headers={"origin": browser.origin})
    return status, headers.get("location", "")


async def _orders(shop: TestShop, browser: Browser) -> tuple[OrderSummary, ...]:
    holder = await shop.shop.directory.find_holder(browser.cookie)
    assert holder is not None
    caller = Caller(store=shop.store, buyer=holder.buyer, roles=BUYER)
    return (await shop.calls.ask(ListOrders(), caller)).items
