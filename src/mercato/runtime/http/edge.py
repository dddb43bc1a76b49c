"""The edge: `enter` finds out who is calling, `leave` finishes a reply. Both dispatchers call this one pair.

Between them stands one endpoint. `serve` joins the three and never raises: a refusal becomes a problem document, a
fault of ours a logged 500.
"""

import re
import traceback
from functools import lru_cache
from typing import Any

from mercato.runtime.access.forwarded import TrustedProxy
from mercato.runtime.access.limits import Limiter
from mercato.runtime.access.who import Directory, Holder, Tenant
from mercato.runtime.bulkheads import Bulkheads
from mercato.runtime.calls import Calls
from mercato.runtime.http.admission import Admission
from mercato.runtime.http.cached import Kept
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.runtime.parts import Parts
from mercato.runtime.telemetry import RouteMetrics
from mercato.values.ids import Ids
from mercato.values.messages import Caller, Failed, Forbidden, LogInFirst, Overloaded, Refusal, TooManyRequests

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Edge:
    """What endpoints may use: the calls, ids, the parts, and `extras` that the front-ends and services hand in.

    Dispatchers ask `proxy`, where there is one, for the peer of each request.
    """

    def __init__(
        self, calls: Calls, parts: Parts, directory: Directory, limiter: Limiter, proxy: TrustedProxy | None = None
    ) -> None:
        self.calls = calls
        self.ids: Ids = parts.ids
        self.clock = parts.clock
        self.parts = parts
        self.directory = directory
        self.limiter = limiter
        self.proxy = proxy
        self.admission = Admission(parts.clock)
        self.bulkheads = Bulkheads(parts.loop, self.admission)
        self.new_request_id = parts.ids.series()
        self.note = parts.telemetry.requests.note
        self._metrics: dict[tuple[str, str], RouteMetrics] = {}

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

    def find_kept(self, route: Route, host: str, path: str) -> tuple[str, Kept] | None:
        """The store of this host, and the reply that it keeps for everybody at this path; None: it must be made."""
        tenant = self.directory.known_tenant(host, "")
        if tenant is None or route.cache is None:
            return None
        kept = route.cache.find(tenant.store, path)
        return None if kept is None else (tenant.store, kept)

    # Entering.

    def _request_id(self, request: Request) -> str:
        """The id that the caller gave to the request, if its form is safe in logs and headers; else a new one."""
        given = request.headers.get(b"x-request-id")
        if given is None:
            return self.new_request_id("req")
        text = given.decode("latin-1")
        return text if _REQUEST_ID.fullmatch(text) else self.new_request_id("req")

    def _enter_known(self, route: Route, request: Request) -> Caller | None:
        """The caller, if store and token are in memory."""
        if route.storeless:
            return Caller(store="", request=request.id, trace=request.id)
        if route.limit == "auth" and self.limiter.sharing is not None:
            return None
        tenant = self.directory.known_tenant(host_name(request.headers.get(b"host", b"")), request.handle)
        if tenant is None:
            return None
        token = _token(route, request, tenant)
        holder = self.directory.known_holder(token) if token else None
        if token and holder is None:
            return None
        return self._admit(route, request, tenant, holder)

    async def _enter(self, route: Route, request: Request) -> Caller:
        host, directory = host_name(request.headers.get(b"host", b"")), self.directory
        tenant = directory.known_tenant(host, request.handle) or await directory.find_tenant(host, request.handle)
        token = _token(route, request, tenant)
        holder = (directory.known_holder(token) or await directory.find_holder(token)) if token else None
        if token and holder is None and not route.page and route.limit != "auth":
            raise LogInFirst("this token is unknown, has ended or has expired")
        caller = self._admit(route, request, tenant, holder)
        sharing = self.limiter.sharing
        if route.limit == "auth" and sharing is not None:
            retry_after = await sharing.ask("auth", f"{tenant.store} {request.peer}")
            if retry_after:
                raise TooManyRequests(retry_after=retry_after)
        return caller

    def _admit(self, route: Route, request: Request, tenant: Tenant, holder: Holder | None) -> Caller:
        if holder is not None and holder.store != tenant.store:
            raise Forbidden("this token belongs to another store")
        if route.page and request.method not in _SAFE:
            _refuse_cross_site(request)
        if route.limit != "none":
            # A log-in has no holder yet worth counting; everybody else is counted by who they are.
            if holder is None or route.limit == "auth" or not holder.buyer:
                key = f"{tenant.store} {request.peer}"
            else:
                key = holder.buyer
            retry_after = self.limiter.take(route.limit, key)
            if retry_after:
                raise TooManyRequests(retry_after=retry_after)
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
    image_origin = b""  # which pages may show pictures of, beside their own

    def _leave(self, route: Route, request: Request, reply: Reply, caller: Caller | None) -> None:
        reply.page = route.page
        reply.images = self.image_origin if route.page else b""
        reply.request = request.id
        store, buyer = (caller.store, caller.buyer) if caller is not None else ("", "")
        ended = self.clock.elapsed()
        self.note(
            (
                self.metrics(route),
                request.id,
                store,
                reply.status,
                ended - request.started,
                ended,
                request.peer,
                buyer,
                reply.code,
            )
        )

    def metrics(self, route: Route) -> RouteMetrics:
        """The counters of a route."""
        metrics = self._metrics.get((route.method, route.path))
        if metrics is None:
            metrics = self.parts.telemetry.route(route.method, route.path)
            self._metrics[route.method, route.path] = metrics
        return metrics


@lru_cache(maxsize=512)
def host_name(header: bytes) -> str:
    """The host name in a Host header: without port, in lower case."""
    host = header.decode("latin-1").lower()
    return host.rsplit(":", 1)[0] if ":" in host and not host.endswith("]") else host


def session_cookie_name(store: str) -> str:
    """Each store has a cookie of its own: stores of one host do not take each other's sessions."""
    return f"mercato_session_{store}"


def _token(route: Route, request: Request, tenant: Tenant) -> str:
    """The bearer token; pages take it from their cookie, the API never does (so no other site can use it)."""
    if route.page:
        return request.cookie(session_cookie_name(tenant.store))
    given = request.headers.get(b"authorization")
    if not given:
        return ""
    if given[:7].lower() != b"bearer " or len(given) == len(b"Bearer "):
        raise LogInFirst("the Authorization header has the form `Bearer TOKEN`")
    return given[7:].decode("latin-1")


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
