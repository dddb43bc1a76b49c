"""A browser without scripts: it keeps cookies, follows redirects, fills in forms, and looks at every page it gets."""

from collections.abc import Mapping
from http.cookies import SimpleCookie
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from tests.frontends.storefront.html_pages import Form, Page, read_page

MOST_REDIRECTS = 10
STORE = "sto_" + "1" * 32
COOKIE = f"mercato_session_{STORE}"  # of this store


class Browser:
    """One person's browser. `page` is the page that is shown; `passed` the addresses that led to it."""

    def __init__(self, origin: str, prefix: str = "") -> None:
        self.origin = origin
        self.prefix = prefix
        self.page = Page(0, "", "")
        self.passed: list[str] = []
        self.order_path = ""
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> "Browser":
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def cookie(self) -> str:
        """The value of the session cookie, "" without one."""
        return next((cookie.value for cookie in self._session.cookie_jar if cookie.key == COOKIE), "")

    @cookie.setter
    def cookie(self, value: str) -> None:
        self._session.cookie_jar.clear()
        self._session.cookie_jar.update_cookies({COOKIE: value}, URL(self.origin))

    def cookies(self, path: str) -> dict[str, str]:
        """The cookies that it sends with a request for this path: name and value."""
        sent = self._session.cookie_jar.filter_cookies(URL(self.origin + path))
        return {name: morsel.value for name, morsel in sent.items()}

    def plant(self, name: str, value: str, path: str) -> None:
        """Have a cookie as a store would set it for this path."""
        cookie: SimpleCookie = SimpleCookie({name: value})
        cookie[name]["path"] = path
        self._session.cookie_jar.update_cookies(cookie, URL(self.origin))

    async def open(self, path: str, status: int = 200) -> Page:
        """Open an address, as by typing it."""
        return await self._go("GET", self.prefix + path, None, status)

    async def follow(self, link: str, status: int = 200) -> Page:
        """Click on a link of this page: the one with this address, else the first whose address contains it."""
        found = [href for href in self.page.links if href == link] or [href for href in self.page.links if link in href]
        assert found, f"{self.page.path} has no link to {link}, but {self.page.links}"
        return await self._go("GET", urljoin(self.page.path, found[0]), None, status)

    async def press(
        self, button: str, fields: Mapping[str, str] | None = None, *, status: int = 200, **typed: str
    ) -> Page:
        """Fill in fields of the form that has this button, and press it. "" empties a field or takes a tick away."""
        return await self._send(self.page.form(button), button, status, {**(fields or {}), **typed})

    async def _send(self, form: Form, button: str, status: int, typed: Mapping[str, str]) -> Page:
        values = {**form.values}
        for name, value in typed.items():
            assert name in form.values or name in form.choices, f"{self.page.path} has no field {name}"
            if value:
                values[name] = value
            else:
                values.pop(name, None) if name in form.choices else values.update({name: ""})
        pressed = form.button(button)
        if pressed.name:
            values[pressed.name] = pressed.value
        action = urljoin(self.page.path, pressed.action or form.action)
        if (pressed.method or form.method) == "get":
            return await self._go("GET", f"{action}?{aiohttp.FormData(values)().decode()}", None, status)
        return await self._go("POST", action, values, status)

    async def raw(self, method: str, path: str, **options: object) -> tuple[int, dict[str, str], str]:
        """A request without redirects, and nothing looked at."""
        async with self._session.request(
            method,
            self.origin + path,
            allow_redirects=False,
            **options,  # type: ignore[arg-type]
        ) as response:
            return (
                response.status,
                {key.lower(): value for key, value in response.headers.items()},
                await response.text(),
            )

    async def _go(self, method: str, path: str, values: dict[str, str] | None, status: int) -> Page:
        self.passed = []
        headers = {"referer": self.origin + self.page.path} if self.page.path else {}
        if method == "POST":
            headers["origin"] = self.origin
        for _ in range(MOST_REDIRECTS):
            self.passed.append(path)
            async with self._session.request(
                method, self.origin + path, data=values, headers=headers, allow_redirects=False
            ) as response:
                if response.status == 303:
                    path = urljoin(path, response.headers["location"])
                    assert not urlsplit(path).netloc, f"a redirect leads to another site: {path}"
                    method, values, headers = "GET", None, {}
                    continue
                html = await response.text()
                assert response.content_type == "text/html", f"{path} is {response.content_type}: {html[:300]}"
            self.page = read_page(response.status, path, html)
            assert self.page.status == status, f"{method} {path} answered {response.status}: {self.page.text[:600]}"
            assert self.page.faults == [], f"{path}: {self.page.faults}"
            return self.page
        raise AssertionError(f"too many redirects: {self.passed}")
