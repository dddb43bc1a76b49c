"""Pages about what went wrong, each with a way out."""

from collections.abc import Callable
from urllib.parse import quote, urlencode, urlsplit

from mercato.frontends.storefront.texts import TROUBLES
from mercato.frontends.storefront.visit import Site, base_of, local_path, page_without_asking
from mercato.runtime.http.edge import Edge, host_name
from mercato.runtime.http.exchange import HTML, Reply, Request
from mercato.values.messages import USER, Forbidden, LogInFirst, Refusal

OURS = 500


def page_of_refusal(site: Site, edge: Edge) -> Callable[[Refusal, Request], Reply]:
    """What the edge answers where a page was refused. It asks nobody: asking may be what failed."""

    def page(refusal: Refusal, request: Request) -> Reply:
        if isinstance(refusal, LogInFirst):
            return _to_log_in(request)
        store = _store(edge, request)
        session = site.session_of(store, request)
        heading, explanation = TROUBLES.get(refusal.status, TROUBLES[OURS if refusal.status >= OURS else 422])
        values = {
            "signed_in": _signed_in(edge, request.cookie(session.name)),
            "heading": heading,
            "explanation": explanation,
            "request_id": request.id if refusal.status >= OURS else "",
        }
        headers = Reply.of_refusal(refusal, request.id).headers
        if isinstance(refusal, Forbidden) and request.method == "GET":
            # Only a token of another store is refused like that: without it this store can be visited.
            headers = (*headers, session.removed())
        return Reply(
            refusal.status, page_without_asking(site, request, store, values), HTML, headers, code=refusal.code
        )

    return page


def _to_log_in(request: Request) -> Reply:
    """To the log-in page, and from there back to the page that was asked for, or to the form that was sent."""
    if request.method == "GET":
        query = request.query.decode("latin-1")
        onward = local_path(quote(request.path) + (f"?{query}" if query else ""))
    else:
        referrer = urlsplit(request.header(b"referer"))
        onward = local_path(referrer.path.removeprefix(base_of(request)))
    address = f"{base_of(request)}/login?{urlencode({'next': onward})}"
    return Reply(303, b"", HTML, ((b"location", address.encode()),), code=LogInFirst.code)


def _signed_in(edge: Edge, token: str) -> bool:
    holder = edge.directory.known_holder(token) if token else None
    return holder is not None and bool(holder.roles & USER)


def _store(edge: Edge, request: Request) -> str:
    tenant = edge.directory.known_tenant(host_name(request.headers.get(b"host", b"")), request.handle)
    return tenant.store if tenant else ""
