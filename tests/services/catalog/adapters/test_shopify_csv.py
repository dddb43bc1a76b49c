"""Shopify's CSV format, rule by rule."""

import pytest

from mercato.contracts.catalog import Image, Option, Spec
from mercato.services.catalog.adapters.import_files import open_source
from mercato.services.catalog.adapters.records import ImportedProduct, ImportedVariant
from mercato.services.catalog.domain import SafeHtml
from tests.services.catalog.adapters.files import Folder, Row, csv_text

SHIRT: Row = {"Handle": "shirt", "Title": "Linen shirt", "Variant Price": "49.90"}


def test_a_full_row_gives_every_field(folder: Folder) -> None:
    row = {
        "Handle": "shirt",
        "Title": " Linen shirt ",
        "Body (HTML)": "<p onclick='x()'>Cool.</p><script>alert(1)</script>",
        "Vendor": "Lino",
        "Product Category": "Apparel > Clothing > Shirts",
        "Type": "Shirt",
        "Tags": "summer, linen, , summer",
        "Published": "true",
        "Option1 Name": "Size",
        "Option1 Value": "S",
        "Option1 Linked To": "product.metafields.shopify.size",
        "Variant SKU": "LS-S",
        "Variant Grams": "180.0",
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": "12",
        "Variant Price": "49.90",
        "Variant Compare At Price": "59.9",
        "Variant Barcode": "'4006381333931",
        "Image Src": "https://example.com/shirt.jpg",
        "Image Position": "1",
        "Image Alt Text": "A shirt",
        "Google Shopping / Gender": "Unisex",
        "Fabric (product.metafields.custom.fabric)": "Linen",
        "Care (product.metafields.custom.care)": "",
        "Variant Image": "https://example.com/s.jpg",
        "Variant Weight Unit": "g",
        "Status": "active",
    }
    outcome = folder.shopify(row)
    assert outcome.faults == []
    assert outcome.product == ImportedProduct(
        ordinal=1,
        line=2,
        handle="shirt",
        title="Linen shirt",
        description=SafeHtml("<p>Cool.</p>"),
        vendor="Lino",
        type="Shirt",
        tags=("summer", "linen"),
        category_path=("Apparel", "Clothing", "Shirts"),
        options=(Option("Size", ("S",)),),
        variants=(
            ImportedVariant(
                line=2,
                options=("S",),
                sku="LS-S",
                barcode="4006381333931",
                grams=180,
                price=4990,
                compare_at=5990,
                quantity=12,
                image="https://example.com/s.jpg",
            ),
        ),
        images=(Image("https://example.com/shirt.jpg", "A shirt"),),
        specs=(Spec("Google Shopping / Gender", "Unisex"), Spec("Fabric", "Linen")),
        status="active",
    )


def test_the_newer_wording_of_the_columns_says_the_same(folder: Folder) -> None:
    older = folder.shopify(
        {
            **SHIRT,
            "Body (HTML)": "Cool.",
            "Product Category": "Shirts",
            "Published": "true",
            "Variant SKU": "A",
            "Variant Barcode": "1",
            "Variant Compare At Price": "60",
            "Variant Inventory Qty": "3",
            "Variant Grams": "5",
            "Image Src": "https://example.com/a.jpg",
            "Variant Image": "https://example.com/b.jpg",
        }
    )
    newer = folder.shopify(
        {
            "Title": "Linen shirt",
            "URL handle": "shirt",
            "Description": "Cool.",
            "Product category": "Shirts",
            "Published on online store": "true",
            "SKU": "A",
            "Barcode": "1",
            "Price": "49.90",
            "Compare-at price": "60",
            "Inventory quantity": "3",
            "Weight value (grams)": "5",
            "Product image URL": "https://example.com/a.jpg",
            "Variant image URL": "https://example.com/b.jpg",
        }
    )
    assert newer.products == older.products
    assert newer.product.variants[0].quantity == 3


def test_handle_and_title_are_enough_for_a_draft(folder: Folder) -> None:
    outcome = folder.shopify({"Handle": "a", "Title": "A"}, {"Handle": "b", "Title": "B"})
    assert [product.status for product in outcome.products] == ["draft", "draft"]
    assert outcome.products[1].variants == (ImportedVariant(line=3),)
    assert outcome.warned == [(2, ""), (3, "")]


def test_rows_of_a_handle_make_one_product(folder: Folder) -> None:
    outcome = folder.shopify(
        {**SHIRT, "Option1 Name": "Size", "Option1 Value": "M", "Option2 Name": "Colour", "Option2 Value": "Red"},
        {"Handle": "shirt", "Option1 Value": "S", "Option2 Value": "Red", "Variant Price": "1"},
        {"Handle": "shirt", "Option1 Value": "M", "Option2 Value": "Blue", "Variant Price": "2"},
        {
            "Handle": "hat",
            "Title": "Hat",
            "Option1 Name": "Title",
            "Option1 Value": "Default Title",
            "Variant Price": "3",
        },
    )
    shirt, hat = outcome.products
    assert shirt.options == (Option("Size", ("M", "S")), Option("Colour", ("Red", "Blue")))
    assert [(v.line, v.options, v.price) for v in shirt.variants] == [
        (2, ("M", "Red"), 4990),
        (3, ("S", "Red"), 100),
        (4, ("M", "Blue"), 200),
    ]
    assert (hat.ordinal, hat.line, hat.options, hat.variants[0].options) == (2, 5, (), ())
    assert outcome.faults == []
    assert (outcome.survey.rows, outcome.survey.products) == (4, 2)


def test_an_option_called_title_with_other_values_is_an_option(folder: Folder) -> None:
    outcome = folder.shopify(
        {**SHIRT, "Option1 Name": "Title", "Option1 Value": "Default Title"},
        {"Handle": "shirt", "Option1 Value": "Signed", "Variant Price": "99"},
    )
    assert outcome.product.options == (Option("Title", ("Default Title", "Signed")),)


def test_the_first_row_may_only_describe_the_product(folder: Folder) -> None:
    outcome = folder.shopify(
        {"Handle": "shirt", "Title": "Shirt", "Option1 Name": "Size"},
        {"Handle": "shirt", "Option1 Value": "S", "Variant Price": "5"},
    )
    assert [variant.line for variant in outcome.product.variants] == [3]
    assert outcome.faults == []


def test_images_stand_in_the_order_of_their_positions_each_once(folder: Folder) -> None:
    def image(name: str, position: str) -> Row:
        return {"Handle": "shirt", "Image Src": f"https://example.com/{name}.jpg", "Image Position": position}

    outcome = folder.shopify(
        {**SHIRT, **image("third", "3")},
        image("last", ""),
        image("first", "1"),
        image("second", "2"),
        image("first", "9"),
    )
    names = [picture.url.split("/")[-1] for picture in outcome.product.images]
    assert names == ["first.jpg", "second.jpg", "third.jpg", "last.jpg"]
    assert len(outcome.product.variants) == 1
    assert outcome.faults == []


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({}, "active"),
        ({"Published": ""}, "active"),
        ({"Published": "TRUE"}, "active"),
        ({"Published": "false"}, "draft"),
        ({"Published": "false", "Status": "Active"}, "active"),
        ({"Published": "true", "Status": "draft"}, "draft"),
        ({"Published": "true", "Status": "archived"}, "archived"),
        ({"Published": "false", "Status": ""}, "draft"),
    ],
)
def test_status_goes_before_published(folder: Folder, cells: Row, status: str) -> None:
    assert folder.shopify({**SHIRT, **cells}).product.status == status


@pytest.mark.parametrize(
    ("cells", "path"),
    [
        ({"Product Category": "A > B>C", "Type": "T"}, ("A", "B", "C")),
        ({"Product Category": "", "Type": "T"}, ("T",)),
        ({"Product Category": "Uncategorized", "Type": "T"}, ("T",)),
        ({"Product Category": "Uncategorized", "Type": ""}, ()),
        ({}, ()),
    ],
)
def test_the_category_or_else_the_type_is_the_path(folder: Folder, cells: Row, path: tuple[str, ...]) -> None:
    assert folder.shopify({**SHIRT, **cells}).product.category_path == path


@pytest.mark.parametrize(
    ("cells", "quantity"),
    [
        ({}, None),
        ({"Variant Inventory Qty": ""}, None),
        ({"Variant Inventory Qty": "0"}, 0),
        ({"Variant Inventory Qty": "7.0"}, 7),
        ({"Variant Inventory Qty": "0", "Variant Inventory Tracker": "shopify"}, 0),
        ({"Variant Inventory Qty": "0", "Variant Inventory Tracker": ""}, None),
        ({"Variant Inventory Qty": "4", "Variant Inventory Tracker": ""}, 4),
    ],
)
def test_stock_that_is_not_counted_is_no_stock_of_zero(folder: Folder, cells: Row, quantity: int | None) -> None:
    assert folder.shopify({**SHIRT, **cells}).product.variants[0].quantity == quantity


@pytest.mark.parametrize(
    ("currency", "price", "amount"), [("EUR", "12.5", 1250), ("JPY", "1200.00", 1200), ("KWD", "1.250", 1250)]
)
def test_prices_are_read_in_the_currency_of_the_caller(folder: Folder, currency: str, price: str, amount: int) -> None:
    assert folder.shopify({**SHIRT, "Variant Price": price}, currency=currency).product.variants[0].price == amount


def test_a_compare_at_price_of_zero_is_none(folder: Folder) -> None:
    outcome = folder.shopify({**SHIRT, "Variant Compare At Price": "0.00"})
    assert outcome.product.variants[0].compare_at is None


def test_grams_are_rounded_to_whole_ones(folder: Folder) -> None:
    outcome = folder.shopify({**SHIRT, "Variant Grams": "56.41555101875"})
    assert outcome.product.variants[0].grams == 56


@pytest.mark.parametrize("sign", "=+-@")
def test_cells_that_look_like_formulas_stay_as_they_are(folder: Folder, sign: str) -> None:
    formula = f"{sign}cmd|' /C calc'!A0"
    product = folder.shopify({**SHIRT, "Title": formula, "Variant SKU": formula, "Vendor": formula}).product
    assert (product.title, product.variants[0].sku, product.vendor) == (formula, formula, formula)


def test_two_metafields_of_one_name_are_told_apart(folder: Folder) -> None:
    outcome = folder.shopify(
        {**SHIRT, "Fit (product.metafields.a.fit)": "slim", "Fit (product.metafields.b.fit)": "wide"}
    )
    assert outcome.product.specs == (Spec("Fit", "slim"), Spec("Fit (product.metafields.b.fit)", "wide"))


def test_lines_are_counted_through_cells_of_many_lines(folder: Folder) -> None:
    rows = [
        {**SHIRT, "Body (HTML)": "one\ntwo\r\nthree\rfour"},
        {"Handle": "hat", "Title": "Hat", "Variant Price": "x"},
        {"Handle": "sock", "Title": "Sock", "Variant Price": "1"},
    ]
    outcome = folder.shopify(*rows)
    assert [product.line for product in outcome.products] == [2, 7]
    assert outcome.products[0].description == "one\ntwo\r\nthree\rfour"
    assert outcome.rejected == [(6, "Variant Price")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_understood(folder: Folder, end: str) -> None:
    text = f"Handle,Title,Variant Price{end}{end}a,A,1{end},,{end}b,B,x{end}c,C,2"
    outcome = folder.read("products.csv", text)
    assert [(product.handle, product.line) for product in outcome.products] == [("a", 3), ("c", 6)]
    assert outcome.rejected == [(5, "Variant Price")]
    assert outcome.survey.rows == 3


def test_empty_rows_and_cells_beyond_the_known_columns_do_not_matter(folder: Folder) -> None:
    outcome = folder.read("products.csv", "Title,Colour of the sky,Handle,\nA,blue,a,\n,,,\n\nB,grey,b,\n")
    assert [(product.handle, product.line) for product in outcome.products] == [("a", 2), ("b", 5)]
    assert outcome.survey.headers == ("Title", "Colour of the sky", "Handle", "")


def test_a_run_goes_on_after_what_it_has_applied(folder: Folder) -> None:
    rows = [{"Handle": f"p{n}", "Title": "P", "Variant Price": "x" if n % 3 == 0 else "1"} for n in range(1, 10)]
    source = open_source(folder.write("products.csv", csv_text(rows)), "EUR")
    everything = list(source.read())
    assert len(everything) == 9
    for position, item in enumerate(everything):
        if isinstance(item, ImportedProduct):
            assert list(source.read(after=item.ordinal)) == everything[position + 1 :]
    assert list(source.read(after=6)) == everything[8:]
