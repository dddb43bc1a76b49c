"""Mapping files: foreign JSON becomes our fields."""

from pathlib import Path
from typing import Any

import pytest

from mercato.contracts.catalog import Spec
from mercato.services.catalog.adapters.import_files import open_source
from mercato.services.catalog.adapters.mapping import BadMapping, read_mapping
from mercato.services.catalog.adapters.records import Fault
from tests.services.catalog.adapters.files import Folder, csv_text

BASE = '[fields]\nhandle = "id"\ntitle = "name"\n'


def apply(folder: Folder, text: str, item: dict[str, Any]) -> dict[str, Any]:
    return read_mapping(folder.write("a.map.toml", BASE + text)).apply({"id": "a", "name": "A", **item})


@pytest.mark.parametrize(
    ("form", "item", "value"),
    [
        ('"brand"', {"brand": "B"}, "B"),
        ('"brand"', {}, None),
        ('"brand.name"', {"brand": {"name": "B"}}, "B"),
        ('"brand.name"', {"brand": "B"}, None),
        ('"brands.1.name"', {"brands": [{}, {"name": "B"}]}, "B"),
        ('"brands.2"', {"brands": ["a", "b"]}, None),
        ('["brand", "maker"]', {"brand": "", "maker": "M"}, "M"),
        ('["brand", "maker"]', {"brand": 0, "maker": "M"}, 0),
        ('["brand", "maker"]', {}, None),
        ('{ join = ["brand", "line"], with = " / " }', {"brand": "B", "line": "L"}, "B / L"),
        ('{ join = ["brand", "line"], with = " / " }', {"brand": None, "line": ["L", 2]}, "L, 2"),
        ('{ join = ["brand", { value = "!" }] }', {"brand": "B"}, "B!"),
        ('{ text = "brand" }', {"brand": "a < b\n\nc"}, "<p>a &lt; b</p><p>c</p>"),
        ('{ list = "brand" }', {"brand": "a\n<b>"}, "<ul><li>a</li><li>&lt;b&gt;</li></ul>"),
        ('{ list = "brand" }', {"brand": ["a", None, 3]}, "<ul><li>a</li><li>3</li></ul>"),
        ('{ list = "brand" }', {}, ""),
        ('{ slug = "brand" }', {"brand": " Crème brûlée, 2 pcs. "}, "creme-brulee-2-pcs"),
        ('{ slug = ["none", "brand"] }', {"brand": "-"}, ""),
        ('{ value = "fixed" }', {}, "fixed"),
    ],
)
def test_a_form_says_where_a_field_comes_from(folder: Folder, form: str, item: dict[str, Any], value: object) -> None:
    assert apply(folder, f"vendor = {form}", item)["vendor"] == value


def test_specs_are_named_fields_and_what_is_left(folder: Folder) -> None:
    text = 'vendor = "maker.name"\n[specs]\nColor = "color"\n'
    item = {
        "maker": {"name": "M", "city": "Bonn"},
        "color": "red",
        "sizes": [1, 2],
        "new": True,
        "none": None,
        "x": [{}],
    }
    assert apply(folder, text, item)["specs"] == {"Color": "red"}
    kept = read_mapping(folder.write("b.toml", "keep_rest = true\n" + BASE + text)).apply({"id": 1, "name": 2, **item})
    assert kept["specs"] == {"Color": "red", "maker.city": "Bonn", "sizes": "1, 2", "new": "true", "x": "[{}]"}


def test_deep_foreign_objects_are_kept_as_text(folder: Folder) -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"a": deep}
    kept = read_mapping(folder.write("b.toml", "keep_rest = true\n" + BASE)).apply({"deep": deep})
    ((name, value),) = kept["specs"].items()
    assert (name, value[:6]) == ("deep" + ".a" * 8, '{"a":{')


def test_reports_name_the_foreign_field(folder: Folder) -> None:
    mapping = BASE + 'price = ["offer.price", "price"]\nvendor = { value = "V" }\n'
    outcome = folder.json({"id": "a", "name": "A", "offer": {"price": "x"}}, {"id": "b", "name": "B"}, mapping=mapping)
    assert outcome.faults == [
        Fault(1, "offer.price, price", "'x' is not a number such as 12.50"),
        Fault(2, "offer.price, price", "is empty: the product is imported as a draft", "warning"),
    ]
    assert outcome.product.vendor == "V"


def test_foreign_fields_that_are_not_mapped_are_left_out_in_silence(folder: Folder) -> None:
    mapping = BASE + 'price = "price"\n'
    outcome = folder.json({"id": "a", "name": "A", "price": 1, "other": 2}, mapping=mapping)
    assert (outcome.faults, outcome.product.specs) == ([], ())
    kept = folder.json({"id": "a", "name": "A", "price": 1, "other": 2}, mapping="keep_rest = true\n" + mapping)
    assert kept.product.specs == (Spec("other", "2"),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[fields", "this is not TOML"),
        (b"\xff", "the text is not in UTF-8"),
        ("x = " + "[" * 20_000, "this is not TOML"),
        ("#" * 1_100_000, "a mapping has at most 1,048,576 bytes"),
        ("", "[fields] must say where 'handle' comes from"),
        ('[fields]\nhandle = "id"\n', "[fields] must say where 'title' comes from"),
        ("fields = 1", "'fields' must be a table"),
        (BASE + '[extra]\na = "b"\n', "'extra' is not known here"),
        (BASE + 'colour = "c"\n', "fields.colour is no field of ours. Ours are: barcode, category,"),
        (BASE + "vendor = 1\n", "fields.vendor must be the name of a foreign field"),
        (BASE + 'vendor = ""\n', "fields.vendor must be"),
        (BASE + "vendor = []\n", "fields.vendor must be"),
        (BASE + "vendor = {}\n", "fields.vendor must be"),
        (BASE + 'vendor = { upper = "x" }\n', "fields.vendor must be"),
        (BASE + 'vendor = { text = "x", with = "y" }\n', "fields.vendor must be"),
        (BASE + 'vendor = { join = "x" }\n', "fields.vendor: join takes a list"),
        (BASE + 'vendor = { join = ["x"], with = 1 }\n', "fields.vendor: join takes a list"),
        (BASE + "[specs]\nColor = true\n", "specs.Color must be"),
        ('keep_rest = "yes"\n' + BASE, "keep_rest must be true or false"),
        (BASE + 'specs = "x"\n[specs]\na = "b"\n', "fields.specs cannot stand beside"),
    ],
)
def test_a_senseless_mapping_is_refused_with_a_sentence(folder: Folder, text: str | bytes, reason: str) -> None:
    path = folder.write("bad.map.toml", text)
    with pytest.raises(BadMapping) as refusal:
        read_mapping(path)
    assert str(refusal.value).startswith(f"bad.map.toml: {reason}")


def test_a_mapping_is_read_before_the_file(folder: Folder) -> None:
    file = folder.write("a.jsonl", b"\xff")
    with pytest.raises(BadMapping):
        open_source(file, "EUR", folder.write("bad.map.toml", "["))


def test_a_mapping_for_csv_is_refused(folder: Folder) -> None:
    file = folder.write("a.csv", csv_text([{"Handle": "a", "Title": "A"}]))
    with pytest.raises(BadMapping, match=r"a\.map\.toml: a mapping is for JSON lines, and a\.csv is CSV"):
        open_source(file, "EUR", folder.write("a.map.toml", BASE))


def test_the_examples_of_the_documentation_are_good(folder: Folder) -> None:
    examples = sorted((Path(__file__).parents[4] / "docs" / "examples").glob("*.map.toml"))
    assert [path.name for path in examples] == ["esci.map.toml"]
    for path in examples:
        read_mapping(path)
