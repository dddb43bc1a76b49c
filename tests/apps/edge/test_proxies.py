"""The configurations in real programs: what passes, what is refused, and what reaches a process."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from mercato.apps.edge.answers import IDENTITY, REQUEST_ID
from mercato.apps.edge.table import HIDDEN, Way
from mercato.runtime.http.exchange import MAX_BODY
from tests.apps.edge.standing import GROUPS, STARTS, Answer, Edge, ask, standing, ways

pytestmark = pytest.mark.server

TOKEN = {"Authorization": "Bearer t"}
CODES = {
    401: "log_in_first",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    429: "too_many_requests",
}
Folders = pytest.TempPathFactory


@pytest.fixture(scope="module", params=list(STARTS))
def edge(request: pytest.FixtureRequest, tmp_path_factory: Folders) -> Iterator[Edge]:
    with started(request.param, tmp_path_factory) as edge:
        yield edge


def started(program: str, folders: Folders, generosity: float = 0.0, host: str = "") -> AbstractContextManager[Edge]:
    present(program)
    return standing(program, folders.mktemp(program), generosity, host)


def present(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} on PATH")


def seen(answer: Answer) -> dict[str, Any]:
    """What a backend has seen of a request."""
    assert answer.status == 200, answer
    told: dict[str, Any] = json.loads(answer.body)
    return told


def sent_on(answer: Answer) -> dict[str, list[str]]:
    """The headers that reached a backend."""
    headers: dict[str, list[str]] = {}
    for name, value in seen(answer)["headers"]:
        headers.setdefault(name, []).append(value)
    return headers


def refused(edge: Edge, answer: Answer, status: int) -> None:
    """The proxy itself has answered; all but Traefik, which has no documents of its own, with a problem document."""
    assert answer.status == status, answer
    assert b'"backend"' not in answer.body
    if edge.program != "traefik":
        document = json.loads(answer.body)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (document["status"], document["code"]) == (status, CODES[status])
        assert re.fullmatch(REQUEST_ID, document["request_id"])
        assert answer.headers["x-request-id"] == document["request_id"]


def served_by(way: Way) -> tuple[str, ...]:
    return GROUPS.get(way.service, GROUPS["storefront"])


def test_each_route_ends_at_the_processes_of_its_service(edge: Edge) -> None:
    for way in ways():
        for store in ("", "/s/red"):
            answer = edge.ask(way.method, f"{store}{way.example}?a=1", TOKEN)
            told = seen(answer)
            assert told["backend"] in served_by(way), way
            assert (told["method"], told["path"]) == (way.method, f"{store}{way.example}?a=1")


def test_everything_else_ends_at_the_storefront(edge: Edge) -> None:
    for path in ("/", "/s/red", "/about", "/v1/openapi.json", "/v1/ordersandmore", "/V1/orders", "/orders/ord_1"):
        assert seen(edge.ask("GET", path))["backend"] in GROUPS["storefront"], path


def test_the_load_is_shared(edge: Edge) -> None:
    counts = [seen(edge.ask("GET", "/"))["backend"] for _ in range(20)]
    assert {name: counts.count(name) for name in GROUPS["storefront"]} == dict.fromkeys(GROUPS["storefront"], 10)


def test_routes_for_somebody_are_refused_to_nobody(edge: Edge) -> None:
    for way in ways():
        answer = edge.ask(way.method, way.example)
        if way.signed:
            refused(edge, answer, 401)
            assert edge.program == "traefik" or answer.headers["www-authenticate"] == "Bearer"
            refused(edge, edge.ask(way.method, f"/s/red{way.example}", {"Cookie": "mercato_session_red=t"}), 401)
        else:
            assert seen(answer)["backend"] in served_by(way), way


@pytest.mark.parametrize("store", ["", "/s/red"])
@pytest.mark.parametrize("path", HIDDEN)
def test_what_is_for_operators_is_not_there(edge: Edge, path: str, store: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        if method != "HEAD":
            refused(edge, edge.ask(method, f"{store}{path}?a=1"), 404)
        assert edge.ask(method, store + path, TOKEN).status == 404
    encoded = "".join(f"%{ord(letter):02x}" for letter in path[1:])
    assert edge.ask("GET", f"{store}/{encoded}").status in (400, 404)
    assert edge.ask("GET", f"{store}/%{ord(path[1]):02X}{path[2:]}").status == 404


def test_a_request_has_an_id(edge: Edge) -> None:
    """Traefik cannot make one: there the process does, and it takes over no malformed one either."""
    for given in ({}, {"X-Request-Id": "short"}, {"X-Request-Id": "x" * 65}, {"X-Request-Id": "a b c d e f g"}):
        ids = {sent_on(edge.ask("GET", "/", given)).get("x-request-id", [""])[0] for _ in range(2)}
        if edge.program == "traefik":
            assert ids == {given.get("X-Request-Id", "")}
        else:
            assert len(ids) == 2
            assert all(re.fullmatch(REQUEST_ID, one) for one in ids), ids
    good = "client-0.12_3456789"
    assert sent_on(edge.ask("GET", "/", {"X-Request-Id": good}))["x-request-id"] == [good]


def test_who_is_calling_is_what_the_proxy_sees(edge: Edge) -> None:
    forged = {
        **dict.fromkeys((*IDENTITY, "X-Real-IP"), "mallory"),
        "X-Forwarded-For": "203.0.113.9, 127.0.0.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "Connection": "close, X-Forwarded-For, X-Request-Id",
        "Host": "shop.example:8443",
    }
    headers = sent_on(edge.ask("GET", "/", forged))
    assert headers["x-forwarded-for"] == ["127.0.0.1"]
    assert headers["x-forwarded-proto"] == ["http"]
    assert headers["x-forwarded-host"] == headers["host"] == ["shop.example:8443"]
    assert [name for name, values in headers.items() if "mallory" in values] == []
    assert "203.0.113.9" not in str(headers)


def test_hop_headers_stay_on_their_hop(edge: Edge) -> None:
    given = {"TE": "trailers", "Keep-Alive": "timeout=1", "Proxy-Connection": "keep-alive", "Upgrade": "h2c"}
    headers = sent_on(edge.ask("GET", "/", {**given, "Proxy-Authorization": "Basic YTpi", "Trailer": "X-A"}))
    assert {
        "te",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "proxy-authorization",
        "trailer",
    } & headers.keys() == set()


def test_a_body_has_its_limit(edge: Edge) -> None:
    assert seen(edge.ask("POST", "/v1/orders", TOKEN, b"x" * MAX_BODY))["body"] == MAX_BODY
    for path in ("/v1/orders", "/login"):
        for method in ("POST", "PUT"):
            with suppress(ConnectionError):  # it may be closed while the body is still being sent
                refused(edge, edge.ask(method, path, TOKEN, b"x" * (MAX_BODY + 1)), 413)
            refused(edge, edge.ask(method, path, {**TOKEN, "Content-Length": str(MAX_BODY + 1)}), 413)


@pytest.mark.parametrize("program", STARTS)
def test_a_route_may_take_larger_bodies(program: str, tmp_path: Path) -> None:
    large = Way("storefront", "POST", "/v1/products/{product_id}/files", "write", signed=True, max_body=4 * MAX_BODY)
    present(program)
    with standing(program, tmp_path, 0, more=(large,)) as edge:
        assert seen(edge.ask("POST", "/v1/products/x1/files", TOKEN, b"x" * large.max_body))["body"] == large.max_body
        refused(edge, edge.ask("POST", "/v1/products/x1/files", {"Content-Length": "5"}, b"abcde"), 401)
        for path, length in (
            ("/v1/products/x1/files", large.max_body + 1),
            ("/v1/products/x1/folders", MAX_BODY + 1),
        ):
            refused(edge, edge.ask("POST", path, {**TOKEN, "Content-Length": str(length)}), 413)


def test_a_body_whose_length_is_not_told_is_counted(edge: Edge) -> None:
    """HAProxy does not: there the process is left to do it."""
    parts = (b"x" * 65_536 for _ in range(17))
    connection = HTTPConnection("127.0.0.1", edge.port, timeout=10)
    with closing(connection), suppress(ConnectionError):
        connection.request("POST", "/v1/orders", parts, TOKEN, encode_chunked=True)
        assert connection.getresponse().status == (200 if edge.program == "haproxy" else 413)


def test_headers_that_a_client_calls_its_own_hop_s(edge: Edge) -> None:
    """Only Traefik reads that list. A client can do no harm by it: it does not get rid of what the proxy writes."""
    headers = sent_on(edge.ask("GET", "/", {"Connection": "keep-alive, X-Mine, X-Forwarded-For", "X-Mine": "1"}))
    assert ("x-mine" in headers) == (edge.program != "traefik")
    assert headers["x-forwarded-for"] == ["127.0.0.1"]


def test_only_methods_of_the_table_pass(edge: Edge) -> None:
    for method in ("TRACE", "PROPFIND", "BREW"):
        assert edge.ask(method, "/").status in (400, 404, 405)


@pytest.mark.parametrize("program", STARTS)
def test_an_address_may_ask_for_so_much_of_each_kind(program: str, tmp_path_factory: Folders) -> None:
    """A burst of 100 reads, 10 writes, one log-in, and a second later one write more."""
    with started(program, tmp_path_factory, generosity=0.05) as edge:

        def asked(times: int, method: str, path: str, headers: dict[str, str] | None = None) -> list[int]:
            return [edge.ask(method, path, headers).status for _ in range(times)]

        auth = asked(4, "POST", "/v1/auth/login")
        assert (auth[0], auth[-1]) == (200, 429)
        refused(edge, edge.ask("POST", "/v1/auth/login"), 429)
        writes = asked(20, "POST", "/cart/change")
        assert writes[:10] == [200] * 10
        assert 429 in writes
        assert 429 in asked(5, "POST", "/v1/store/change")
        # All of a kind are counted together; Traefik counts for each of its routers.
        assert set(asked(5, "POST", "/v1/orders", TOKEN)) >= {200 if edge.program == "traefik" else 429}
        assert [edge.ask("GET", path).status for path in ("/", "/v1/products", "/v1/products/x1")] == [200] * 3
        assert asked(20, "POST", "/v1/payments/webhooks/x1") == [200] * 20


@pytest.mark.parametrize("program", STARTS)
def test_only_the_public_name_is_answered(program: str, tmp_path_factory: Folders) -> None:
    with started(program, tmp_path_factory, host="shop.example") as edge:
        assert seen(edge.ask("GET", "/", {"Host": "shop.example"}))["backend"] in GROUPS["storefront"]
        for host in ("other.example", "127.0.0.1"):
            try:
                assert edge.ask("GET", "/", {"Host": host}).status in (404, 421)
            except ConnectionError:  # nginx says nothing at all
                assert program == "nginx"


@pytest.mark.parametrize("program", STARTS)
def test_what_may_have_been_carried_out_is_not_sent_again(program: str, tmp_path_factory: Folders) -> None:
    with started(program, tmp_path_factory) as edge:

        def deaths() -> int:
            return sum(int(ask(edge.ports[name], "GET", "/deaths", {}).body) for name in GROUPS["storefront"])

        for method, most in (("POST", 1), ("PUT", 1), ("PATCH", 1), ("DELETE", 1), ("GET", 4)):
            before = deaths()
            with suppress(ConnectionError):
                answer = edge.ask(method, "/v1/store/die", TOKEN, b"{}" if method != "GET" else b"")
                assert answer.status == 502
                assert edge.program == "traefik" or json.loads(answer.body)["code"] == "no_answer"
            assert deaths() - before <= most, method
        assert deaths() >= 2
