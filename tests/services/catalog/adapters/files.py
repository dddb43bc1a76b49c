"""Import files made for a test, and what their readers give."""

import csv
import gzip
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mercato.contracts.catalog import ProductDraft
from mercato.services.catalog.adapters.import_files import open_source
from mercato.services.catalog.adapters.records import Fault, ImportedProduct

_CHECKOUT = Path(__file__).parents[4]

Row = dict[str, str]


def real_file(name: str) -> Path:
    """A file of the data folder beside the checkout; without that folder the test is skipped."""
    folder = Path(os.environ.get("MERCATO_SHARED_DATA") or _CHECKOUT.parent / "shared" / "data")
    path = folder / name
    if not path.exists():
        pytest.skip(f"the real data file {name} is not on this machine (MERCATO_SHARED_DATA names its folder)")
    return path


def csv_text(rows: Iterable[Row], header: Iterable[str] = ()) -> str:
    """CSV with the columns that the rows name, in the order of their first appearance."""
    rows = list(rows)
    columns = list(header) or list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return text.getvalue()


def json_text(*items: Any) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


class Folder:
    """Writes import files into a folder of the test and reads them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, name: str, content: str | bytes) -> Path:
        path = self._path / name
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    def shopify(self, *rows: Row, currency: str = "EUR") -> "Outcome":
        return Outcome(self.write("products.csv", csv_text(rows)), currency)

    def json(self, *items: Any, mapping: str = "") -> "Outcome":
        path = self.write("products.jsonl", json_text(*items))
        return Outcome(path, "EUR", self.write("fields.map.toml", mapping) if mapping else None)

    def read(self, name: str, content: str | bytes) -> "Outcome":
        return Outcome(self.write(name, content), "EUR")


class Outcome:
    """What one file gives. Making it also checks what holds for every file: see `check_promises`."""

    def __init__(self, path: Path, currency: str, mapping: Path | None = None) -> None:
        source = open_source(path, currency, mapping)
        self.survey = source.inspect()
        self.items = list(source.read())
        self.products = [item for item in self.items if isinstance(item, ImportedProduct)]
        self.faults = [item for item in self.items if isinstance(item, Fault)]
        check_promises(self.items)

    @property
    def product(self) -> ImportedProduct:
        """The only product."""
        (product,) = self.products
        return product

    @property
    def fault(self) -> Fault:
        """The only fault."""
        (fault,) = self.faults
        return fault

    @property
    def rejected(self) -> list[tuple[int, str]]:
        return [(fault.line, fault.column) for fault in self.faults if fault.kind == "rejected"]

    @property
    def warned(self) -> list[tuple[int, str]]:
        return [(fault.line, fault.column) for fault in self.faults if fault.kind == "warning"]


def check_promises(items: Iterable[ImportedProduct | Fault]) -> None:
    """Ordinals count without gaps, handles are unique, every product fits the contract, every report is short."""
    handles: set[str] = set()
    for item in items:
        if isinstance(item, Fault):
            assert item.line >= 1
            assert len(item.column) <= 210
            assert 0 < len(item.reason) <= 300
            continue
        handles.add(item.handle)
        assert len(handles) == item.ordinal
        chosen = {variant.options for variant in item.variants}
        assert len(chosen) == len(item.variants)
        for values in chosen:
            assert len(values) == len(item.options)
            assert all(value in option.values for value, option in zip(values, item.options, strict=True))
        assert item.status != "active" or all(variant.price is not None for variant in item.variants)
        as_draft(item)


def as_draft(product: ImportedProduct) -> ProductDraft:
    """The product as the contract takes it. Raises ValidationError when it is outside of the contract's limits."""
    fields = msgspec.to_builtins(product)
    variants = [
        {name: value for name, value in variant.items() if name not in ("line", "quantity")}
        for variant in fields["variants"]
    ]
    for name in ("ordinal", "line", "category_path"):
        del fields[name]
    return msgspec.convert({**fields, "variants": variants, "currency": "EUR"}, ProductDraft)
