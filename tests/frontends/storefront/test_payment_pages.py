"""Paying: every outcome of the gateway, waiting for it, and what an order's page says."""

import asyncio

from mercato.contracts.payments import ListPayments, Payment
from mercato.runtime.slow_work.breaker import FAILURES
from mercato.values.ids import OrderId
from tests.frontends.storefront.browser import Browser
from tests.frontends.storefront.shops import ADDRESS, TestShop


async def test_a_declined_payment_can_be_made_again_and_succeeds(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _order(browser)
        await browser.press("Pay", source="decline")
        assert "The payment was declined" in browser.page.text
        await browser.follow("/orders/ord_")
        assert "declined" in browser.page.text
        await browser.follow("/payment")
        await browser.press("Pay", source="approve")
        assert browser.page.heading == "Payment successful"
        payments = await _payments(shop, browser)
        assert [payment.state for payment in payments] == ["failed", "captured"]


async def test_a_payment_form_that_is_sent_twice_makes_one_payment(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _order(browser)
        page = browser.page
        form = page.form("Pay")
        replies = await asyncio.gather(
            *(browser.raw("POST", form.action, data=form.values, headers={"origin": browser.origin}) for _ in range(3))
        )
        assert {(status, headers["location"]) for status, headers, _ in replies} == {
            (303, form.action.removesuffix("/payment") + "/success")
        }
        browser.page = page
        await browser.press("Pay")
        assert browser.page.heading == "Payment successful"
        assert len(await _payments(shop, browser)) == 1


async def test_a_payment_form_that_comes_back_with_another_choice_is_given_anew(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _order(browser)
        page = browser.page
        await browser.press("Pay", source="decline")
        browser.page = page
        await browser.press("Pay", source="approve")
        assert "This form was sent before" in browser.page.text
        await browser.press("Pay", source="approve")
        assert browser.page.heading == "Payment successful"


async def test_while_the_gateway_is_out_of_order_the_order_waits_for_a_later_payment(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _order(browser)
        breaker = shop.shop.node._workers["payments"]._breakers["test"]
        for _ in range(FAILURES):
            breaker.failed()
        await browser.press("Pay", source="approve")
        assert "Nothing was charged; your order waits here" in browser.page.text
        assert not await _payments(shop, browser)
        shop.clock.advance(breaker.pause)
        await browser.press("Pay", source="approve")
        assert browser.page.heading == "Payment successful"


async def test_a_further_step_is_confirmed_on_the_page_of_the_gateway(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _order(browser)
        await browser.press("Pay", source="step")
        assert browser.page.heading == "Test gateway: one more step"
        step = browser.page
        await browser.open(f"/orders/{_order_id(browser)}/waiting")
        assert browser.page.refresh == "3"
        await browser.follow("/test-gateway/")
        await browser.press("Confirm the payment")
        assert browser.page.heading == "Payment successful"
        browser.page = step
        await browser.press("Refuse it")
        assert browser.page.heading == "Payment successful"
        assert [payment.state for payment in await _payments(shop, browser)] == ["captured"]


async def test_a_further_step_that_is_refused_leads_back_to_the_payment(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _order(browser)
        await browser.press("Pay", source="step")
        await browser.press("Refuse it")
        assert browser.page.heading == "Payment"
        assert "The payment was declined" in browser.page.text


async def test_the_page_of_the_gateway_is_for_the_one_who_pays(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser, await shop.shopper("eve@example.com") as other:
        await _order(browser)
        await browser.press("Pay", source="step")
        path = browser.page.path
        await other.open(path, 404)
        headers = {"origin": browser.origin}
        status, _, _ = await other.raw("POST", path, data={"decision": "confirm"}, headers=headers)
        assert status == 404
        await other.open(f"/orders/{_order_id(browser)}", 404)
        assert [payment.state for payment in await _payments(shop, browser)] == ["action_needed"]


async def test_an_outcome_that_is_late_is_waited_for_on_a_page_that_asks_again(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _order(browser)
        await browser.press("Pay", source="lose_answer")
        for _ in range(5):
            if browser.page.heading == "Payment successful":
                break
            assert browser.page.heading == "One moment, please"
            assert browser.page.refresh == "3"
            await browser.open(browser.page.path)
        assert browser.page.heading == "Payment successful"
        assert len(await _payments(shop, browser)) == 1


async def test_a_paid_order_that_is_cancelled_is_paid_back(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _order(browser)
        await browser.press("Pay")
        await browser.follow("/orders/ord_")
        await browser.press("Cancel the order")
        assert "Status Cancelled - You cancelled it." in browser.page.text
        assert not any("Cancel the order" in each.text for form in browser.page.forms for each in form.buttons)
        path = browser.page.path
        async with asyncio.timeout(10):
            while "Paid back" not in browser.page.text:
                await browser.open(path)
        assert "Paid back €21.80" in browser.page.text


async def test_orders_are_listed_page_by_page(shop: TestShop) -> None:
    await shop.add_mug(stock=50)
    async with await shop.shopper() as browser:
        for _ in range(12):
            await _order(browser)
            await browser.press("Pay")
        await browser.open("/orders")
        first = [link for link in browser.page.links if "/orders/ord_" in link]
        await browser.follow("/orders?cursor=")
        second = [link for link in browser.page.links if "/orders/ord_" in link]
        assert (len(first), len(second), len({*first, *second})) == (10, 2, 12)
        await browser.follow("/orders")
        assert [link for link in browser.page.links if "/orders/ord_" in link] == first


async def test_a_source_that_nobody_offered_is_refused(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _order(browser)
        await browser.press("Pay", status=400, source="4111111111111111")
        assert await _payments(shop, browser) == ()


async def _order(browser: Browser) -> None:
    """Come as far as the page that asks how to pay."""
    await browser.open("/products/mug")
    await browser.press("Add to cart")
    await browser.open("/checkout")
    await browser.press("Check the order", ADDRESS)
    await browser.press("Order for")
    assert browser.page.heading == "Payment"
    browser.order_path = browser.page.path


def _order_id(browser: Browser) -> OrderId:
    return OrderId(browser.order_path.split("/")[2])


async def _payments(shop: TestShop, browser: Browser) -> tuple[Payment, ...]:
    return await shop.calls.ask(ListPayments(_order_id(browser)), shop.staff)
