"""A shop whose products are found by an OpenSearch server: the same ways, and what happens when it is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from benchmarks.search.on_server import indexes_of, remove_indexes
from mercato.services.search import indexer
from mercato.services.search.adapters.opensearch_client import Place
from mercato.services.search.messages import RebuildIndex
from tests.journeys.test_search import Searcher
from tests.journeys.town import Town, opened
from tools.engines import Engine

pytestmark = pytest.mark.server

OK = 200


@pytest.fixture
async def url(engine: Callable[[str], Engine]) -> AsyncIterator[str]:
    """A name of its own on the server; its indexes are removed afterwards."""
    made = engine("opensearch").url.rpartition("/")[0] + "/journeys"
    remove_indexes(Place.read(made))
    yield made
    remove_indexes(Place.read(made))


async def _searcher(town: Town) -> Searcher:
    town.store = await town.open("first", "First Shop")
    made = Searcher(town)
    await _index_is_there(made)
    await made.make("Leather Boots", "41", "42", price=12_000, vendor="Acme")
    await made.make("Rubber Boots", "42", price=4_000, vendor="Pluvia")
    await made.found({"Leather Boots", "Rubber Boots"}, "boots")
    return made


async def test_what_is_typed_is_found_on_a_server(tmp_path: Path, url: str) -> None:
    async with opened(tmp_path, search=url) as town:
        searcher = await _searcher(town)
        assert (await searcher.titles("lether boots"))[0] == "Leather Boots"
        assert await searcher.titles("boots", **{"option.Size": "41"}) == ["Leather Boots"]
        assert await searcher.titles(sort="price_up") == ["Rubber Boots", "Leather Boots"]
        found = await searcher.find("boots", facets="brand,option.size")
        counts = {
            facet["name"]: {each["value"]: each["count"] for each in facet["values"]} for facet in found["facets"]
        }
        assert counts == {"brand": {"Acme": 1, "Pluvia": 1}, "option.size": {"41": 1, "42": 2}}
        assert "boots" in (await searcher.person.get("/v1/suggest?prefix=bo"))["terms"]
        hiking = await searcher.make("Hiking Boots", price=9_000)
        await searcher.found({"Hiking Boots"}, "hiking")
        await searcher.change(hiking, status="archived")
        await searcher.found(set(), "hiking")


async def test_an_index_made_anew_finds_the_same_on_a_server(tmp_path: Path, url: str) -> None:
    async with opened(tmp_path, search=url) as town:
        searcher = await _searcher(town)
        before = await searcher.find("boots", facets="brand,price")
        name = await asyncio.to_thread(_indexes, url)
        await town.calls.do(RebuildIndex(), town.system(""))
        async with asyncio.timeout(20):
            while await asyncio.to_thread(_indexes, url) == name:  # noqa: ASYNC110 - the server is asked
                await asyncio.sleep(0.05)
        assert await searcher.find("boots", facets="brand,price") == before


async def test_without_its_server_only_search_is_away(
    tmp_path: Path, url: str, engine: Callable[[str], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "AGAIN", 0.1)
    server = engine("opensearch")
    async with opened(tmp_path, search=url) as town:
        searcher = await _searcher(town)
        server.kill()
        answer = await searcher.person.send("GET", "/v1/search?q=jeans")
        assert (answer.status, answer.code) == (503, "unavailable")
        ann = await town.person("ann")
        shirt, _ = await town.product("shirt")
        assert (await ann.bought(shirt))["status"] == "paid"
        server.start()
        await _index_is_there(searcher)
        await searcher.found({"Shirt"}, "shirt")


async def test_a_server_that_is_not_there_at_the_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "AGAIN", 0.1)
    async with opened(tmp_path, search="opensearch://ann:secret-word@127.0.0.1:1/shop") as town:
        town.store = await town.open("first", "First Shop")
        answer = await Searcher(town).person.send("GET", "/v1/search?q=boots")
        assert (answer.status, answer.code) == (503, "unavailable")
    log = await asyncio.to_thread(_log, tmp_path)
    assert log.count("search_index_unavailable") == 1
    assert "secret-word" not in log


async def _index_is_there(searcher: Searcher) -> None:
    """Search may be opened later than the shop."""
    async with asyncio.timeout(30):
        while (await searcher.person.send("GET", "/v1/search?q=boots")).status != OK:  # noqa: ASYNC110 - it is asked
            await asyncio.sleep(0.05)


def _log(folder: Path) -> str:
    return "".join(path.read_text("utf-8") for path in folder.rglob("*.log"))


def _indexes(url: str) -> set[str]:
    return indexes_of(Place.read(url))
