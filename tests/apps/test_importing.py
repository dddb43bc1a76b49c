"""Whole files into a real shop: what is in them is in the catalogue afterwards, once, whatever happens meanwhile."""

import asyncio
import csv
import gzip
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.apps.control import News
from mercato.apps.file_reader import AT_ONCE
from mercato.apps.importing import import_file
from mercato.contracts.catalog import ChangeProduct, GetProduct, Product, ProductDraft
from mercato.runtime.database.sqlite import connect
from mercato.runtime.transaction import Transaction
from mercato.services.catalog.commands import imports
from mercato.services.catalog.commands.categories import Tree
from mercato.services.catalog.commands.products import add_product
from mercato.services.catalog.domain import SafeHtml
from mercato.values.ids import ProductId
from tests.journeys.town import Person, Town, opened
from tests.services.catalog.adapters.files import csv_text, real_file
from tests.services.conftest import until

SHOPS = ("apparel", "duplicate_skus", "home_and_garden", "home_goods", "jewelery")
ESCI_MAP = Path(__file__).parents[2] / "docs" / "examples" / "esci.map.toml"
BATCH = 4 * AT_ONCE


class Figures(msgspec.Struct):
    """How much there is of a catalogue."""

    products: int
    variants: int
    options: int
    images: int


class Told:
    """The notes of an import."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def __call__(self, news: News) -> None:
        if news.note is not None:
            self.notes.append(news.note)


async def imported(town: Town, file: Path, **more: Any) -> tuple[int, list[str]]:
    told = Told()
    code = await import_file(town.shop, {"file": str(file), "store": "first", **more}, told)
    await town.quiet()
    return code, told.notes


def rows(town: Town, service: str, sql: str) -> list[tuple[Any, ...]]:
    with closing(connect(town.shop.settings.data / f"{service}.db")) as connection:
        return connection.execute(sql).fetchall()


def events(town: Town) -> dict[str, int]:
    """How many events each service has told of so far."""
    counted = {name: rows(town, name, "SELECT count(*) FROM outbox")[0][0] for name in town.shop.node.executors}
    return {name: count for name, count in counted.items() if count}


def in_catalogue(town: Town) -> Figures:
    bodies = [json.loads(body) for (body,) in rows(town, "catalog", "SELECT body FROM products")]
    return Figures(
        len(bodies),
        sum(len(body["variants"]) for body in bodies),
        sum(len(body.get("options", ())) for body in bodies),
        sum(len(body.get("images", ())) for body in bodies),
    )


def in_shopify_file(path: Path) -> Figures:
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    products: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        products.setdefault(line["Handle"], []).append(line)
    options = 0
    for own in products.values():
        names = [number for number in "123" if own[0][f"Option{number} Name"]]
        values = {own[0][f"Option{number} Value"].strip() for number in names}
        options += 0 if values == {"Default Title"} else len(names)
    return Figures(
        len(products),
        sum(bool(line["Variant Price"]) for line in lines),
        options,
        len({(line["Handle"], line["Image Src"]) for line in lines if line["Image Src"]}),
    )


@pytest.fixture
async def town(tmp_path: Path) -> Any:
    async with opened(tmp_path / "data", listens=False) as made:
        made.store = await made.open("first", "First Shop")
        yield made


async def product(town: Town, handle: str) -> Product:
    return await town.calls.ask(GetProduct(handle=handle), town.system())


def shirts(folder: Path, count: int, *, title: str = "Shirt", quantity: int = 20) -> Path:
    """A file in Shopify's form with so many products in two sizes."""
    lines = []
    for number in range(count):
        for size in ("S", "L"):
            first = size == "S"
            lines.append(
                {
                    "Handle": f"shirt-{number}",
                    "Title": f"{title} {number}" if first else "",
                    "Option1 Name": "Size" if first else "",
                    "Option1 Value": size,
                    "Variant SKU": f"S{number}-{size}",
                    "Variant Inventory Qty": str(quantity),
                    "Variant Price": "19.90",
                    "Status": "active" if first else "",
                }
            )
    path = folder / f"{title}-{count}-{quantity}.csv"
    path.write_text(csv_text(lines))
    return path


@pytest.mark.parametrize("shop", SHOPS)
async def test_a_shopify_export_is_imported_whole(town: Town, shop: str) -> None:
    path = real_file(f"shopify/{shop}.csv")
    code, notes = await imported(town, path)
    assert (code, in_catalogue(town)) == (0, in_shopify_file(path))
    assert notes[-1].startswith(f"imported: {in_shopify_file(path).products} created, 0 changed, 0 unchanged, 0 rej")
    before = events(town)
    code, notes = await imported(town, path)
    assert (code, events(town), in_catalogue(town)) == (0, before, in_shopify_file(path))
    assert f"0 created, 0 changed, {in_shopify_file(path).products} unchanged" in notes[-1]
    assert await town.sound()


async def test_the_prices_and_stock_of_an_export_are_in_the_shop(town: Town) -> None:
    path = real_file("shopify/apparel.csv")
    await imported(town, path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.DictReader(file) if line["Variant Price"]]
    prices = sum(round(float(line["Variant Price"]) * 100) for line in lines)
    assert rows(town, "pricing", "SELECT count(*), sum(amount) FROM prices") == [(len(lines), prices)]
    stock = sum(max(0, int(line["Variant Inventory Qty"] or 0)) for line in lines)
    assert rows(town, "inventory", "SELECT sum(available), sum(received) FROM stock") == [(stock, stock)]


async def test_the_esci_catalogue_is_imported_whole(town: Town) -> None:
    path = real_file("esci/products.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        items = [json.loads(line) for line in file]
    code, _ = await imported(town, path, map=str(ESCI_MAP))
    expected = Figures(len(items), len(items), 0, sum(bool(item["image"]) for item in items))
    assert (code, in_catalogue(town)) == (0, expected)
    assert rows(town, "catalog", "SELECT count(*) FROM products WHERE status = 'active'") == [
        (sum(item["price"] is not None for item in items),)
    ]
    paths = {tuple(item["category"][: depth + 1]) for item in items for depth in range(len(item["category"]))}
    assert rows(town, "catalog", "SELECT count(*) FROM categories") == [(len(paths),)]
    before = events(town)
    assert (await imported(town, path, map=str(ESCI_MAP)))[0] == 0
    assert (events(town), in_catalogue(town)) == (before, expected)


async def test_what_was_sold_and_what_was_edited_both_stay(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as town:
        town.store = await town.open("first", "First Shop")
        await imported(town, shirts(tmp_path, 2))
        small = (await product(town, "shirt-0")).variants[0].id
        ann = await town.person("ann")
        await ann.bought(small, 3)
        code, notes = await imported(town, shirts(tmp_path, 2, title="Blouse"))
        assert (code, "0 created, 2 changed" in notes[-1]) == (0, True)
        after = await product(town, "shirt-0")
        assert (after.title, [variant.available for variant in after.variants]) == ("Blouse 0", [17, 20])
        assert after.variants[0].id == small
        await imported(town, shirts(tmp_path, 2, title="Blouse", quantity=25))  # five more have come
        assert [variant.available for variant in (await product(town, "shirt-0")).variants] == [22, 25]
        assert await town.figures(small) == (22, 0, 3)
        assert await town.sound()


@pytest.mark.parametrize("damage", ["cut off", "no header", "no text", "no such file", "a folder"])
async def test_a_broken_file_changes_nothing(town: Town, tmp_path: Path, damage: str) -> None:
    whole = shirts(tmp_path, 200)
    broken = tmp_path / f"broken.csv{'.gz' if damage == 'cut off' else ''}"
    match damage:
        case "cut off":
            data = gzip.compress(whole.read_bytes())
            broken.write_bytes(data[: len(data) * 2 // 3])
        case "no header":
            broken.write_text("".join(whole.read_text().splitlines(keepends=True)[1:]))
        case "no text":
            broken.write_bytes(whole.read_bytes()[:3_000] + b"\xff\xfe\x00" + whole.read_bytes()[3_000:])
        case "a folder":
            broken.mkdir()
    before = events(town)
    code, notes = await imported(town, broken)
    assert (code, notes[-1].startswith("nothing was imported.")) == (1, True)
    assert (events(town), in_catalogue(town)) == (before, Figures(0, 0, 0, 0))
    assert rows(town, "catalog", "SELECT count(*) FROM imports") == [(0,)]


async def test_a_row_that_is_wrong_is_reported_and_the_rest_imported(town: Town, tmp_path: Path) -> None:
    good = shirts(tmp_path, 3).read_text()
    file, report = tmp_path / "one_wrong.csv", tmp_path / "report.csv"
    file.write_text(good.replace("S1-L,20,19.90", "S1-L,20,cheap"))
    code, notes = await imported(town, file, report=str(report))
    assert (code, in_catalogue(town)) == (1, Figures(3, 5, 3, 0))
    with report.open(newline="") as stream:
        (fault,) = csv.DictReader(stream)
    assert (fault["line"], fault["column"], fault["kind"]) == ("5", "Variant Price", "rejected")
    assert "1 rejected" in notes[-1]


async def test_a_dry_run_changes_nothing(town: Town, tmp_path: Path) -> None:
    before = events(town)
    code, notes = await imported(town, shirts(tmp_path, 100), dry_run=True)
    assert (code, notes[-1].startswith("dry run, nothing was changed")) == (0, True)
    assert (events(town), in_catalogue(town)) == (before, Figures(0, 0, 0, 0))
    assert rows(town, "catalog", "SELECT count(*) FROM imports") == [(0,)]


async def test_a_store_that_does_not_exist_gets_nothing(town: Town, tmp_path: Path) -> None:
    code, notes = await imported(town, shirts(tmp_path, 1), store="nowhere")
    assert (code, "no such store" in notes[-1]) == (1, True)
    assert in_catalogue(town) == Figures(0, 0, 0, 0)


async def test_an_import_that_was_interrupted_goes_on_where_it_stood(tmp_path: Path) -> None:
    file = shirts(tmp_path, 3 * BATCH)
    async with opened(tmp_path / "data", listens=False) as town:
        town.store = await town.open("first", "First Shop")
        importing = asyncio.ensure_future(imported(town, file))
        await until(lambda: rows(town, "catalog", f"SELECT 1 FROM imports WHERE ordinal >= {BATCH}"))  # noqa: S608
        importing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await importing
        ((ordinal, finished),) = rows(town, "catalog", "SELECT ordinal, finished FROM imports")
        assert (BATCH <= ordinal < 3 * BATCH, finished) == (True, 0)
    async with opened(tmp_path / "data", listens=False) as town:
        town.store = "sto_first"
        before = in_catalogue(town).products
        code, notes = await imported(town, file)
        assert (code, in_catalogue(town)) == (0, Figures(3 * BATCH, 6 * BATCH, 3 * BATCH, 0))
        assert f"imported: {3 * BATCH - before} created, 0 changed, {before - ordinal} unchanged" in notes[-1]
        assert rows(town, "inventory", "SELECT count(*), min(available), max(available) FROM stock") == [
            (6 * BATCH, 20, 20)
        ]
        assert await town.sound()


async def test_a_product_whose_handle_is_taken_is_reported_and_the_others_are_imported(
    town: Town, tmp_path: Path
) -> None:
    await imported(town, shirts(tmp_path, 3))
    moved, other = await product(town, "shirt-1"), await product(town, "shirt-2")
    await town.calls.do(ChangeProduct(moved.id, handle="moved"), town.system())
    await town.calls.do(ChangeProduct(other.id, handle="shirt-1"), town.system())
    code, notes = await imported(town, shirts(tmp_path, 2, title="Blouse"))
    assert (code, "0 created, 1 changed, 0 unchanged, 1 rejected" in notes[-1]) == (1, True)
    assert any("line 4: rejected: handle_in_use" in note for note in notes)
    assert [(await product(town, handle)).title for handle in ("shirt-0", "moved", "shirt-1")] == [
        "Blouse 0",
        "Shirt 1",
        "Shirt 2",
    ]
    assert await town.sound()


async def test_one_product_that_fails_takes_none_of_its_chunk_with_it(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_for_one(tx: Transaction, tree: Tree, product_id: ProductId, draft: ProductDraft, html: SafeHtml) -> Any:
        added = add_product(tx, tree, product_id, draft, html)
        if draft.handle == "shirt-5":
            raise RuntimeError("a fault in a handler")
        return added

    monkeypatch.setattr(imports, "add_product", fails_for_one)
    count = AT_ONCE + 4
    code, notes = await imported(town, shirts(tmp_path, count))
    assert (code, f"imported: {count - 1} created, 0 changed, 0 unchanged, 1 rejected" in notes[-1]) == (1, True)
    assert any("line 12: rejected: internal_error" in note for note in notes)
    assert in_catalogue(town) == Figures(count - 1, 2 * count - 2, count - 1, 0)
    monkeypatch.undo()
    code, notes = await imported(town, shirts(tmp_path, count))
    assert (code, f"imported: 1 created, 0 changed, {count - 1} unchanged, 0 rejected" in notes[-1]) == (0, True)
    assert await town.sound()


async def test_people_buy_while_a_catalogue_is_imported(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as town:
        town.store = await town.open("first", "First Shop")
        small, large = await town.product("coat", stock=1_000)
        people = [await town.person(f"buyer{number}") for number in range(16)]
        arguments = {"file": str(shirts(tmp_path, 5 * AT_ONCE)), "store": "first"}
        importing = asyncio.ensure_future(import_file(town.shop, arguments, Told()))
        bought = await asyncio.gather(*(_buys_until(person, small, importing) for person in people))
        assert await importing == 0
        assert all(bought)
        await town.quiet()
        assert await town.figures(small) == (1_000 - sum(bought), 0, sum(bought))
        assert await town.figures(large) == (1_000, 0, 0)
        assert in_catalogue(town) == Figures(5 * AT_ONCE + 1, 10 * AT_ONCE + 2, 5 * AT_ONCE + 1, 0)
        (shirt,) = (await product(town, "shirt-7")).variants[:1]
        await people[0].bought(shirt.id)  # and what has just been imported can be bought
        assert await town.sound()


async def _buys_until(person: Person, variant_id: str, importing: "asyncio.Future[Any]") -> int:
    count = 0
    while not count or not importing.done():
        await person.bought(variant_id)
        count += 1
    return count
