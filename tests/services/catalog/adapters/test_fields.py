"""The limits of single values are those of the contract."""

import msgspec
import pytest

from mercato.contracts.catalog import Image, Option, ProductDraft, Spec, VariantDraft
from mercato.services.catalog.adapters import fields, html
from mercato.services.catalog.adapters.fields import Rejected
from mercato.services.catalog.adapters.json_product import build_product
from tests.services.catalog.adapters.files import as_draft


def test_limits_are_those_of_the_contract() -> None:
    def limit(struct: type[msgspec.Struct], name: str) -> int:
        schema = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"][name]
        return int(schema.get("maxLength") or schema["maxItems"])

    assert limit(ProductDraft, "title") == fields.MAX_TITLE
    assert limit(ProductDraft, "vendor") == limit(ProductDraft, "type") == limit(Image, "alt") == fields.MAX_TEXT
    assert limit(ProductDraft, "description") == html.MAX_HTML
    assert limit(ProductDraft, "variants") == fields.MAX_VARIANTS
    assert limit(ProductDraft, "options") == fields.MAX_OPTIONS
    assert limit(ProductDraft, "images") == fields.MAX_IMAGES
    assert limit(ProductDraft, "specs") == fields.MAX_SPECS
    assert limit(ProductDraft, "tags") == fields.MAX_TAGS
    assert limit(VariantDraft, "sku") == fields.MAX_SKU
    assert limit(VariantDraft, "barcode") == fields.MAX_BARCODE
    assert limit(VariantDraft, "image") == limit(Image, "url") == fields.MAX_URL
    assert limit(Option, "name") == fields.MAX_NAME
    assert limit(Spec, "name") == fields.MAX_SPEC_NAME
    assert limit(Spec, "value") == fields.MAX_SPEC_VALUE


def test_a_product_that_fills_every_limit_fits_the_contract() -> None:
    address = "https://example.com/".ljust(fields.MAX_URL - 4, "x")
    given = {
        "handle": "ü" * 255,
        "title": "x" * fields.MAX_TITLE,
        "description": "x" * html.MAX_HTML,
        "vendor": "x" * fields.MAX_TEXT,
        "type": "x" * fields.MAX_TEXT,
        "tags": [f"{n:0{fields.MAX_TAG}}" for n in range(fields.MAX_TAGS)],
        "category": ["x" * fields.MAX_CATEGORY] * fields.MAX_DEPTH,
        "options": [f"{n:0{fields.MAX_NAME}}" for n in range(fields.MAX_OPTIONS)],
        "variants": [
            {
                "options": [f"{n:0{fields.MAX_OPTION_VALUE}}", "x", "y"],
                "sku": f"{n:0{fields.MAX_SKU}}",
                "barcode": "x" * fields.MAX_BARCODE,
                "grams": fields.MAX_FIGURE,
                "quantity": fields.MAX_FIGURE,
                "price": "9999999999999.99",
                "compare_at": "10000000000000.00",
                "image": address,
            }
            for n in range(fields.MAX_VARIANTS)
        ],
        "images": [{"url": f"{address}{n:04}", "alt": "x" * fields.MAX_TEXT} for n in range(fields.MAX_IMAGES)],
        "specs": {f"{n:0{fields.MAX_SPEC_NAME}}": "x" * fields.MAX_SPEC_VALUE for n in range(fields.MAX_SPECS)},
    }
    product, warnings = build_product(given, "EUR", 1, 1)
    assert warnings == []
    draft = as_draft(product)
    assert (len(draft.variants), len(draft.images), len(draft.specs)) == (2_000, 250, 250)
    assert draft.variants[0].price == 999_999_999_999_999


@pytest.mark.parametrize(
    ("value", "grams"), [("", 0), (" ", 0), ("250", 250), ("0.5", 0), ("1.5", 2), ("2.50", 2), ("+3", 3), ("-0.2", 0)]
)
def test_grams(value: str, grams: int) -> None:
    assert fields.grams(value, "Grams") == grams


@pytest.mark.parametrize(("value", "number"), [("7", 7), (" 7.00 ", 7), ("-7", -7), ("1000000000", 10**9)])
def test_whole_numbers(value: str, number: int) -> None:
    assert fields.whole(value, "Qty") == number


@pytest.mark.parametrize("value", ["", "٣", "1e3", "0x1", "1 000", "1.5", "9" * 30])
def test_what_is_no_whole_number(value: str) -> None:
    with pytest.raises(Rejected):
        fields.whole(value, "Qty")


@pytest.mark.parametrize("value", ["", "HTTPS://a.b/c?d=e#f", "http://a", "/media/a.jpg"])
def test_addresses_of_pictures(value: str) -> None:
    assert fields.url(value, "Image") == value


@pytest.mark.parametrize(
    "value", ["a.jpg", "//evil.example/a.jpg", "data:image/png;base64,x", "https://", "https://a b", "/", "ftp://a/b"]
)
def test_what_is_no_address_of_a_picture(value: str) -> None:
    with pytest.raises(Rejected):
        fields.url(value, "Image")
