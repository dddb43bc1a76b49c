"""What is wrong with a row of a Shopify file is reported with its line, column and reason, and harms nothing else."""

import pytest

from mercato.services.catalog.adapters import fields, shopify_csv
from mercato.services.catalog.adapters.records import BrokenFile, Fault
from tests.services.catalog.adapters.files import Folder, Row, csv_text

SHIRT: Row = {"Handle": "shirt", "Title": "Shirt", "Variant Price": "1", "Option1 Name": "Size", "Option1 Value": "S"}
HAT: Row = {"Handle": "hat", "Title": "Hat", "Variant Price": "2"}

BAD_CELLS = [
    ("Variant Price", "abc", "'abc' is not a number such as 12.50"),
    ("Variant Price", "1,50", "'1,50' is not a number such as 12.50"),
    ("Variant Price", "1_000", "'1_000' is not a number such as 12.50"),
    ("Variant Price", "\uff11\uff12", "'\uff11\uff12' is not a number such as 12.50"),
    ("Variant Price", "12.505", "'12.505' has more than the 2 decimals of EUR"),
    ("Variant Price", "-1", "'-1' is negative"),
    ("Variant Price", "1e99", "'1e99' is not a decimal number such as 12.50"),
    ("Variant Price", "1e999999", "'1e999999' is not a number such as 12.50"),
    ("Variant Price", "NaN", "'NaN' is not a number such as 12.50"),
    ("Variant Price", "9" * 50, f"'{'9' * 40}…' is not a number such as 12.50"),
    ("Variant Compare At Price", "n/a", "'n/a' is not a number such as 12.50"),
    ("Variant Inventory Qty", "2.5", "'2.5' is not a whole number"),
    ("Variant Inventory Qty", "many", "'many' is not a whole number"),
    ("Variant Inventory Qty", "9999999999", "'9999999999' is too large: at most 1,000,000,000"),
    ("Variant Grams", "heavy", "'heavy' is not a weight in grams such as 250"),
    ("Variant Grams", "-5", "'-5' is no possible weight in grams"),
    ("Variant SKU", "x" * 121, "has 121 characters: at most 120 fit"),
    ("Variant Barcode", "1" * 61, "has 61 characters: at most 60 fit"),
    (
        "Variant Image",
        "javascript:alert(1)",
        "'javascript:alert(1)' is not an address such as https://example.com/shirt.jpg",
    ),
    ("Image Src", "file:///etc/passwd", "'file:///etc/passwd' is not an address such as https://example.com/shirt.jpg"),
    ("Image Src", "https://example.com/" + "x" * 2_000, "has 2,020 characters: at most 2,000 fit"),
    ("Option1 Value", "x" * 256, "has 256 characters: at most 255 fit"),
    ("Option1 Value", " ", "is empty"),
    ("Option1 Name", "Length", "is 'Length', but the product's first row says 'Size'"),
    ("Option2 Value", "Red", "is 'Red', but the product's first row does not name that option"),
]
BAD_FIRST_CELLS = [
    ("Handle", "two words", "'two words' cannot stand in an address: up to 255 characters, no space, / ? # or %"),
    ("Handle", "x" * 256, f"'{'x' * 40}…' cannot stand in an address: up to 255 characters, no space, / ? # or %"),
    ("Title", " ", "is empty"),
    ("Title", "x" * 501, "has 501 characters: at most 500 fit"),
    ("Body (HTML)", "x" * 200_001, "has 200,001 characters: at most 200,000 fit"),
    ("Body (HTML)", "<b>" * 10_001, "has more than 10,000 tags: simplify its HTML"),
    ("Vendor", "x" * 501, "has 501 characters: at most 500 fit"),
    ("Type", "x" * 501, "has 501 characters: at most 500 fit"),
    ("Tags", "x" * 256, "has 256 characters: at most 255 fit"),
    ("Tags", ",".join(map(str, range(251))), "has 251 tags: at most 250 fit"),
    ("Product Category", "x" * 121, "has 121 characters: at most 120 fit"),
    ("Product Category", ">".join("x" * 21), "has 21 levels: at most 20 fit"),
    ("Product Category", "A\x07B", "holds a control character, such as a line break"),
    ("Option1 Name", "x" * 101, "has 101 characters: at most 100 fit"),
    ("Status", "gone", "'gone' is none of draft, active, archived"),
    ("Published", "perhaps", "'perhaps' is neither true nor false"),
    ("Fit (product.metafields.a.fit)", "x" * 20_001, "has 20,001 characters: at most 20,000 fit"),
]


@pytest.mark.parametrize(("column", "value", "reason"), BAD_CELLS)
def test_a_bad_cell_rejects_its_row_and_the_product_goes_on(
    folder: Folder, column: str, value: str, reason: str
) -> None:
    bad = {"Handle": "shirt", "Option1 Value": "M", "Variant Price": "1", column: value}
    good = {"Handle": "shirt", "Option1 Value": "L", "Variant Price": "1"}
    outcome = folder.shopify(SHIRT, bad, good, HAT)
    assert outcome.faults == [Fault(3, column, reason, "rejected")]
    assert [variant.line for variant in outcome.products[0].variants] == [2, 4]
    assert outcome.products[0].options[0].values == ("S", "L")
    assert outcome.products[1].handle == "hat"


@pytest.mark.parametrize(("column", "value", "reason"), BAD_CELLS[:1] + BAD_FIRST_CELLS)
def test_a_bad_first_row_rejects_the_product_with_each_of_its_rows(
    folder: Folder, column: str, value: str, reason: str
) -> None:
    first = {**SHIRT, column: value}
    outcome = folder.shopify(first, {"Handle": first["Handle"], "Option1 Value": "M", "Variant Price": "1"}, HAT)
    assert outcome.faults[0] == Fault(2, column, reason)
    assert outcome.faults[1].line == 3
    assert outcome.faults[1].reason.endswith("was rejected for its first row, on line 2")
    assert len(outcome.faults) == 2
    assert outcome.product.handle == "hat"


def test_a_row_without_a_handle_is_rejected(folder: Folder) -> None:
    outcome = folder.shopify(
        SHIRT, {"Title": "Nothing"}, {"Handle": "shirt", "Option1 Value": "M", "Variant Price": "1"}
    )
    assert outcome.faults == [Fault(3, "Handle", "is empty")]
    assert len(outcome.product.variants) == 2


def test_a_row_without_variant_and_image_is_rejected(folder: Folder) -> None:
    outcome = folder.shopify({**SHIRT, "Vendor": "V"}, {"Handle": "shirt", "Vendor": "W"})
    assert outcome.faults == [Fault(3, "", "has neither a variant nor an image")]
    assert outcome.product.vendor == "V"


def test_equal_option_values_reject_the_later_row(folder: Folder) -> None:
    outcome = folder.shopify(SHIRT, {"Handle": "shirt", "Option1 Value": "S", "Variant Price": "9"})
    assert outcome.fault == Fault(3, "Option1 Value", "the option values 'S': as the variant on line 2")
    assert [variant.price for variant in outcome.product.variants] == [100]


def test_a_second_variant_without_options_is_rejected(folder: Folder) -> None:
    outcome = folder.shopify(HAT, {"Handle": "hat", "Variant Price": "9"})
    assert (outcome.rejected, outcome.fault.reason) == ([(3, "")], "no option values: as the variant on line 2")


def test_rows_of_a_handle_that_come_again_are_rejected(folder: Folder) -> None:
    again = {"Handle": "shirt", "Option1 Value": "M", "Variant Price": "1"}
    outcome = folder.shopify(SHIRT, HAT, again, {**again, "Option1 Value": "L"}, {**HAT, "Handle": "sock"})
    reason = "rows of this handle came earlier in the file: put all rows of a product one after another"
    assert outcome.faults == [Fault(4, "Handle", reason), Fault(5, "Handle", reason)]
    assert [product.handle for product in outcome.products] == ["shirt", "hat", "sock"]


def test_a_rejected_handle_does_not_come_to_life_later_in_the_file(folder: Folder) -> None:
    outcome = folder.shopify({**SHIRT, "Title": ""}, HAT, SHIRT)
    assert outcome.rejected == [(2, "Title"), (4, "Handle")]
    assert outcome.product.handle == "hat"


@pytest.mark.parametrize(("cells", "count"), [("shirt,Shirt", 2), ("shirt,Shirt,1,x", 4)])
def test_a_row_with_other_than_the_named_cells_is_rejected(folder: Folder, cells: str, count: int) -> None:
    outcome = folder.read("products.csv", f"Handle,Title,Variant Price\n{cells}\nhat,Hat,2\n")
    assert outcome.faults == [Fault(2, "", f"has {count} cells, but the header names 3 columns")]
    assert outcome.product.handle == "hat"


def test_a_missing_price_makes_a_draft(folder: Folder) -> None:
    outcome = folder.shopify(SHIRT, {"Handle": "shirt", "Option1 Value": "M"}, {**HAT, "Status": "archived"})
    assert outcome.fault == Fault(3, "Variant Price", "is empty: the product is imported as a draft", "warning")
    assert [(product.handle, product.status) for product in outcome.products] == [
        ("shirt", "draft"),
        ("hat", "archived"),
    ]
    assert [variant.price for variant in outcome.products[0].variants] == [100, None]


def test_an_archived_product_without_a_price_stays_archived(folder: Folder) -> None:
    assert folder.shopify({**HAT, "Variant Price": "", "Status": "archived"}).product.status == "archived"


def test_a_product_of_images_alone_is_a_draft_with_one_variant(folder: Folder) -> None:
    picture = {"Handle": "hat", "Title": "Hat", "Image Src": "https://example.com/a.jpg", "Variant Price": ""}
    outcome = folder.shopify(picture, {**picture, "Image Src": "https://example.com/b.jpg"})
    assert (len(outcome.product.images), len(outcome.product.variants), outcome.product.status) == (2, 1, "draft")
    assert outcome.fault.kind == "warning"


def test_negative_stock_becomes_zero(folder: Folder) -> None:
    outcome = folder.shopify({**HAT, "Variant Inventory Qty": "-3"})
    assert outcome.fault == Fault(2, "Variant Inventory Qty", "is -3: the stock is taken as 0", "warning")
    assert outcome.product.variants[0].quantity == 0


def test_a_repeated_sku_is_told_and_the_variants_stay_apart(folder: Folder) -> None:
    outcome = folder.shopify({**SHIRT, "Variant SKU": "A"}, {**HAT, "Variant SKU": "A"}, {**HAT, "Handle": "sock"})
    reason = "'A' came earlier in the file: both variants are kept"
    assert outcome.faults == [Fault(3, "Variant SKU", reason, "warning")]
    assert [product.variants[0].sku for product in outcome.products] == ["A", "A", ""]


def test_the_sku_of_a_rejected_row_does_not_count(folder: Folder) -> None:
    outcome = folder.shopify({**SHIRT, "Variant SKU": "A", "Variant Price": "x"}, {**HAT, "Variant SKU": "A"})
    assert (outcome.rejected, outcome.warned) == ([(2, "Variant Price")], [])


def test_faults_come_before_the_product_that_they_are_about(folder: Folder) -> None:
    outcome = folder.shopify({**SHIRT, "Variant Price": ""}, {**HAT, "Variant Inventory Qty": "-1"})
    assert [type(item).__name__ for item in outcome.items] == ["Fault", "ImportedProduct", "Fault", "ImportedProduct"]


def test_more_variants_and_images_than_fit_are_rejected_row_by_row(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields, "MAX_VARIANTS", 2)
    monkeypatch.setattr(fields, "MAX_IMAGES", 1)
    more: list[Row] = [{"Handle": "shirt", "Option1 Value": size, "Variant Price": "1"} for size in "MLX"]
    pictures: list[Row] = [{"Handle": "shirt", "Image Src": f"https://example.com/{n}"} for n in (1, 2, 1)]
    outcome = folder.shopify(SHIRT, *more, *pictures)
    assert outcome.faults == [
        Fault(4, "", "does not fit: the product already has 2 variants"),
        Fault(5, "", "does not fit: the product already has 2 variants"),
        Fault(7, "Image Src", "does not fit: the product already has 1 images"),
    ]


def test_more_specs_than_fit_reject_the_product(folder: Folder) -> None:
    outcome = folder.shopify({**HAT, **{f"S{n} (product.metafields.a.s{n})": "x" for n in range(251)}})
    assert outcome.fault == Fault(2, "", "has 251 metafields and the like: at most 250 fit")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "the file is empty"),
        ("\n\n,,\n", "the file is empty"),
        ("Title,Vendor", "the header names no column 'Handle'"),
        ("Handle,Vendor", "the header names no column 'Title'"),
        ("Handle;Title", "Separate the columns by commas"),
        ("Handle,Title,handle", "the columns 'Handle' and 'handle' mean the same"),
        ("Handle,Title,Variant SKU,SKU", "the columns 'Variant SKU' and 'SKU' mean the same"),
        ("Handle,Title" + ",x" * 2_000, "the header is longer than"),
        ("Handle,Title," + "x" * 1_100_000, "the header is longer than"),
    ],
)
def test_a_header_that_tells_no_products_breaks_the_file(folder: Folder, header: str, reason: str) -> None:
    with pytest.raises(BrokenFile, match=reason) as refusal:
        folder.read("products.csv", header)
    assert refusal.value.line == 1
    assert str(refusal.value).startswith("products.csv, line 1: ")


def test_too_many_products_are_refused_by_the_first_pass(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shopify_csv, "MAX_SEEN", 2)
    rows = [{"Handle": f"p{n}", "Title": "P"} for n in range(3)]
    with pytest.raises(BrokenFile, match="more than 2 products"):
        folder.read("products.csv", csv_text(rows))
