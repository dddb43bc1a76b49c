"""A visit: one request for a page, with everything that its function needs to ask, to do and to answer."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from minijinja import safe

from mercato.contracts.carts import GetFilledCart
from mercato.frontends.storefront.cookies import Header, SessionCookie
from mercato.frontends.storefront.formats import Formats
from mercato.frontends.storefront.rendering import Renderer
from mercato.frontends.storefront.shell import Shell, Shells
from mercato.frontends.storefront.texts import NOTICES, TROUBLE
from mercato.runtime.access.passwords import Passwords
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import HTML, Reply, Request
from mercato.runtime.http.route import Endpoint
from mercato.runtime.settings import Settings
from mercato.values.messages import BUYER, USER, Caller, Command, Envelope, Event, Query

Result = TypeVar("Result")

_LOCAL = re.compile(r"/(?!/)[A-Za-z0-9/_.~%?&=+:@!$'()*,;-]{0,1000}")


class Sent(msgspec.Struct, frozen=True):
    """What a page sends to a route of the API: `body` to be encoded, the parameters of its path, an idempotency key,
    the seconds that it prefers to wait."""

    body: Any
    params: dict[str, str] = {}
    key: str = ""
    wait: int = 0


class Handed(msgspec.Struct, frozen=True):
    """What the storefront is handed by who puts the parts together.

    `guest_token` makes a token for a new guest of a store. `compose` calls the route of this name for a caller, without
    a wire: what a route does beyond its one message, pages do by it. `on` subscribes to events of this process.
    """

    settings: Settings
    passwords: Passwords
    guest_token: Callable[[str], str]
    compose: Callable[[str, Caller, Sent], Awaitable[Reply]]
    on: Callable[[type[Event], Callable[[Envelope, Event], None]], None]


class Site(msgspec.Struct, frozen=True):
    """What all visits share."""

    handed: Handed
    renderer: Renderer
    shells: Shells
    formats: Formats

    def session_of(self, store: str, request: Request) -> SessionCookie:
        """The cookie of this store, at the address at which it was visited."""
        return SessionCookie(store, base_of(request), self.handed.settings.public_url.startswith("https://"))


class Visit:
    """One request for a page."""

    def __init__(self, site: Site, edge: Edge, request: Request, caller: Caller) -> None:
        self.site = site
        self.edge = edge
        self.request = request
        self.caller = caller
        self.calls = edge.calls
        self.cookie: Header | None = None

    @property
    def base(self) -> str:
        return base_of(self.request)

    @property
    def session(self) -> SessionCookie:
        return self.site.session_of(self.caller.store, self.request)

    @property
    def token(self) -> str:
        """The token that the browser has sent, "" for none."""
        return self.request.cookie(self.session.name)

    @property
    def signed_in(self) -> bool:
        return bool(self.caller.roles & USER)

    @property
    def may_buy(self) -> bool:
        return bool(self.caller.roles & BUYER)

    @property
    def system(self) -> Caller:
        """The platform, acting for this request: for what shoppers may not ask themselves, such as credentials."""
        return Caller.system(self.caller.store, self.request.id)

    async def ask(self, query: Query[Result]) -> Result:
        return await self.calls.ask(query, self.caller)

    async def do(self, command: Command[Result]) -> Result:
        return await self.calls.do(command, self.caller)

    async def compose(self, route: str, sent: Sent) -> Reply:
        return await self.site.handed.compose(route, self.caller, sent)

    async def shell(self) -> Shell:
        return await self.site.shells.of(self.calls, self.caller)

    async def show(self, template: str, status: int = 200, **values: Any) -> Reply:
        """A page. `notice` in the query string names a text that is shown once."""
        shell = await self.shell()
        notice = self.request.query_values().get("notice", "")
        around = {
            **_around(shell, self.base),
            "signed_in": self.signed_in,
            "cart_count": await self._cart_count(),
            "notice": NOTICES.get(notice, ""),
            "notice_is_trouble": notice in TROUBLE,
        }
        return Reply(status, self.site.renderer.render(template, {**around, **values}), HTML)

    def go(self, path: str, **query: str) -> Reply:
        """See another page (303). `path` has no store prefix and comes from us, or from `local_path`."""
        joint = "&" if "?" in path else "?"
        given = {name: value for name, value in query.items() if value}
        address = self.base + path + (joint + urlencode(given) if given else "")
        return Reply(303, b"", HTML, ((b"location", address.encode("ascii")),))

    async def _cart_count(self) -> int:
        if not self.may_buy:
            return 0
        cart = await self.ask(GetFilledCart())
        return sum(line.quantity for line in cart.lines)


Page = Callable[[Visit], Awaitable[Reply]]


def endpoint_of(site: Site, page: Page) -> Endpoint:
    """The endpoint of a page. A cookie whose token is no good any more is removed with the answer."""

    async def serve(edge: Edge, request: Request, caller: Caller) -> Reply:
        visit = Visit(site, edge, request, caller)
        reply = await page(visit)
        cookie = visit.cookie
        if cookie is None and not caller.buyer and visit.token:
            cookie = visit.session.removed()
        if cookie is not None:
            reply.headers = (*reply.headers, cookie)
        return reply

    return serve


def page_without_asking(site: Site, request: Request, store: str, values: dict[str, Any]) -> bytes:
    """The page of a trouble: made of what is remembered, because asking may be what failed."""
    shell = site.shells.known(store)
    around = _around(shell, base_of(request))
    around |= {"signed_in": False, "cart_count": 0, "notice": "", "notice_is_trouble": False}
    return site.renderer.render("trouble.html", {**around, **values})


def base_of(request: Request) -> str:
    """What links of this request's store begin with: "" or "/s/HANDLE"."""
    return f"/s/{quote(request.handle, safe='')}" if request.handle else ""


def local_path(text: str) -> str:
    """A path of this shop, from somebody's hands; "/" for everything that could lead elsewhere."""
    return text if _LOCAL.fullmatch(text) else "/"


def _around(shell: Shell | None, base: str) -> dict[str, Any]:
    return {
        "base": safe(base),
        "store_name": shell.store.name if shell else "Shop",
        "zone": shell.store.time_zone if shell else "UTC",
        "roots": shell.roots if shell else (),
        "typed": "",
    }
