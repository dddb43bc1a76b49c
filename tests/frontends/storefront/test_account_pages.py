"""The account of a shopper."""

from tests.frontends.storefront.shops import PASSWORD, TestShop

EMAIL = "jo@example.com"
NEW_PASSWORD = "a better battery horse"


async def test_a_profile_is_changed_and_errors_lose_nothing(shop: TestShop) -> None:
    async with await shop.shopper(EMAIL) as browser:
        await browser.open("/account")
        await browser.follow("/account/profile")
        assert browser.page.form("Save").values["name"] == "Jo Shopper"
        await browser.press("Save", status=422, name="", phone="1" * 41)
        assert browser.page.form("Save").values["phone"] == "1" * 41
        await browser.press("Save", name="Jo Buyer", phone="+49 40 123")
        assert "Your profile is saved" in browser.page.text
        assert "Jo Buyer" in browser.page.text


async def test_a_profile_that_was_changed_elsewhere_is_not_overwritten(shop: TestShop) -> None:
    async with await shop.shopper(EMAIL) as browser:
        first = await browser.open("/account/profile")
        await browser.press("Save", name="From the phone")
        browser.page = first
        await browser.press("Save", status=422, name="From the desk")
        assert "changed elsewhere" in browser.page.text
        await browser.press("Save")
        assert "From the desk" in browser.page.text


async def test_a_new_password_needs_the_old_one_and_ends_other_sessions(shop: TestShop) -> None:
    async with await shop.shopper(EMAIL) as browser, shop.browser() as other:
        await other.open("/login")
        await other.press("Log in", email=EMAIL, password=PASSWORD)
        await browser.open("/account/password")
        await browser.press("Change the password", status=422, old_password="wrong password", password=NEW_PASSWORD)
        assert "This is not your password" in browser.page.text
        await browser.press("Change the password", old_password=PASSWORD, password=NEW_PASSWORD)
        assert browser.page.heading == "My account"
        await other.open("/account")
        assert other.page.heading == "Log in"
        await other.press("Log in", email=EMAIL, password=NEW_PASSWORD)
        assert other.page.heading == "My account"


async def test_an_account_is_deleted_only_with_its_password(shop: TestShop) -> None:
    async with await shop.shopper(EMAIL) as browser:
        await browser.open("/account/delete")
        await browser.press("Delete the account for good", status=422, password="wrong password")
        await browser.press("Delete the account for good", status=422, password="")
        await browser.press("Delete the account for good", password=PASSWORD)
        assert "Your account is deleted" in browser.page.text
        assert browser.cookie == ""
        await browser.open("/login")
        await browser.press("Log in", status=401, email=EMAIL, password=PASSWORD)


async def test_pages_of_the_account_ask_visitors_to_log_in_and_lead_back(shop: TestShop) -> None:
    async with shop.browser() as browser:
        await shop.sign_up(browser, EMAIL)
        for path in ("/account", "/account/profile", "/account/password", "/account/delete", "/orders", "/checkout"):
            await browser.open(path)
            assert browser.page.heading == "Log in"
            assert browser.page.form("Log in").values["next"] == path
        await browser.open("/orders?cursor=")
        await browser.press("Log in", email=EMAIL, password=PASSWORD)
        assert browser.page.path == "/orders?cursor="
        assert "You have not ordered anything yet" in browser.page.text
