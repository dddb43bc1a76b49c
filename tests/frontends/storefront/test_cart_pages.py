"""The cart by its forms."""

from pathlib import Path

from mercato.contracts.carts import GetCart
from mercato.values.messages import BUYER, Caller
from tests.frontends.storefront.browser import Browser
from tests.frontends.storefront.shops import ADDRESS, PASSWORD, TestShop, running_shop


async def test_quantities_go_up_and_down_are_set_and_lines_are_removed(shop: TestShop) -> None:
    await shop.add_mug(price=1000)
    async with await shop.shopper() as browser:
        await _add_mug(browser)
        assert _quantity(browser) == "1"
        await browser.press("One Mug more")
        await browser.press("One Mug more")
        assert _quantity(browser) == "3"
        await browser.press("One Mug less")
        assert _quantity(browser) == "2"
        await browser.press("the quantity of Mug", quantity="7")
        assert _quantity(browser) == "7"
        assert "€70.00" in browser.page.text
        await browser.press("Remove")
        assert "Your cart is empty" in browser.page.text
        await _add_mug(browser)
        await browser.press("Empty the whole cart")
        assert "Your cart is empty" in browser.page.text


async def test_a_quantity_that_is_no_whole_number_is_refused_and_changes_nothing(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _add_mug(browser)
        cart = browser.page
        for wrong in ("-1", "1.5", "NaN", "", "1" * 30, "٣"):
            browser.page = cart
            await browser.press("the quantity of Mug", status=400, quantity=wrong)
        await browser.open("/cart")
        assert _quantity(browser) == "1"


async def test_more_pieces_than_there_are_are_not_added(shop: TestShop) -> None:
    await shop.add_mug(stock=3)
    async with await shop.shopper() as browser:
        await browser.open("/products/mug")
        assert "Only 3 left" in browser.page.text
        await browser.press("Add to cart", quantity="4")
        assert "We do not have that many" in browser.page.text
        assert browser.page.form("Add to cart").values["quantity"] == "4"
        await browser.open("/cart")
        assert "Your cart is empty" in browser.page.text


async def test_what_is_sold_out_or_not_made_is_marked_and_not_added(shop: TestShop) -> None:
    await shop.add_tee()
    async with await shop.shopper() as browser:
        await browser.open("/products/tee?option1=Ink")
        assert "M sold out" in browser.page.text
        assert "L not made" in browser.page.text
        await browser.press("Add to cart", option1="Ink", option2="L")
        assert "Choose a combination that exists" in browser.page.text
        await browser.press("Add to cart", option1="Ink", option2="M")
        assert "This one is sold out" in browser.page.text
        assert browser.page.form("Add to cart").values["option1"] == "Ink"


async def test_showing_a_choice_needs_no_script_and_stays_in_the_address(shop: TestShop) -> None:
    await shop.add_tee()
    async with shop.browser() as browser:
        await browser.open("/products/tee")
        assert browser.page.form("Add to cart").values["option1"] == "Chalk"
        assert "now €24.90" in browser.page.text
        assert "was €29.90" in browser.page.text
        await browser.press("Show price and stock", option2="L")
        assert browser.page.path == "/products/tee?option1=Chalk&option2=L&quantity=1"
        assert "€26.90" in browser.page.text
        assert "In stock" in browser.page.text


async def test_a_price_that_changed_is_told_in_the_cart_and_before_ordering(shop: TestShop) -> None:
    mug = await shop.add_mug(price=1000)
    async with await shop.shopper() as browser:
        await _add_mug(browser)
        await shop.set_price(mug, 1500)
        await browser.open("/cart")
        assert "Prices have changed" in browser.page.text
        assert "was €10.00 €15.00 each" in browser.page.text
        await browser.follow("/checkout")
        assert "Some prices have changed" in browser.page.text
        await browser.press("Check the order", ADDRESS)
        assert "€19.90" in browser.page.text


async def test_a_cart_whose_order_waits_for_its_payment_is_locked_and_leads_to_the_order(shop: TestShop) -> None:
    await shop.add_mug()
    async with await shop.shopper() as browser:
        await _add_mug(browser)
        before = browser.page
        await browser.follow("/checkout")
        await browser.press("Check the order", ADDRESS)
        await browser.press("Order for")
        browser.page = before
        await browser.press("One Mug more")
        assert "waits for its payment" in browser.page.text
        assert {form.action for form in browser.page.forms} == {"/search", "/logout"}
        await browser.open("/products/mug")
        await browser.press("Add to cart")
        assert "waits for its payment" in browser.page.text
        await browser.follow("/orders/ord_")
        await browser.press("Cancel the order")
        assert "The order is cancelled" in browser.page.text
        await browser.open("/cart")
        await browser.press("One Mug more")
        assert _quantity(browser) == "2"


async def test_a_guest_fills_a_cart_where_the_store_lets_anyone_and_takes_it_along_at_log_in(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        await shop.open_store(cart_access="anyone")
        await shop.add_mug()
        async with shop.browser() as browser:
            await shop.sign_up(browser, "jo@example.com")
            await _add_mug(browser)
            guest = browser.cookie
            assert guest.startswith("v1.")
            assert "€16.90" in browser.page.text
            await browser.open("/login")
            await browser.press("Log in", email="jo@example.com", password=PASSWORD)
            assert browser.cookie.startswith("ms_")
            await browser.open("/cart")
            assert _quantity(browser) == "1"
            browser.cookie = guest
            await browser.open("/cart")
            assert "Your cart is empty" in browser.page.text


async def test_a_guest_can_buy_where_the_store_lets_anyone(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        await shop.open_store(cart_access="anyone")
        await shop.add_mug()
        async with shop.browser() as browser:
            await _add_mug(browser)
            await browser.follow("/checkout")
            await browser.press("Check the order", ADDRESS)
            await browser.press("Order for")
            await browser.press("Pay")
            assert browser.page.heading == "Payment successful"
            await browser.follow("/orders/")
            assert "Paid" in browser.page.text


async def test_a_visitor_s_choice_is_not_kept_where_shoppers_sign_in(shop: TestShop) -> None:
    await shop.add_mug()
    async with shop.browser() as browser:
        await _add_mug(browser)
        assert browser.page.heading == "Log in"
        assert browser.cookie == ""


async def test_prices_in_a_form_are_not_believed(shop: TestShop) -> None:
    mug = await shop.add_mug(price=1000)
    async with await shop.shopper() as browser:
        headers = {"origin": shop.origin}
        data = {"quantity": "1", "price": "1", "unit_price": "1", "total": "1"}
        status, _, _ = await browser.raw("POST", "/products/mug", data=data, headers=headers)
        assert status == 303
        holder = await shop.shop.directory.find_holder(browser.cookie)
        assert holder is not None
        cart = await shop.calls.ask(GetCart(), Caller(store=shop.store, buyer=holder.buyer, roles=BUYER))
        assert [(line.variant_id, line.unit_price) for line in cart.lines] == [(mug.variants[0].id, 1000)]


async def _add_mug(browser: Browser) -> None:
    await browser.open("/products/mug")
    await browser.press("Add to cart")


def _quantity(browser: Browser) -> str:
    return browser.page.form("Remove").values["quantity"]
