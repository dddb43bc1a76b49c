"""A shop with a search: goods, categories and prices given by staff, found over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest

from mercato.contracts.catalog import ChangeProduct, CreateProduct, Option, ProductDraft, SaveCategory, VariantDraft
from mercato.contracts.stores import MakeApiKey
from mercato.runtime.service import Service
from mercato.runtime.setup import Setup
from mercato.services.search.indexer import Shelf
from mercato.services.search.service import service as search
from mercato.values.ids import CategoryId, ProductId
from tests.services.conftest import Change, Response, Running, Web, open_store, running, settled, staff, until

STORE = "sto_first"
HOST = "first.example"


def product_id(number: int) -> ProductId:
    return ProductId(f"prod_{number:032x}")


class Stage:
    """A started node with two stores, `first` and `second`."""

    def __init__(self, node: Running) -> None:
        self.node = node
        self.calls = node.calls
        self.web = Web(node)
        self._number = 0
        self._seen = 0

    async def product(self, title: str, price: int | None = 1_000, store: str = STORE, **given: Any) -> ProductId:
        """A product that is for sale, three pieces of each variant, in the sizes that are given."""
        self._number += 1
        sizes = given.pop("sizes", ())
        variant = VariantDraft(price=price, stock_change=given.pop("stock", 3), sku=given.pop("sku", ""))
        variants = tuple(msgspec.structs.replace(variant, options=(size,)) for size in sizes) or (variant,)
        draft = {
            "handle": f"product-{self._number}",
            "title": title,
            "currency": "EUR",
            "variants": variants,
            "options": (Option("Size", sizes),) if sizes else (),
            "status": "active",
            **given,
        }
        made = await self.calls.do(CreateProduct(product_id(self._number), ProductDraft(**draft)), staff(store))
        return made.id

    async def change(self, of: ProductId, store: str = STORE, **given: Any) -> None:
        await self.calls.do(ChangeProduct(of, **given), staff(store))

    async def category(self, name: str, parent: str = "", store: str = STORE) -> CategoryId:
        """A category with its name as handle; one that is there is changed."""
        category_id = CategoryId(f"cat_{name.lower().encode().hex():0>32}")
        above = CategoryId(f"cat_{parent.lower().encode().hex():0>32}") if parent else None
        await self.calls.do(SaveCategory(category_id, name, name.lower(), above), staff(store))
        return category_id

    async def token(self, store: str = STORE) -> str:
        """The token of a program that acts as staff."""
        key = await self.calls.do(MakeApiKey("test"), staff(store))
        return str(key.secret)

    async def get(self, path: str, host: str = HOST, token: str = "", **given: Any) -> Response:
        query = urlencode(given, doseq=True, quote_via=quote)
        return await self.web("GET", f"{path}?{query}" if query else path, host=host, token=token)

    async def find(self, q: str = "", host: str = HOST, **given: Any) -> Any:
        found = await self.get("/v1/search", host=host, q=q, **given)
        assert found.status == 200, found.body
        return found.json()

    async def titles(self, q: str = "", host: str = HOST, **given: Any) -> list[str]:
        return [hit["card"]["title"] for hit in (await self.find(q, host, **given))["hits"]]

    async def indexed(self) -> None:
        """Wait until the index has everything that was told."""
        await settled(self.node)
        executor = self.node.executors["search"]
        gauge = self.node.parts.telemetry.lag.labels("search index", "search")
        number = executor.database.reader().fetch("SELECT max(changed) FROM entries", (), 1)[0][0]
        await until(lambda: self.mark >= (number or 0) and gauge._value.get() == 0)

    @property
    def mark(self) -> int:
        return self.index.mark

    index: Any = None


class Watched:
    """A shelf that shows its index to the test."""

    def __init__(self, shelf: Shelf, stage: list[Any]) -> None:
        self._shelf = shelf
        self.stage = stage

    def open(self) -> Any:
        self.stage.append(self._shelf.open())
        return self.stage[-1]

    def rebuilds(self) -> int:
        return self._shelf.rebuilds()

    def begin(self, serving: Any) -> Any:
        return self._shelf.begin(serving)

    def finish(self, serving: Any, rebuilt: Any, rebuilds: int) -> Any:
        self.stage.append(self._shelf.finish(serving, rebuilt, rebuilds))
        return self.stage[-1]
