"""A shop with a search: goods, categories and prices given by staff, found over HTTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from mercato.apps.simulate.index import SimulatedIndex
from mercato.contracts.catalog import ChangeProduct, CreateProduct, Option, Product, ProductDraft, VariantDraft
from mercato.contracts.stores import MakeApiKey
from mercato.runtime.service import Service
from mercato.runtime.setup import Setup
from mercato.services.search.domain import Entry, Gone
from mercato.services.search.service import service as search
from mercato.values.ids import ProductId
from mercato.values.messages import Unavailable
from tests.services.conftest import Response, Running, Web, open_store, running, settled, staff, until

STORE, HOST = "sto_first", "first.example"

Opened = Callable[[], AbstractAsyncContextManager["Stage"]]


class ShelfOfTest:
    """One index in memory that outlives the node. `writes` has the size of each chunk; `broken`: nothing works."""

    def __init__(self) -> None:
        self.index = SimulatedIndex(lambda: False)
        self.writes: list[int] = []
        self.broken = False
        self.fault = False
        self.done = 0

    def open(self) -> "ShelfOfTest":
        if self.broken:
            raise Unavailable("broken")
        return self

    def rebuilds(self, serving: Any) -> int:
        return self.done

    def begin(self, serving: Any, rebuilds: int) -> Any:
        return SimulatedIndex(lambda: False)

    def finish(self, serving: Any, rebuilt: Any, rebuilds: int) -> Any:
        self.index, self.done = rebuilt, rebuilds
        return self

    @property
    def mark(self) -> int:
        return self.index.mark

    def write(self, changes: Sequence[Entry | Gone], mark: int) -> None:
        if self.broken:
            raise Unavailable("broken")
        if self.fault:
            raise ValueError("a fault")
        self.writes.append(len(changes))
        self.index.write(changes, mark)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.index, name)


class Stage:
    """A started node with a store, and what staff and shoppers do there."""

    def __init__(self, node: Running, shelf: ShelfOfTest) -> None:
        self.node = node
        self.calls = node.calls
        self.shelf = shelf
        self.web = Web(node)

    async def make(self, title: str, *, price: int | None = 1_000, stock: int = 3, **given: Any) -> Product:
        """A product in the sizes S and L; only S is there."""
        variants = (VariantDraft(("S",), price=price, stock_change=stock), VariantDraft(("L",), price=price))
        options = (Option("Size", ("S", "L")),)
        draft = ProductDraft(title.lower().replace(" ", "-"), title, "EUR", variants, options=options, status="active")
        product_id = ProductId(self.node.parts.ids.new("prod"))
        made = await self.calls.do(CreateProduct(product_id, draft), staff(STORE))
        if given:
            await self.change(made.id, **given)
        return made

    async def change(self, product_id: str, **given: Any) -> None:
        await self.calls.do(ChangeProduct(ProductId(product_id), **given), staff(STORE))

    async def token(self) -> str:
        """The token of a program that acts as staff."""
        return (await self.calls.do(MakeApiKey("test"), staff(STORE))).secret

    async def get(self, path: str, token: str = "", **given: Any) -> Response:
        query = urlencode(given, doseq=True, quote_via=quote)
        return await self.web("GET", f"{path}?{query}" if query else path, host=HOST, token=token)

    async def entry(self, product_id: str) -> Entry | None:
        """A product as the index has it, when everything that was told is in it."""
        await self.indexed()
        return self.shelf.index.entries.get((STORE, ProductId(product_id)))

    async def indexed(self) -> None:
        await settled(self.node)
        rows = self.node.executors["search"].database.reader().fetch("SELECT max(changed) FROM entries", (), 1)
        await until(lambda: self.shelf.mark >= (rows[0][0] or 0))


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Opens the same shop again and again; its index is in memory."""
    shelf = ShelfOfTest()

    def change(service: Service, setup: Setup) -> Service:
        return search(setup, shelf) if service.name == "search" else service

    @asynccontextmanager
    async def open_stage() -> AsyncIterator[Stage]:
        async with running(tmp_path, ["search", "stores", "carts"], change=change) as node:
            await open_store(node.calls, "first")
            yield Stage(node, shelf)

    return open_stage


@pytest.fixture
async def stage(opened: Opened) -> AsyncIterator[Stage]:
    async with opened() as made:
        yield made
