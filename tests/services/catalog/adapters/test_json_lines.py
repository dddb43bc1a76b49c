"""JSON lines in our own format."""

from typing import Any

import pytest

from mercato.contracts.catalog import Image, Option, Spec
from mercato.services.catalog.adapters import json_lines
from mercato.services.catalog.adapters.import_files import open_source
from mercato.services.catalog.adapters.records import BrokenFile, Fault, ImportedProduct, ImportedVariant, Survey
from mercato.services.catalog.domain import SafeHtml
from tests.services.catalog.adapters.files import Folder, json_text

HAT = {"handle": "hat", "title": "Hat", "price": 5}


def test_a_full_object_gives_every_field(folder: Folder) -> None:
    outcome = folder.json(
        {
            "handle": "linen-shirt",
            "title": "Linen shirt",
            "description": "<p onclick='x()'>Cool.</p>",
            "vendor": "Lino",
            "type": "Shirt",
            "tags": ["summer", "linen", "summer"],
            "category": ["Clothing", "Shirts"],
            "status": "active",
            "options": [{"name": "Size", "values": ["S", "M", "L"]}, {"name": "Fit"}],
            "variants": [
                {
                    "options": ["M", "slim"],
                    "sku": "A",
                    "barcode": 4006381333931,
                    "grams": 180,
                    "price": "49.90",
                    "compare_at": 59.9,
                    "quantity": 12,
                    "image": "https://example.com/s.jpg",
                },
                {"options": ["XL", "wide"], "price": 50},
            ],
            "images": [{"url": "https://example.com/a.jpg", "alt": "A"}, "/media/b.jpg", "/media/b.jpg"],
            "specs": [{"name": "Material", "value": "Linen"}, {"name": "Washable", "value": True}],
        }
    )
    assert outcome.faults == []
    assert outcome.product == ImportedProduct(
        ordinal=1,
        line=1,
        handle="linen-shirt",
        title="Linen shirt",
        description=SafeHtml("<p>Cool.</p>"),
        vendor="Lino",
        type="Shirt",
        tags=("summer", "linen"),
        category_path=("Clothing", "Shirts"),
        options=(Option("Size", ("S", "M", "L", "XL")), Option("Fit", ("slim", "wide"))),
        variants=(
            ImportedVariant(
                line=1,
                options=("M", "slim"),
                sku="A",
                barcode="4006381333931",
                grams=180,
                price=4990,
                compare_at=5990,
                quantity=12,
                image="https://example.com/s.jpg",
            ),
            ImportedVariant(line=1, options=("XL", "wide"), price=5000),
        ),
        images=(Image("https://example.com/a.jpg", "A"), Image("/media/b.jpg")),
        specs=(Spec("Material", "Linen"), Spec("Washable", "true")),
        status="active",
    )


def test_a_product_of_one_variant_gives_its_figures_itself(folder: Folder) -> None:
    figures = {"sku": "H", "barcode": "1", "grams": "20.0", "price": 5.5, "compare_at": 0, "quantity": 0}
    outcome = folder.json({**HAT, **figures, "tags": "a, b", "category": "A > B", "specs": {"Size": {"cm": [1, 2]}}})
    assert outcome.product.variants == (ImportedVariant(line=1, sku="H", barcode="1", grams=20, price=550, quantity=0),)
    assert (outcome.product.tags, outcome.product.category_path) == (("a", "b"), ("A", "B"))
    assert outcome.product.specs == (Spec("Size.cm", "1, 2"),)
    assert outcome.product.status == "active"


def test_prices_never_pass_through_a_float(folder: Folder) -> None:
    exact = '{"handle": "a", "title": "A", "price": 9007199254740.93, "specs": {"Rating": 4.60}}\n'
    outcome = folder.read("a.jsonl", exact + '{"handle": "b", "title": "B", "price": 0.1000000000000000055}')
    assert outcome.product.variants[0].price == 900_719_925_474_093
    assert outcome.product.specs == (Spec("Rating", "4.60"),)
    assert outcome.fault == Fault(2, "price", "'0.1000000000000000055' has more than the 2 decimals of EUR")


@pytest.mark.parametrize(
    ("fields", "column", "reason"),
    [
        ({"handle": None}, "handle", "is empty"),
        ({"handle": ["a"]}, "handle", "must be a text or a number"),
        ({"title": ""}, "title", "is empty"),
        ({"title": "a\0b"}, "title", "holds a NUL character"),
        ({"description": "a\0b"}, "description", "holds a NUL character"),
        ({"description": {"de": "x"}}, "description", "must be a text or a number"),
        ({"vendor": True}, "vendor", "must be a text or a number"),
        ({"tags": {"a": 1}}, "tags", "must be a list"),
        ({"tags": [["a"]]}, "tags", "must be a text or a number"),
        ({"category": 7}, "category", "must be a list"),
        ({"status": "gone"}, "status", "'gone' is none of draft, active, archived"),
        ({"price": "five"}, "price", "'five' is not a number such as 12.50"),
        ({"price": False}, "price", "must be a text or a number"),
        ({"price": 1.999}, "price", "'1.999' has more than the 2 decimals of EUR"),
        ({"grams": "x"}, "grams", "'x' is not a weight in grams such as 250"),
        ({"quantity": 1.5}, "quantity", "'1.5' is not a whole number"),
        ({"images": ["x.jpg"]}, "images", "'x.jpg' is not an address such as https://example.com/shirt.jpg"),
        ({"images": [["/x.jpg"]]}, "images.url", "must be a text or a number"),
        ({"specs": ["x"]}, "specs", "must be objects with `name` and `value`"),
        ({"specs": {"": "x"}}, "specs", "is empty"),
        ({"specs": {str(n): "x" for n in range(251)}}, "specs", "has 251 specs: at most 250 fit"),
        ({"options": ["Size"]}, "options", "need `variants` that say which values they have"),
        ({"options": list("abcd")}, "options", "has 4 entries: at most 3 fit"),
        ({"variants": {"a": 1}}, "price", "stands beside `variants`: give it in each of them"),
        ({"price": None, "variants": {"a": 1}}, "variants", "must be a list"),
        ({"price": None, "variants": ["S"]}, "variants[0]", "must be an object"),
        (
            {"price": None, "variants": [{"options": ["S"]}]},
            "variants[0].options",
            "has 1 values, but the product has 0 options",
        ),
        ({"price": None, "variants": [{}, {"price": "x"}]}, "variants[1].price", "'x' is not a number such as 12.50"),
        ({"price": None, "variants": [{}] * 2_001}, "variants", "has 2,001 entries: at most 2,000 fit"),
        (
            {"price": None, "options": ["Size", "Size"], "variants": [{}]},
            "options",
            "'Size' stands there twice",
        ),
        (
            {"price": None, "options": ["Size"], "variants": [{"options": ["S"]}, {"options": ["S"]}]},
            "variants",
            "number 0 and number 1 have the same option values, 'S'",
        ),
        ({"price": None, "options": ["Size"], "variants": [{"options": [""]}]}, "variants[0].options", "is empty"),
    ],
)
def test_a_bad_field_rejects_its_line(folder: Folder, fields: dict[str, Any], column: str, reason: str) -> None:
    outcome = folder.json({**HAT, "handle": "a"}, {**HAT, **fields}, {**HAT, "handle": "b"})
    assert outcome.faults == [Fault(2, column, reason)]
    assert [(product.handle, product.line) for product in outcome.products] == [("a", 1), ("b", 3)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is not JSON: "),
        ("handle,title", "is not JSON: "),
        ('{"handle": "\\ud800"}', "is not JSON: "),
        ('{"handle": NaN}', "is not JSON: "),
        ('{"price": ' + "9" * 5_000 + "}", "is not JSON: "),
        ("[" * 100_000, "is nested too deeply"),
        ('["hat"]', "is JSON, but not an object"),
        ("null", "is JSON, but not an object"),
        ('{"title": "' + "x" * 1_100_000 + '"}', "the line is longer than 1,048,576 bytes"),
    ],
)
def test_a_line_that_is_no_object_is_rejected(folder: Folder, line: str, reason: str) -> None:
    outcome = folder.read("a.jsonl", f"\n{line}\r\n  \n{json_text(HAT)}")
    assert [(fault.line, fault.column) for fault in outcome.faults] == [(2, "")]
    assert outcome.fault.reason.startswith(reason)
    assert outcome.product.line == 4
    assert outcome.survey == Survey(rows=2, products=2 if "NUL" in reason else 1, headers=("handle", "title", "price"))


@pytest.mark.parametrize(
    ("content", "line"),
    [("", 1), ("\n \n", 1), ("\nHandle,Title\na,A\n", 2), ('[\n"a",\n"b"\n]\n', 1), ("x" * 2_000_000, 1)],
)
def test_a_file_without_any_object_is_broken(folder: Folder, content: str, line: int) -> None:
    with pytest.raises(BrokenFile, match="no line of the file is a JSON object") as refusal:
        folder.read("a.jsonl", content)
    assert refusal.value.line == line


def test_a_handle_that_comes_again_is_rejected(folder: Folder) -> None:
    outcome = folder.json(HAT, {**HAT, "title": "Other", "price": None})
    assert outcome.faults == [Fault(2, "handle", "came earlier in the file: a product stands on one line")]
    assert outcome.product.title == "Hat"


def test_the_handle_of_a_rejected_line_is_still_free(folder: Folder) -> None:
    assert folder.json({**HAT, "title": ""}, HAT).product.line == 2


def test_warnings_tell_what_was_changed(folder: Folder) -> None:
    outcome = folder.json(
        {**HAT, "sku": "A", "quantity": -2},
        {"handle": "b", "title": "B", "options": ["S"], "variants": [{"options": ["x"], "sku": "A"}]},
        {"handle": "c", "title": "C", "status": "archived"},
    )
    assert [(fault.line, fault.column, fault.reason) for fault in outcome.faults] == [
        (1, "quantity", "is -2: the stock is taken as 0"),
        (2, "variants[0].price", "is empty: the product is imported as a draft"),
        (2, "sku", "'A' came earlier in the file: both variants are kept"),
        (3, "price", "is empty: the product is imported as a draft"),
    ]
    assert {fault.kind for fault in outcome.faults} == {"warning"}
    assert [product.status for product in outcome.products] == ["active", "draft", "archived"]
    assert outcome.products[0].variants[0].quantity == 0


def test_a_field_that_nobody_knows_is_told_once(folder: Folder) -> None:
    outcome = folder.json({**HAT, "tilte": "x"}, {**HAT, "handle": "b", "tilte": "y", "colour": "red"})
    assert outcome.warned == [(1, "tilte"), (2, "colour")]
    assert len(outcome.products) == 2


def test_too_many_products_are_refused_by_the_first_pass(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "MAX_SEEN", 2)
    with pytest.raises(BrokenFile, match="more than 2 products"):
        folder.json(HAT, HAT, HAT)


def test_a_run_goes_on_after_what_it_has_applied(folder: Folder) -> None:
    items = [{"handle": f"p{n}", "title": "P", "sku": "A", "price": "x" if n % 3 == 0 else 1} for n in range(1, 10)]
    source = open_source(folder.write("a.jsonl", json_text(*items)), "EUR")
    everything = list(source.read())
    for position, item in enumerate(everything):
        if isinstance(item, ImportedProduct):
            assert list(source.read(after=item.ordinal)) == everything[position + 1 :]
