"""The door to import files: `open_source` chooses the reader by the name of a file, or by its content.

    source = open_source(Path("products.csv"), "EUR")
    survey = source.inspect()             # BrokenFile: nothing may be imported
    for item in source.read(after=0):     # ImportedProduct or Fault, in the order of the file
        ...

The records are in `records.py`. Memory stays flat: a row has at most MAX_ROW bytes, a product the limits of the
contract, and of the handles and SKUs that came before a few bytes are kept (see `lines.Seen`).
"""

from pathlib import Path

from mercato.services.catalog.adapters.json_lines import JsonLines
from mercato.services.catalog.adapters.lines import Lines
from mercato.services.catalog.adapters.mapping import BadMapping, read_mapping
from mercato.services.catalog.adapters.records import Source
from mercato.services.catalog.adapters.shopify_csv import ShopifyCsv

_JSON = (".jsonl", ".ndjson", ".json")


def open_source(path: Path, currency: str, mapping: Path | None = None) -> Source:
    """The reader for `path`; prices are amounts of `currency`, and `mapping` says where foreign JSON keeps our fields.

    Raises OSError for a file that cannot be opened, BadMapping for a mapping file that makes no sense, BrokenFile for a
    file without a telling name that cannot be read.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(_JSON) or (not name.endswith(".csv") and _looks_like_json(path)):
        return JsonLines(path, currency, read_mapping(mapping) if mapping else None)
    if mapping:
        raise BadMapping(f"{mapping.name}: a mapping is for JSON lines, and {path.name} is CSV. Import it without.")
    return ShopifyCsv(path, currency)


def _looks_like_json(path: Path) -> bool:
    return next((line.strip()[:1] in (b"{", b"[") for line in Lines(path) if line.strip()), False)
