"""Ways into an account, and the ways that must stay shut."""

from pathlib import Path

import pytest

from mercato.contracts.users import ListLoginAttempts
from mercato.values.clock import HOUR
from tests.frontends.storefront.browser import COOKIE
from tests.frontends.storefront.html_pages import read_page
from tests.frontends.storefront.shops import PASSWORD, TestShop, running_shop

EMAIL = "jo@example.com"
NEW_PASSWORD = "a better battery horse"


async def test_errors_of_a_sign_up_stand_beside_their_fields(shop: TestShop) -> None:
    async with shop.browser() as browser:
        await browser.open("/signup")
        await browser.press("Create the account", status=422, name=" ", email="jo", password="short")
        assert {link for link in browser.page.links if link.startswith("#")} == {
            "#content",
            "#name",
            "#email",
            "#password",
        }
        values = browser.page.form("Create the account").values
        assert (values["email"], values["password"]) == ("jo", "")
        await browser.press("Create the account", status=422, name="Jo", email=EMAIL, password=EMAIL)
        assert "must not be the e-mail address" in browser.page.text


async def test_a_known_and_an_unknown_address_get_the_same_answers(shop: TestShop) -> None:
    """S35, S36: pages are equal, and only mails tell."""
    async with shop.browser() as browser, shop.browser() as stranger:
        await shop.sign_up(browser, EMAIL)
        pages: list[list[str]] = []
        for email in (EMAIL, "nobody@example.com"):
            seen = []
            await stranger.open("/signup")
            seen.append((await stranger.press("Create the account", name="X", email=email, password=PASSWORD)).html)
            await stranger.open("/forgot")
            seen.append((await stranger.press("Send the link", email=email)).html)
            await stranger.open("/login")
            page = await stranger.press("Log in", status=401, email=email, password="wrong password")
            seen.append(page.html.replace(email, ""))
            pages.append(seen)
        assert pages[0] == pages[1]


async def test_an_address_that_is_not_confirmed_cannot_log_in(shop: TestShop) -> None:
    async with shop.browser() as browser:
        await browser.open("/signup")
        await browser.press("Create the account", name="Jo", email=EMAIL, password=PASSWORD)
        await browser.open("/login")
        await browser.press("Log in", status=401, email=EMAIL, password=PASSWORD)
        assert "the address is not confirmed yet" in browser.page.text
        assert browser.cookie == ""
        assert browser.page.form("Log in").values["email"] == EMAIL


async def test_a_token_confirms_once_and_a_wrong_one_never(shop: TestShop) -> None:
    async with shop.browser() as browser:
        await shop.sign_up(browser, EMAIL)
        token = await shop.token(EMAIL, "verify")
        for wrong in (token, "x" * 43, "x" * 300, "", "a b"):
            await browser.open("/verify")
            await browser.press("Confirm the address", status=422, token=wrong)


async def test_opening_the_link_of_a_mail_alone_changes_nothing(shop: TestShop) -> None:
    async with shop.browser() as browser:
        await browser.open("/signup")
        await browser.press("Create the account", name="Jo", email=EMAIL, password=PASSWORD)
        token = await shop.token(EMAIL, "verify")
        for _ in range(2):
            await browser.open(f"/verify?token={token}")
        await browser.press("Confirm the address")
        assert "Your address is confirmed" in browser.page.text


async def test_a_forgotten_password_is_set_anew_once_and_ends_all_sessions(shop: TestShop) -> None:
    async with await shop.shopper(EMAIL) as browser, shop.browser() as other:
        await other.open("/forgot")
        await other.press("Send the link", email=EMAIL)
        token = await shop.token(EMAIL, "reset")
        await other.open(f"/reset?token={token}")
        await other.press("Set the password", status=422, password="short")
        assert other.page.form("Set the password").values["token"] == token
        await other.press("Set the password", password=NEW_PASSWORD)
        assert "Your new password is set" in other.page.text
        await other.press("Log in", status=401, email=EMAIL, password=PASSWORD)
        await other.press("Log in", email=EMAIL, password=NEW_PASSWORD)
        await browser.open("/account")
        assert browser.page.heading == "Log in"
        assert browser.cookie == ""
        await other.open(f"/reset?token={token}")
        await other.press("Set the password", status=422, password="something else entirely")


async def test_a_reset_token_expires_and_is_for_nothing_else(shop: TestShop) -> None:
    async with await shop.shopper(EMAIL) as browser:
        await browser.open("/forgot")
        await browser.press("Send the link", email=EMAIL)
        token = await shop.token(EMAIL, "reset")
        await browser.open("/verify")
        await browser.press("Confirm the address", status=422, token=token)
        shop.clock.advance(HOUR + 1)
        await browser.open(f"/reset?token={token}")
        await browser.press("Set the password", status=422, password=NEW_PASSWORD)


async def test_the_session_is_new_after_log_in_and_dead_after_log_out(shop: TestShop) -> None:
    """S41, S42."""
    async with shop.browser() as browser:
        await shop.sign_up(browser, EMAIL)
        browser.cookie = "ms_given_by_somebody_else"
        await browser.open("/login")
        assert browser.cookie == ""
        await browser.press("Log in", email=EMAIL, password=PASSWORD)
        first = browser.cookie
        assert first.startswith("ms_")
        await browser.press("Log out")
        assert browser.cookie == ""
        browser.cookie = first
        await browser.open("/account")
        assert browser.page.heading == "Log in"


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "/\r\nset-cookie: x=y",
        "evil",
        "/ü",
    ],
)
async def test_log_in_leads_to_no_other_site(shop: TestShop, onward: str) -> None:
    async with shop.browser() as browser:
        await shop.sign_up(browser, EMAIL)
        await browser.open("/login")
        await browser.press("Log in", email=EMAIL, password=PASSWORD, next=onward)
        assert browser.passed == ["/login", "/"]
        status, headers, _ = await browser.raw("GET", "/login", params={"next": onward})
        assert (status, headers["location"]) == (303, "/")


async def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_connections(tmp_path: Path) -> None:
    async with running_shop(tmp_path, public_url="https://shop.example") as shop:
        await shop.open_store()
        async with shop.browser() as browser:
            await shop.sign_up(browser, EMAIL)
            status, headers, _ = await browser.raw(
                "POST", "/login", data={"email": EMAIL, "password": PASSWORD}, headers={"origin": shop.origin}
            )
        assert status == 303
        parts = headers["set-cookie"].split("; ")
        assert parts[0].startswith(f"{COOKIE}=ms_")
        assert set(parts[1:]) >= {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"}


async def test_ten_wrong_passwords_shut_the_account_for_a_while(shop: TestShop) -> None:
    """S37; S49: what was typed is kept as it was."""
    async with shop.browser() as browser:
        await shop.sign_up(browser, EMAIL)
        await browser.open("/login")
        for _ in range(10):
            await browser.press("Log in", status=401, email=EMAIL, password="wrong password")
        await browser.press("Log in", status=429, email=EMAIL, password=PASSWORD)
        assert "Please try again in 15 minutes" in browser.page.text
        shop.clock.advance(HOUR)
        await browser.press("Log in", status=401, email="<script>\n", password="wrong password")
        await browser.press("Log in", email=EMAIL, password=PASSWORD)
        attempts = await shop.calls.ask(ListLoginAttempts(), shop.staff)
        assert attempts.items[0].outcome == "ok"
        assert attempts.items[1].account.startswith("<script>")


async def test_log_ins_from_one_address_are_limited_whatever_is_typed(tmp_path: Path) -> None:
    async with running_shop(tmp_path, rate_limits=1.0) as shop:
        await shop.open_store()
        async with shop.browser() as browser:
            replies = [
                await browser.raw(
                    "POST",
                    "/login",
                    data={"email": f"{number}@example.com", "password": "x"},
                    headers={"origin": shop.origin, "user-agent": f"robot {number}"},
                )
                for number in range(60)
            ]
            assert [status for status, _, _ in replies[:20]] == [401] * 20
            refused = [read_page(status, "/login", text) for status, _, text in replies if status == 429]
            assert refused[0].heading == "One moment, please"
            assert "/products" in refused[0].links


async def test_who_is_logged_in_already_goes_on(shop: TestShop) -> None:
    async with await shop.shopper(EMAIL) as browser:
        await browser.open("/login?next=/cart")
        assert browser.page.heading == "Cart"
