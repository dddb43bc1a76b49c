"""The table of routes as a proxy reads it: gates in order, of which the first that fits decides about a request."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from mercato.apps.edge.layout import STOREFRONT, Layout
from mercato.runtime.access.limits import Limit
from mercato.runtime.http.asgi import API_PREFIX
from mercato.runtime.http.exchange import MAX_BODY
from mercato.runtime.http.route import PARAM, Route

SAFE = ("GET", "HEAD", "OPTIONS")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
METHODS = (*SAFE, *UNSAFE)

HIDDEN = ("/metrics", "/healthz", "/readyz")  # for those who run the installation, not for those who visit it
NOBODY = ""  # the service of what is hidden

# Every path may begin with the handle of its store: the edge of a process takes it off (runtime/http/asgi.py).
_ANY_STORE = "/(?:s/[^/]+/)?"
_EVERYTHING = "/.*"


class Way(msgspec.Struct, frozen=True):
    """A route, and who serves it. `signed`: it is answered only with a token, so nobody needs to ask without one."""

    service: str
    method: str
    path: str
    limit: Limit
    signed: bool = False
    max_body: int = MAX_BODY

    @property
    def methods(self) -> tuple[str, ...]:
        """Where a page or record can be read, its head can be."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)

    @property
    def example(self) -> str:
        """A path that the route serves."""
        return PARAM.sub("x1", self.path)


class Gate(msgspec.Struct, frozen=True):
    """What is done with requests of these methods whose whole path fits `pattern`: a regular expression that all
    proxies read alike, of literal text, `[^/]+`, `.*`, groups and alternatives."""

    name: str
    methods: tuple[str, ...]
    pattern: str
    service: str
    limit: Limit
    signed: bool = False
    max_body: int = MAX_BODY

    def fits(self, method: str, path: str) -> bool:
        return method in self.methods and re.fullmatch(self.pattern, path) is not None


def ways_of(routes: Mapping[str, Iterable[Route]]) -> tuple[Way, ...]:
    """The rows of all routes, by the service that has them. Pages tell people themselves when they must log in."""
    return tuple(
        Way(
            service,
            route.method,
            route.path,
            route.limit,
            bool(route.allow.roles) and route.path.startswith(API_PREFIX),
            route.max_body,
        )
        for service, rows in routes.items()
        for route in rows
    )


def gates_of(ways: tuple[Way, ...], layout: Layout) -> tuple[Gate, ...]:
    """The gates, most special first: what is hidden, then single paths, then what a service has, then everything else.

    Raises ValueError for a service that has no routes.
    """
    ways = _settled(ways, layout)
    hidden = Gate("hidden", METHODS, _pattern(HIDDEN), NOBODY, "none")
    general = tuple(gate for service, parts in _owned(ways).items() for gate in _general(service, _below(parts)))
    general += _general(STOREFRONT, _EVERYTHING)
    patterned = _special(tuple(way for way in ways if PARAM.search(way.path)), general, "any")
    literal = _special(tuple(way for way in ways if not PARAM.search(way.path)), (*patterned, *general), "one")
    return (hidden, *literal, *patterned, *general)


def gate_for(gates: Iterable[Gate], method: str, path: str) -> Gate | None:
    """Where a request goes; None where no route has its method."""
    return next((gate for gate in gates if gate.fits(method, path)), None)


def _settled(ways: tuple[Way, ...], layout: Layout) -> tuple[Way, ...]:
    """The rows with the group of processes that really serves them."""
    known = {way.service for way in ways} - {STOREFRONT}
    unknown = sorted(layout.services.keys() - known)
    if unknown:
        raise ValueError(f"there is no service {' or '.join(unknown)}; there are {', '.join(sorted(known))}")
    return tuple(
        way if way.service in layout.services else msgspec.structs.replace(way, service=STOREFRONT) for way in ways
    )


def _owned(ways: tuple[Way, ...]) -> dict[str, list[str]]:
    """For each service the first parts of paths below /v1 that are only its own. Those of several have no owner: there
    every route is told by itself."""
    owners: dict[str, set[str]] = {}
    for way in ways:
        if way.path.startswith(API_PREFIX):
            part = way.path.removeprefix(API_PREFIX).partition("/")[0]
            owners.setdefault(part, set()).add(way.service)
    owned: dict[str, list[str]] = {}
    for part, services in owners.items():
        if len(services) == 1 and services != {STOREFRONT}:
            owned.setdefault(services.pop(), []).append(part)
    return owned


def _general(service: str, pattern: str) -> tuple[Gate, Gate]:
    return (
        Gate(f"{service}_read", SAFE, pattern, service, "read"),
        Gate(f"{service}_write", UNSAFE, pattern, service, "write"),
    )


def _special(ways: tuple[Way, ...], after: tuple[Gate, ...], kind: str) -> tuple[Gate, ...]:
    """Gates for those ways that the gates `after` them would treat otherwise; those of one treatment share a gate."""
    alike: dict[tuple[str, tuple[str, ...], Limit, bool, int], list[str]] = {}
    for way in ways:
        if any(_differs(way, gate_for(after, method, way.example)) for method in way.methods):
            treatment = (way.service, way.methods, way.limit, way.signed, way.max_body)
            alike.setdefault(treatment, []).append(way.path)
    return tuple(
        Gate(_name(kind, treatment), treatment[1], _pattern(paths), treatment[0], *treatment[2:])
        for treatment, paths in alike.items()
    )


def _differs(way: Way, gate: Gate | None) -> bool:
    return gate is None or (way.service, way.limit, way.signed, way.max_body) != (
        gate.service,
        gate.limit,
        gate.signed,
        gate.max_body,
    )


def _name(kind: str, treatment: tuple[str, tuple[str, ...], Limit, bool, int]) -> str:
    service, methods, limit, signed, max_body = treatment
    parts = [service, kind, methods[0].lower(), limit, "signed" if signed else "open"]
    return "_".join([*parts, str(max_body)] if max_body != MAX_BODY else parts)


def _pattern(paths: Iterable[str]) -> str:
    return _ANY_STORE + _either(_literal(path) for path in paths)


def _below(parts: Iterable[str]) -> str:
    return _ANY_STORE + API_PREFIX.removeprefix("/") + _either(map(_escaped, parts)) + "(?:/.*)?"


def _either(texts: Iterable[str]) -> str:
    texts = tuple(texts)
    return texts[0] if len(texts) == 1 else f"(?:{'|'.join(texts)})"


def _literal(path: str) -> str:
    """A path of a route as a pattern, without its first slash."""
    literals = PARAM.split(path.removeprefix("/"))[::2]  # the names of the parameters stand between them
    return "[^/]+".join(map(_escaped, literals))


def _escaped(text: str) -> str:
    """Only the point means something else in a pattern, of what stands in paths."""
    return text.replace(".", r"\.")
