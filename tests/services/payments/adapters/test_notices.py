"""Notices of the test gateway over a real wire: sent again until they are taken, and given up in the end."""

from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from mercato.services.payments.adapters import notices
from mercato.services.payments.adapters.notices import PostNotice
from mercato.services.payments.adapters.test_gateway import SIGNATURE


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "PAUSES", (0.0, 0.0))


class Shop:
    """Answers with these statuses one after the other; `taken` is what came: the body and its signature."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.taken: list[tuple[bytes, str]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((await request.read(), request.headers[SIGNATURE.decode()]))
        return web.Response(status=self.statuses.pop(0))


@pytest.fixture
async def shop(unused_tcp_port_factory: Callable[[], int]) -> AsyncIterator[Shop]:
    shop, port = Shop(), unused_tcp_port_factory()
    app = web.Application()
    app.router.add_post("/notices", shop.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    shop.url = f"http://127.0.0.1:{port}/notices"
    yield shop
    await runner.cleanup()


async def test_a_notice_is_sent_again_until_it_is_taken(shop: Shop) -> None:
    shop.statuses = [503, 204]
    await PostNotice(shop.url)(b"{}", "signed")
    assert shop.taken == [(b"{}", "signed")] * 2


async def test_a_notice_that_is_never_taken_is_given_up(shop: Shop) -> None:
    shop.statuses = [503] * 3
    await PostNotice(shop.url)(b"{}", "signed")
    assert shop.taken == [(b"{}", "signed")] * 3


async def test_a_shop_that_is_not_there_is_no_error(unused_tcp_port: int) -> None:
    await PostNotice(f"http://127.0.0.1:{unused_tcp_port}/notices")(b"{}", "signed")
