"""Every link of the demo shop, from home on, as a visitor and as a shopper."""

from pathlib import Path
from urllib.parse import urldefrag, urljoin

from mercato.apps.demo import open_demo
from tests.frontends.storefront.browser import Browser
from tests.frontends.storefront.shops import ADDRESS, running_shop


async def test_every_link_and_picture_of_the_demo_shop_leads_somewhere(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        accounts = await open_demo(shop.shop)
        assert accounts is not None
        async with shop.browser() as browser:
            as_visitor = await _crawl(browser)
            await browser.open("/login")
            await browser.press("Log in", email=accounts.email, password=accounts.password)
            await _buy(browser)
            as_shopper = await _crawl(browser)
        assert shop.log.getvalue() == ""
    assert len(as_visitor) > 120
    gone = {address.partition("?")[0] for address in as_visitor - as_shopper}
    assert gone == {"/signup", "/forgot", "/verify", "/login"}
    assert {"/account", "/account/profile", "/account/password", "/account/delete"} <= as_shopper


async def _crawl(browser: Browser) -> set[str]:
    """Open every address that links lead to. The browser looks at each page; what is no page must be there."""
    seen: set[str] = set()
    files: set[str] = set()
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        page = await browser.open(path)
        assert page.assets, path
        files |= {urljoin(page.path, file) for file in (*page.images, *page.assets)}
        for link in page.links:
            address = urldefrag(urljoin(page.path, link)).url
            if address not in seen:
                seen.add(address)
                waiting.append(address)
    for file in sorted(files):
        status, headers, _ = await browser.raw("GET", file)
        assert (status, headers["content-type"].partition(";")[0]) in {(200, "image/svg+xml"), (200, "text/css")}, file
        assert "immutable" in headers["cache-control"], file
    return seen


async def _buy(browser: Browser) -> None:
    """One order that is paid, and one that waits for its payment."""
    for source in ("approve", ""):
        await browser.open("/products/fountain-pen")
        await browser.press("Add to cart")
        await browser.follow("/checkout")
        await browser.press("Check the order", ADDRESS)
        await browser.press("Order for")
        if source:
            await browser.press("Pay", source=source)
