"""A shop outgrows its machine: it is closed, moves to servers with all that is under way, and goes on there."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mercato.apps.command_line import main
from tests.journeys.distributed import Servers, apart
from tests.journeys.test_payments import paid_soon, status_of
from tests.journeys.town import Person, opened
from tools.engines import Engine

PAYMENTS = "7"  # the folder of the node that runs payments


@pytest.mark.server
@pytest.mark.parametrize(("kind", "documents"), [("postgresql", ""), ("mariadb", ""), ("mariadb", "mongo")])
async def test_what_was_under_way_goes_on_where_the_shop_has_moved(
    tmp_path: Path, kind: str, documents: str, engine: Callable[[str], Engine], databases: dict[str, Servers]
) -> None:
    server, old, new = engine(kind), tmp_path / "old", tmp_path / "new"
    async with opened(old) as town:
        store = town.store = await town.open("first", "First Shop")
        small, large = await town.product("shirt")
        ann, bob, cat = [await town.person(name) for name in ("ann", "bob", "cat")]
        unpaid = await ann.placed(small)
        pending = await bob.placed(small)
        assert (await bob.pay(pending["id"], "error", "bob", wait=0)).status == 202
        await town.quiet()
        town.pause("notifications")  # the end of the log is not consumed
        bought = await cat.bought(small)
        await cat.add(large, 3)
        cart = await cat.get("/v1/cart")
        people = [(each.token, each.id) for each in (ann, bob, cat)]
    name = f"moved_{os.getpid()}_{kind}{documents}"
    stores = engine(documents) if documents else None
    servers = databases.setdefault(name, Servers(server, documents=stores))
    urls = [url.rpartition("/")[0] + f"/{name}" for url in (server.url, server.owner_url)]
    words = ["move", "--from", str(old), "--to", urls[0], "--owner", urls[1], "--keys", str(new / "keys.json")]
    words += ["--documents", f"{stores.url.rpartition('/')[0]}/{name}"] if stores is not None else []
    assert await asyncio.to_thread(main, words) == 0
    (new / PAYMENTS).mkdir()
    shutil.copy(old / "test_gateway.jsonl", new / PAYMENTS)
    async with apart(new, servers, name) as town:
        town.store = store
        ann, bob, cat = [Person(town, *each) for each in people]
        await town.quiet()
        assert await cat.get("/v1/cart") == cart
        assert await status_of(cat, bought["id"]) == "paid"
        assert [mail["To"] for mail in town.mails() if bought["id"][-8:] in str(mail)] != []
        paid = await ann.pay(unpaid["id"])
        assert (paid.status, paid.json()["order"]["status"]) == (201, "paid"), paid.body
        await paid_soon(town, bob, pending["id"])
        await ann.bought(large, 2)
        assert await town.figures(small) == (7, 0, 3)
        assert await town.sound()
