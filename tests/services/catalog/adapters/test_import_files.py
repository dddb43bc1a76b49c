"""What holds for every import file, whatever is in it."""

import gzip
import json
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.services.catalog.adapters.import_files import open_source
from mercato.services.catalog.adapters.json_lines import JsonLines
from mercato.services.catalog.adapters.json_product import PRODUCT_FIELDS
from mercato.services.catalog.adapters.records import BrokenFile, Progress
from mercato.services.catalog.adapters.shopify_csv import ShopifyCsv
from tests.services.catalog.adapters.files import Folder, check_promises, csv_text

CSV = "Handle,Title\na,A\n"
JSON = '{"handle": "a", "title": "A"}\n'
MEBIBYTE = 1 << 20


@pytest.mark.parametrize(
    ("name", "content", "reader"),
    [
        ("a.csv", CSV, ShopifyCsv),
        ("A.CSV", CSV, ShopifyCsv),
        ("a.csv.gz", CSV, ShopifyCsv),
        ("a.jsonl", JSON, JsonLines),
        ("a.ndjson.gz", JSON, JsonLines),
        ("a.json", JSON, JsonLines),
        ("export", CSV, ShopifyCsv),
        ("export", "\ufeff\n " + JSON, JsonLines),
        ("export.gz", JSON, JsonLines),
        ("export.txt", "[" + JSON + "]", JsonLines),
        ("export", "", ShopifyCsv),
    ],
)
def test_the_reader_is_chosen_by_name_or_content(folder: Folder, name: str, content: str, reader: type[object]) -> None:
    assert type(open_source(folder.write(name, content), "EUR")) is reader


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl", "a"):
        with pytest.raises(FileNotFoundError):
            open_source(tmp_path / name, "EUR")


@pytest.mark.parametrize(("name", "content"), [("a.csv", CSV), ("a.jsonl.gz", JSON)])
def test_progress_is_told_for_the_latest_pass(folder: Folder, name: str, content: str) -> None:
    path = folder.write(name, content)
    total = path.stat().st_size
    source = open_source(path, "EUR")
    assert source.progress() == Progress(0, total)
    source.inspect()
    assert source.progress() == Progress(total, total)
    reading = source.read()
    next(reading)
    assert source.progress().total == total
    assert len(list(reading)) == 1
    assert source.progress() == Progress(total, total)


def outcome_of(name: str, content: bytes) -> None:
    """Reads a file; only BrokenFile may be raised, and after a good first pass not even that."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        try:
            source = open_source(path, "EUR")
            survey = source.inspect()
        except BrokenFile:
            return
        items = list(source.read())
        check_promises(items)
        assert items == list(source.read())
        products = [item for item in items if type(item).__name__ == "ImportedProduct"]
        assert len(products) <= survey.products <= survey.rows


@settings(max_examples=300)
@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.jsonl", "a", "a.csv.gz"]))
def test_any_bytes_are_read_or_broken(content: bytes, name: str) -> None:
    outcome_of(name, content)


@settings(max_examples=200)
@given(
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.sampled_from([b"Handle,Title\n", b'{"handle":"a","title":"b"}\n']),
)
def test_any_bytes_after_a_good_beginning_are_read_or_broken(before: bytes, after: bytes, good: bytes) -> None:
    outcome_of("a", good + before + b"\n" + good + after)
    outcome_of("a.gz", gzip.compress(good + before)[:-1] + after)


ODD = st.one_of(
    st.sampled_from(
        ["", " ", "a", "b", "0", "1", "-1", "1.50", "1e5", "NaN", "active", "draft", "true", "Default Title"]
    ),
    st.sampled_from(
        ["https://example.com/a.jpg", "A > B", "a,b", "<b>x", "a\nb", "\u2028", "=1", "\x00", '"', "٣", "Title"]
    ),
    st.text(max_size=10),
)
COLUMNS = [
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Status"),
    *("Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Option3 Name", "Option3 Value"),
    *("Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Price"),
    *("Variant Compare At Price", "Variant Barcode", "Image Src", "Image Position", "Image Alt Text", "Variant Image"),
    *("Google Shopping / Gender", "Fit (product.metafields.a.fit)", "Nothing we know"),
]


@st.composite
def shopify_rows(draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    columns = draw(st.permutations(COLUMNS))[: draw(st.integers(2, len(COLUMNS)))]
    rows = draw(st.lists(st.dictionaries(st.sampled_from(columns), ODD, min_size=1, max_size=8), max_size=8))
    for row in rows:
        row.setdefault("Handle", draw(st.sampled_from(["a", "b"])))
        row.setdefault("Title", "A")
    return csv_text(rows, [*dict.fromkeys(["Handle", "Title", *columns])])


@settings(max_examples=300)
@given(shopify_rows())
def test_odd_shopify_rows_are_read_or_rejected(text: str) -> None:
    outcome_of("a.csv", text.encode(errors="replace"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "value", "values", "url", "alt", "options", "price", "sku"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.lists(st.dictionaries(st.sampled_from([*sorted(PRODUCT_FIELDS), "other"]), VALUES, max_size=6), max_size=4))
def test_odd_objects_are_read_or_rejected(items: list[dict[str, Any]]) -> None:
    complete = [{"handle": f"h{n}", "title": "T", **item} for n, item in enumerate(items)]
    outcome_of("a.jsonl", "".join(json.dumps(item) + "\n" for item in complete).encode())


def peak(path: Path) -> tuple[int, int]:
    """The highest use of memory while both passes read the file, and how many items they gave."""
    tracemalloc.start()
    try:
        source = open_source(path, "EUR")
        source.inspect()
        count = sum(1 for _ in source.read())
        return tracemalloc.get_traced_memory()[1], count
    finally:
        tracemalloc.stop()


def catalogue(rows: int) -> Iterator[str]:
    yield "Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
    for number in range(rows // 5):
        yield f'product-{number},Product {number},"<p>One\ntwo</p>",Size,0,sku-{number}-0,9.90\n'
        for size in range(1, 5):
            yield f"product-{number},,,,{size},sku-{number}-{size},9.90\n"


def test_memory_stays_flat_over_many_rows(folder: Folder) -> None:
    few, count = peak(folder.write("few.csv", "".join(catalogue(5_000))))
    assert count == 1_000
    many, count = peak(folder.write("many.csv", "".join(catalogue(50_000))))
    assert count == 10_000
    assert many < few + 3 * MEBIBYTE


def test_memory_stays_flat_over_one_product_of_many_rows(folder: Folder) -> None:
    rows = "".join(f"a,A,{number},9.90\n" for number in range(50_000))
    used, count = peak(folder.write("a.csv", "Handle,Title,Option1 Value,Variant Price\n" + rows))
    assert count == 50_000
    assert used < 8 * MEBIBYTE


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.csv.gz"])
@pytest.mark.parametrize("fill", [b"x", b",", b'"', b'"",'])
def test_memory_stays_flat_over_one_long_line(tmp_path: Path, name: str, fill: bytes) -> None:
    good = JSON.encode() if "json" in name else CSV.encode()
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) if name.endswith(".gz") else path.open("wb") as file:
        file.write(good)
        for _ in range(24):
            file.write(fill * MEBIBYTE)
        file.write(b"\n" + good.splitlines()[-1].replace(b"a", b"b", 1))
    used, _ = peak(path)
    assert used < 8 * MEBIBYTE
