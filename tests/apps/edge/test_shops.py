"""Real shops behind real proxies: what they believe, what they note, and what callers see of a restart."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mercato.apps.edge.layout import Layout
from tests.apps.edge.standing import STARTS, ask, free_ports, proxying, running, until_answered

pytestmark = pytest.mark.server

PROXY, SHOPPER = "127.0.0.1", "127.0.0.2"  # from where the proxy connects, and from where the test does
BELIEVES = {"MERCATO_TRUSTED_PROXY": PROXY}
WRONG = b'{"email": "ann@example.com", "password": "correct horse battery"}'
JSON = {"Content-Type": "application/json"}


class Shops(NamedTuple):
    """Two shops, each with data of its own, and a port for a proxy."""

    folders: tuple[Path, Path]
    ports: tuple[int, int]
    proxy: int

    @property
    def layout(self) -> Layout:
        first, second = (f"127.0.0.1:{port}" for port in self.ports)
        return Layout((first, second), {"orders": (first, second)}, f"127.0.0.1:{self.proxy}")

    def noted(self, request_id: str) -> dict[str, Any]:
        """The line that one of them has written about a request."""
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            for folder in self.folders:
                for line in (folder / "access.log").read_bytes().splitlines():
                    told: dict[str, Any] = json.loads(line)
                    if told["request"] == request_id:
                        return told
            time.sleep(0.1)
        return {}


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    folders = (tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("shop"))
    first, second, proxy = free_ports(3)
    with ExitStack() as started:
        for folder, port in zip(folders, (first, second), strict=True):
            command = [sys.executable, "-m", "mercato", "run", "--data", str(folder), "--port", str(port)]
            started.enter_context(running(command, folder, BELIEVES))
        for port in (first, second):
            until_answered(port, "/readyz", {200})
        yield Shops(folders, (first, second), proxy)


@pytest.mark.parametrize("program", STARTS)
def test_a_shop_behind_a_proxy_knows_who_is_calling(program: str, shops: Shops, tmp_path: Path) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} on PATH")
    with proxying(program, tmp_path, shops.layout):
        asked = [
            ("GET", "/", {}, b"", 200),
            ("GET", "/v1/products", {}, b"", 200),
            ("GET", "/v1/products", {"X-Forwarded-For": "203.0.113.9"}, b"", 200),
            ("GET", "/v1/orders", {"Authorization": "Bearer unknown"}, b"", 401),
            ("POST", "/v1/auth/login", {**JSON, "X-Forwarded-For": "203.0.113.9"}, WRONG, 401),
        ]
        for number, (method, path, headers, body, status) in enumerate(asked):
            given = f"{program}-request-{number}"
            answer = ask(shops.proxy, method, path, {**headers, "X-Request-Id": given}, body, source=SHOPPER)
            assert answer.status == status, answer
            assert answer.headers["x-request-id"] == given
            line = shops.noted(given)
            assert (line["peer"], line["status"]) == (SHOPPER, status), line
        made = ask(shops.proxy, "GET", "/v1/store", {"X-Request-Id": "bad id"}, source=SHOPPER).headers["x-request-id"]
        assert shops.noted(made)["peer"] == SHOPPER
        refused = ask(shops.proxy, "GET", "/v1/cart", {"X-Request-Id": f"{program}-refused"}, source=SHOPPER)
        assert refused.status == 401
        assert ask(shops.proxy, "GET", "/metrics", {}, source=SHOPPER).status == 404


def test_a_caller_who_goes_round_the_proxy_cannot_choose_an_address(shops: Shops) -> None:
    for number, headers in enumerate(({}, {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": PROXY})):
        given = f"direct-request-{number}"
        answer = ask(shops.ports[0], "GET", "/v1/products", {**headers, "X-Request-Id": given}, source=SHOPPER)
        assert answer.status == 200
        assert shops.noted(given)["peer"] == SHOPPER
