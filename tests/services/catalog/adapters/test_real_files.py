"""Real catalogues: the reader counts what the standard library alone counts in them."""

import csv
import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.services.catalog.adapters.files import Outcome, real_file

SHOPS = ["apparel", "duplicate_skus", "home_and_garden", "home_goods", "jewelery"]
ESCI_MAP = Path(__file__).parents[4] / "docs" / "examples" / "esci.map.toml"


@pytest.mark.parametrize("shop", SHOPS)
def test_a_shopify_export_is_read_whole(shop: str) -> None:
    path = real_file(f"shopify/{shop}.csv")
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    outcome = Outcome(path, "USD")
    products = outcome.products
    assert outcome.rejected == []
    assert (outcome.survey.rows, outcome.survey.products) == (len(rows), len(products))
    assert [product.handle for product in products] == list(dict.fromkeys(row["Handle"] for row in rows))
    for product in products:
        own = [row for row in rows if row["Handle"] == product.handle]
        sold = [row for row in own if row["Variant Price"]]
        assert (product.title, product.vendor) == (own[0]["Title"].strip(), own[0]["Vendor"].strip())
        assert [variant.sku for variant in product.variants] == [row["Variant SKU"].strip() for row in sold]
        assert [variant.price for variant in product.variants] == [
            int(Decimal(row["Variant Price"]) * 100) for row in sold
        ]
        assert {image.url for image in product.images} == {row["Image Src"] for row in own if row["Image Src"]}
        names = [own[0][f"Option{n} Name"] for n in "123" if own[0][f"Option{n} Name"]]
        values = [list(dict.fromkeys(row[f"Option{n} Value"].strip() for row in sold)) for n in "123"[: len(names)]]
        if values != [["Default Title"]]:
            assert [(option.name, list(option.values)) for option in product.options] == list(
                zip(names, values, strict=True)
            )
        else:
            assert product.options == ()
        state = own[0].get("Status") or ("draft" if own[0]["Published"] == "false" else "active")
        assert product.status == state


def test_the_warnings_of_real_files_are_those_that_the_files_deserve() -> None:
    path = real_file("shopify/duplicate_skus.csv")
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    skus = [row["Variant SKU"] for row in rows if row["Variant SKU"]]
    negative = [row for row in rows if row["Variant Inventory Qty"].startswith("-")]
    columns = [column for _, column in Outcome(path, "USD").warned]
    assert columns.count("Variant SKU") == len(skus) - len(set(skus)) > 0
    assert columns.count("Variant Inventory Qty") == len(negative) > 0
    assert len(columns) == columns.count("Variant SKU") + columns.count("Variant Inventory Qty")


def test_metafields_and_feed_columns_of_a_real_export_are_specs() -> None:
    path = real_file("shopify/duplicate_skus.csv")
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = {row["Handle"]: row for row in reversed(list(csv.DictReader(file)))}
    kept = [
        (handle, value)
        for handle, row in first.items()
        for column, value in row.items()
        if value and ("(product.metafields." in column or column.startswith("Google Shopping / "))
    ]
    found = [(product.handle, spec.value) for product in Outcome(path, "USD").products for spec in product.specs]
    assert sorted(found) == sorted(kept)
    assert found


def test_the_esci_catalogue_is_read_whole_by_the_example_mapping() -> None:
    path = real_file("esci/products.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        items = [json.loads(line, parse_float=Decimal) for line in file]
    outcome = Outcome(path, "USD", ESCI_MAP)
    products = outcome.products
    assert outcome.rejected == []
    assert len(products) == len(items) == outcome.survey.rows == outcome.survey.products
    assert [product.handle for product in products] == [item["asin"] for item in items]
    assert [product.variants[0].sku for product in products] == [item["asin"] for item in items]
    assert [product.title for product in products] == [item["title"].strip() for item in items]
    assert [product.vendor for product in products] == [(item["brand"] or "").strip() for item in items]
    prices = [None if item["price"] is None else int(item["price"] * 100) for item in items]
    assert [product.variants[0].price for product in products] == prices
    assert [product.status == "draft" for product in products] == [price is None for price in prices]
    assert len(outcome.warned) == prices.count(None)
    assert [len(product.category_path) for product in products] == [len(item["category"]) for item in items]
    assert [len(product.images) for product in products] == [bool(item["image"]) for item in items]
    assert [product.description.count("<li>") for product in products] == [
        sum(bool(point.strip()) for point in (item["bullet_points"] or "").splitlines()) for item in items
    ]
    assert [{spec.name: spec.value for spec in product.specs}.get("Color") for product in products] == [
        (item["color"] or "").strip() or None for item in items
    ]
    assert sum(len(product.specs) for product in products) == sum(
        value not in (None, "") and bool(str(value).strip())
        for item in items
        for value in (item["color"], item["rating"], item["rating_count"], item["is_book"])
    )
