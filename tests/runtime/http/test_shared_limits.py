"""Attempts to log in at the edges of several processes: together no more than one would allow."""

from types import SimpleNamespace
from typing import Any, cast

from mercato.runtime.access.limits import RULES, Limiter
from mercato.runtime.access.who import Holder, Tenant
from mercato.runtime.cache.local import LocalCache
from mercato.runtime.cache.shared_limits import SharedLimits
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.values.messages import Caller
from tests.runtime.cache.processes import Manual, manual

RED, BLUE = Tenant("sto_red", True, "EUR"), Tenant("sto_blue", True, "EUR")


class Directory:
    """Knows two stores by their hosts, and one token."""

    changes = 0

    def known_tenant(self, host: str, _handle: str) -> Tenant | None:
        return BLUE if host == "blue.example" else RED

    def known_holder(self, token: str) -> Holder | None:
        return Holder("sto_red", "usr_jo", 0, 2_000_000_000_000) if token == "jo" else None

    async def find_tenant(self, _host: str, _handle: str) -> Tenant:
        raise AssertionError("it is known")

    async def find_holder(self, _token: str) -> Holder | None:
        return None


async def done(_edge: Edge, _request: Request, _caller: Caller) -> Reply:
    return Reply(200, b"done")


LOG_IN = Route("POST", "/log-in", done, "log_in", limit="auth")
READ = Route("GET", "/read", done, "read")


def edge(at: Manual, cache: LocalCache | None) -> Edge:
    limiter = Limiter(at.clock)
    if cache is not None:
        limiter.sharing = SharedLimits(limiter, cache, at.parts)
    calls = cast(Any, SimpleNamespace())
    return Edge(calls, at.parts, Directory(), limiter)


async def status(at: Edge, route: Route, peer: str = "192.0.2.1", **headers: str) -> Reply:
    named = {name.encode(): text.encode() for name, text in headers.items()}
    return await at.serve(route, Request(route.method, route.path, b"", named, b"", peer))


async def test_attempts_at_all_processes_are_counted_together() -> None:
    at = manual()
    cache = LocalCache(at.clock, at.parts.ids, shared=True)
    edges = [edge(at, cache) for _ in range(3)]
    burst = RULES["auth"].burst
    replies = [await status(edges[number % 3], LOG_IN) for number in range(burst + 6)]
    assert [reply.status for reply in replies] == [200] * burst + [429] * 6
    assert [reply.code for reply in replies[burst:]] == ["too_many_requests"] * 6
    at.clock.advance(4_000)  # one comes back
    assert sorted([(await status(one, LOG_IN)).status for one in edges]) == [200, 429, 429]
    assert (await status(edges[0], LOG_IN, "192.0.2.2")).status == 200
    assert (await status(edges[0], LOG_IN, host="blue.example")).status == 200


async def test_a_log_in_is_counted_by_address_whoever_is_logged_in_already() -> None:
    at = manual()
    cache = LocalCache(at.clock, at.parts.ids, shared=True)
    one, other = edge(at, cache), edge(at, cache)
    for _ in range(RULES["auth"].burst):
        assert (await status(one, LOG_IN, authorization="Bearer jo")).status == 200
    assert (await status(other, LOG_IN)).status == 429


async def test_other_requests_ask_nobody() -> None:
    at = manual()
    cache = LocalCache(at.clock, at.parts.ids, shared=True)
    one = edge(at, cache)
    for headers in ({}, {"authorization": "Bearer jo"}):
        assert (await status(one, READ, **headers)).status == 200
    assert len(cache) == 0
    assert {key for _, taken in one.limiter.collected() for key in taken} == {"sto_red 192.0.2.1", "usr_jo"}


async def test_without_a_shared_cache_nothing_is_collected() -> None:
    at = manual()
    one = edge(at, None)
    assert (await status(one, READ)).status == (await status(one, LOG_IN)).status == 200
    assert list(one.limiter.collected()) == []
