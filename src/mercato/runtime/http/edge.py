"""The edge: `enter` finds out who is calling, `leave` finishes a reply. Both dispatchers call this one pair.

Between them stands one endpoint. `serve` joins the three and never raises: a refusal becomes a problem document, a
fault of ours a logged 500.
"""

import re
import traceback
from typing import Any

from mercato.runtime.access.limits import Limiter
from mercato.runtime.access.who import Directory, Holder, Tenant
from mercato.runtime.bulkheads import Bulkheads
from mercato.runtime.calls import Calls
from mercato.runtime.http.admission import Admission
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.runtime.parts import Parts
from mercato.runtime.telemetry import AccessLine, RouteMetrics
from mercato.values.ids import Ids
from mercato.values.messages import Caller, Failed, Forbidden, LogInFirst, Overloaded, Refusal, TooManyRequests

SESSION_COOKIE = "mercato_session"

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_NO_STORE = (b"cache-control", b"no-store")
_API_HEADERS: tuple[tuple[bytes, bytes], ...] = ((b"x-content-type-options", b"nosniff"),)
_PAGE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'none'; img-src 'self' https: data:; style-src 'self'; form-action 'self'; "
        b"base-uri 'none'; frame-ancestors 'none'",
    ),
)


class Edge:
    """What endpoints may use: the calls, ids, the parts, and `extras` that the front-ends and services hand in."""

    def __init__(self, calls: Calls, parts: Parts, directory: Directory, limiter: Limiter) -> None:
        self.calls = calls
        self.ids: Ids = parts.ids
        self.clock = parts.clock
        self.parts = parts
        self.directory = directory
        self.limiter = limiter
        self.admission = Admission(parts.clock)
        self.bulkheads = Bulkheads(parts.loop, self.admission)
        self._new_request_id = parts.ids.series()
        self._metrics: dict[str, RouteMetrics] = {}

    async def serve(self, route: Route, request: Request) -> Reply:
        """From a whole request to a finished reply."""
        request.started = self.clock.elapsed()
        request.id = self._request_id(request)
        self.admission.serving += 1
        caller: Caller | None = None
        try:
            caller = self._enter_known(route, request) or await self._enter(route, request)
            reply = await route.endpoint(self, request, caller)
        except Refusal as refusal:
            reply = self._refused(route, request, refusal)
        except Exception as error:
            self.parts.telemetry.log.error(
                "request_failed", request=request.id, route=route.path, error="".join(traceback.format_exception(error))
            )
            reply = self._refused(route, request, Failed())
        finally:
            self.admission.serving -= 1
        self._leave(route, request, reply, caller)
        return reply

    def turn_away(self, route: Route, request: Request) -> Reply | None:
        """The refusal of a request for which there is no room; None: it may be served."""
        if route.limit == "none" or self.admission.admits(
            request.headers.get(b"authorization") or request.headers.get(b"cookie") or request.peer.encode()
        ):
            return None
        request.started = self.clock.elapsed()
        request.id = self._request_id(request)
        reply = self._refused(route, request, Overloaded())
        self._leave(route, request, reply, None)
        return reply

    def serve_kept(self, route: Route, request: Request) -> Reply | None:
        """The reply that is kept for this request, finished as by `serve`; None: it must be made."""
        cache = route.cache
        if cache is None or b"authorization" in request.headers or request.query:
            return None
        tenant = self.directory.known_tenant(_host(request), request.handle)
        kept = cache.find(tenant.store, request.path) if tenant is not None else None
        if tenant is None or kept is None:
            return None
        request.started = self.clock.elapsed()
        request.id = self._request_id(request)
        reply = kept.reply(request.headers.get(b"if-none-match"))
        self._leave(route, request, reply, Caller(store=tenant.store))
        return reply

    # Entering.

    def _request_id(self, request: Request) -> str:
        given = request.headers.get(b"x-request-id")
        if given is not None:
            text = given.decode("latin-1")
            if _REQUEST_ID.fullmatch(text):
                return text
        return self._new_request_id("req")

    def _enter_known(self, route: Route, request: Request) -> Caller | None:
        """The caller, if store and token are in memory."""
        tenant = self.directory.known_tenant(_host(request), request.handle)
        if tenant is None:
            return None
        token = _token(route, request)
        holder = self.directory.known_holder(token) if token else None
        if token and holder is None:
            return None
        return self._admit(route, request, tenant, holder)

    async def _enter(self, route: Route, request: Request) -> Caller:
        tenant = await self.directory.find_tenant(_host(request), request.handle)
        token = _token(route, request)
        holder = await self.directory.find_holder(token) if token else None
        if token and holder is None and not route.page and route.limit != "auth":
            raise LogInFirst("this token is unknown, has ended or has expired")
        return self._admit(route, request, tenant, holder)

    def _admit(self, route: Route, request: Request, tenant: Tenant, holder: Holder | None) -> Caller:
        if holder is not None and holder.store != tenant.store:
            raise Forbidden("this token belongs to another store")
        if route.page and request.method not in _SAFE:
            _refuse_cross_site(request)
        if route.limit != "none":
            # A log-in has no holder yet worth counting; everybody else is counted by who they are.
            key = request.peer if holder is None or route.limit == "auth" else holder.buyer or request.peer
            verdict = self.limiter.take(route.limit, key)
            if verdict.retry_after:
                raise TooManyRequests(retry_after=verdict.retry_after)
        caller = (
            Caller(store=tenant.store, request=request.id, trace=request.id)
            if holder is None
            else holder.caller(tenant, request.id)
        )
        if not route.allow.admits(caller.roles):
            if holder is None or holder.is_guest:
                raise LogInFirst
            raise Forbidden(f"this is for {route.allow.name}")
        return caller

    # Leaving.

    def _refused(self, route: Route, request: Request, refusal: Refusal) -> Reply:
        if route.page and self.page_of_refusal is not None:
            page: Reply = self.page_of_refusal(refusal, request)
            return page
        return Reply.of_refusal(refusal, request.id)

    page_of_refusal: Any = None

    def _leave(self, route: Route, request: Request, reply: Reply, caller: Caller | None) -> None:
        seconds = self.clock.elapsed() - request.started
        metrics = self._metrics.get(route.name)
        if metrics is None:
            metrics = self._metrics[route.name] = self.parts.telemetry.route(route.method, route.path)
        metrics.count(reply.status, seconds)
        self.parts.telemetry.access.write(
            AccessLine(
                self.clock.now(),
                request.id,
                caller.store if caller else "",
                request.method,
                route.path,
                reply.status,
                int(seconds * 1_000_000),
                request.peer,
                caller.buyer if caller else "",
                reply.code,
            )
        )
        caching = _NO_STORE if reply.cache_control is None else (b"cache-control", reply.cache_control)
        fixed = _PAGE_HEADERS if route.page else _API_HEADERS
        reply.headers = (*reply.headers, caching, *fixed, (b"x-request-id", request.id.encode()))


def _host(request: Request) -> str:
    """The host name of the request, without port, lower case."""
    host = request.headers.get(b"host", b"").decode("latin-1").lower()
    return host.rsplit(":", 1)[0] if ":" in host and not host.endswith("]") else host


def _token(route: Route, request: Request) -> str:
    """The bearer token; pages take it from their cookie, the API never does (so no other site can use it)."""
    if route.page:
        return request.cookie(SESSION_COOKIE)
    given = request.headers.get(b"authorization", b"")
    if not given:
        return ""
    scheme, _, token = given.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise LogInFirst("the Authorization header has the form `Bearer TOKEN`")
    return token


def _refuse_cross_site(request: Request) -> None:
    """A form may come only from our own pages: browsers say from where they send it."""
    origin = request.header(b"origin")
    host = request.header(b"host").lower()
    if origin:
        if origin.lower().rpartition("//")[2] == host:
            return
    elif request.header(b"sec-fetch-site") == "same-origin":
        return
    raise Forbidden("this form was not sent from a page of this shop")
