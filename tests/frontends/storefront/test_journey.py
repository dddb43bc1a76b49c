"""The whole way of a person through the shop, by links and forms alone."""

from tests.frontends.storefront.shops import ADDRESS, PASSWORD, TestShop


async def test_a_visitor_becomes_a_shopper_buys_and_sees_the_order(shop: TestShop) -> None:
    await shop.add_category(1, "Kitchen")
    await shop.add_mug()
    await shop.add_tee()
    async with shop.browser() as browser:
        await browser.open("/")
        assert browser.page.heading == "Corner Shop"
        await browser.follow("/products/tee")
        assert "sold out" in browser.page.text

        # To buy, one has to log in, and for that to sign up; afterwards the choice is still there.
        await browser.press("Add to cart", option1="Chalk", option2="L", quantity="2")
        assert browser.page.heading == "Log in"
        assert "Please log in first" in browser.page.text
        log_in = browser.page
        await browser.follow("/signup")
        await browser.press("Create the account", name="Jo Shopper", email="jo@example.com", password=PASSWORD)
        assert "A mail is on its way" in browser.page.text
        token = await shop.token("jo@example.com", "verify")
        await browser.press("Confirm the address", token=token)
        assert "Your address is confirmed" in browser.page.text
        browser.page = log_in
        await browser.press("Log in", email="jo@example.com", password=PASSWORD)
        assert browser.page.path == "/products/tee?option1=Chalk&option2=L&quantity=2"
        form = browser.page.form("Add to cart")
        assert form.values == {"option1": "Chalk", "option2": "L", "quantity": "2"}

        await browser.press("Add to cart")
        assert "It is in your cart now" in browser.page.text
        assert "€53.80" in browser.page.text
        await browser.open("/products/mug")
        await browser.press("Add to cart")
        assert "€70.70" in browser.page.text

        await browser.follow("/checkout")
        await browser.press("Check the order", ADDRESS)
        assert browser.page.heading == "Check your order"
        assert "€75.60" in browser.page.text
        assert "Lange Reihe 7" in browser.page.text
        await browser.press("Order for €75.60")
        assert browser.page.heading == "Payment"

        await browser.press("Pay €75.60", source="approve")
        assert browser.page.heading == "Payment successful"
        await browser.follow("/orders/")
        assert "Status Paid" in browser.page.text
        assert "successful" in browser.page.text
        await browser.follow("/orders")
        assert "€75.60" in browser.page.text
        await browser.open("/cart")
        assert "Your cart is empty" in browser.page.text
    assert shop.log.getvalue() == ""


async def test_a_store_with_a_prefix_keeps_it_in_every_link_and_form(shop: TestShop) -> None:
    await shop.add_category(1, "Kitchen")
    mug = await shop.add_mug()
    async with shop.browser(prefix="/s/corner") as browser:
        await browser.open("/")
        assert all(link.startswith(("/s/corner/", "#")) for link in browser.page.links)
        await browser.follow("/products/mug")
        await browser.press("Add to cart")
        assert browser.page.path.startswith("/s/corner/login?next=%2Fproducts%2Fmug")
        await shop.sign_up(browser, "jo@example.com")
        await browser.press("Log in", email="jo@example.com", password=PASSWORD)
        assert browser.page.path == "/s/corner/"
        await browser.open("/products/mug")
        await browser.press("Add to cart")
        await browser.follow("/checkout")
        await browser.press("Check the order", ADDRESS)
        await browser.press("Order for")
        await browser.press("Pay", source="step")
        assert browser.page.path.startswith("/s/corner/test-gateway/")
        await browser.press("Confirm the payment")
        assert browser.page.heading == "Payment successful"
        assert browser.page.path.startswith("/s/corner/orders/")
        await browser.open("/nowhere", 404)
        assert all(link.startswith(("/s/corner/", "#")) for link in browser.page.links)
    assert mug.handle == "mug"
