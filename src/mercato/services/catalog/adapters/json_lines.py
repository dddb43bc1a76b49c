"""Products from JSON lines: one object a line, in our own format or, by a mapping, in a foreign one.

Our own format; only `handle` and `title` must be there:

    {"handle": "linen-shirt", "title": "Linen shirt", "description": "<p>Cool.</p>", "vendor": "Lino", "type": "Shirt",
     "tags": ["summer", "linen"], "category": ["Clothing", "Shirts"], "status": "active",
     "options": [{"name": "Size", "values": ["S", "M"]}],
     "variants": [{"options": ["S"], "sku": "LS-S", "barcode": "4006381333931", "grams": 180, "price": "49.90",
                   "compare_at": "59.90", "quantity": 12, "image": "https://example.com/s.jpg"}],
     "images": [{"url": "https://example.com/shirt.jpg", "alt": "A linen shirt"}],
     "specs": [{"name": "Material", "value": "Linen"}]}

A product with a single variant may leave out `variants` and give `sku`, `barcode`, `grams`, `price`, `compare_at` and
`quantity` itself. Prices are numbers or decimal texts in units of the currency. Shorter forms are understood: tags as
one text with commas, a category as "Clothing > Shirts", options by their names alone (the values come from the
variants), an image as its address, specs as an object of names and values. Without `status` a product is active.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from mercato.services.catalog.adapters import fields
from mercato.services.catalog.adapters.fields import Rejected
from mercato.services.catalog.adapters.json_product import PRODUCT_FIELDS, build_product
from mercato.services.catalog.adapters.lines import MAX_ROW, MAX_SEEN, Lines, LongText, Seen, ends_line
from mercato.services.catalog.adapters.mapping import Mapping
from mercato.services.catalog.adapters.records import Fault, ImportedProduct, Progress, Survey

_TOO_LONG = f"the line is longer than {MAX_ROW:,} bytes"
_MAX_NAMES = 1_000  # of fields that are remembered for the survey and for warnings
_MAX_NAME = 200

# Decimal numbers stay the text that they are in the file: no amount passes through a float.
_DECODER = msgspec.json.Decoder(float_hook=str)


class JsonLines:
    """An import file of JSON lines; prices are read as amounts of `currency`."""

    def __init__(self, path: Path, currency: str, mapping: Mapping | None = None) -> None:
        self._path = path
        self._currency = currency
        self._mapping = mapping
        self._lines = Lines(path)

    def progress(self) -> Progress:
        return self._lines.progress()

    def inspect(self) -> Survey:
        rows = products = first = 0
        names: dict[str, None] = {}
        for line, item in self._objects():
            rows += 1
            first = first or line
            if isinstance(item, str):
                continue
            products += 1
            if len(names) < _MAX_NAMES:
                names.update(dict.fromkeys(map(_short, item)))
            if products > MAX_SEEN:
                raise self._lines.broken(f"there are more than {MAX_SEEN:,} products. Split the file.", line)
        if not products:
            reason = "no line of the file is a JSON object. Give each product as one object on a line of its own."
            raise self._lines.broken(reason, first or 1)
        return Survey(rows=rows, products=products, headers=tuple(names)[:_MAX_NAMES])

    def read(self, after: int = 0) -> Iterator[ImportedProduct | Fault]:
        ordinal = 0
        handles, skus = Seen(), Seen()
        unknown: set[str] = set()
        for line, item in self._objects():
            product, faults = self._product(line, ordinal + 1, item)
            if product and not handles.add(product.handle):
                reason = "came earlier in the file: a product stands on one line"
                product, faults = None, [Fault(line, self._column("handle"), reason)]
            if product:
                faults += self._repeated_skus(product, skus)
            if self._mapping is None and isinstance(item, dict) and not item.keys() <= PRODUCT_FIELDS:
                faults += _unknown_fields(line, item, unknown)
            if ordinal >= after:
                yield from faults
            if product:
                ordinal += 1
                if ordinal > after:
                    yield product

    def _objects(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """Each line that is not empty, with its number: the object, or why it is none."""
        lines = self._lines = Lines(self._path)
        pieces = iter(lines)
        for piece in pieces:
            if len(piece) > MAX_ROW:
                self._skip(piece, pieces)
                yield lines.number, _TOO_LONG
                continue
            lines.decode(piece)
            if piece.isspace():
                continue
            try:
                item = _DECODER.decode(piece)
            except msgspec.DecodeError as error:
                yield lines.number, f"is not JSON: {error}"
            except RecursionError:
                yield lines.number, "is nested too deeply"
            else:
                yield lines.number, item if isinstance(item, dict) else "is JSON, but not an object"

    def _skip(self, piece: bytes, pieces: Iterator[bytes]) -> None:
        text = LongText(self._lines)
        text.check(piece)
        while not ends_line(piece):
            # The end of the file ends a line, and no character may be open there.
            piece = next(pieces, b"\n")
            text.check(piece)

    def _product(
        self, line: int, ordinal: int, item: dict[str, Any] | str
    ) -> tuple[ImportedProduct | None, list[Fault]]:
        if isinstance(item, str):
            return None, [Fault(line, "", item)]
        try:
            given = self._mapping.apply(item) if self._mapping else item
            product, warnings = build_product(given, self._currency, line, ordinal)
        except Rejected as fault:
            return None, [Fault(line, self._column(fault.column), fault.reason)]
        return product, [Fault(line, self._column(column), reason, "warning") for column, reason in warnings]

    def _repeated_skus(self, product: ImportedProduct, skus: Seen) -> list[Fault]:
        warnings = []
        for variant in product.variants:
            if variant.sku and not skus.add(variant.sku):
                reason = f"{fields.shown(variant.sku)} came earlier in the file: both variants are kept"
                warnings.append(Fault(product.line, self._column("sku"), reason, "warning"))
        return warnings

    def _column(self, field: str) -> str:
        return self._mapping.origin(field) if self._mapping else field


def _unknown_fields(line: int, item: dict[str, Any], unknown: set[str]) -> list[Fault]:
    """A warning for each field that nobody knows, once a file, so that a slip of the pen does not go unseen."""
    warnings = []
    for name in map(_short, item):
        if name not in PRODUCT_FIELDS and name not in unknown and len(unknown) < _MAX_NAMES:
            unknown.add(name)
            reason = "is no field of a product: it is left out, here and on every later line"
            warnings.append(Fault(line, name, reason, "warning"))
    return warnings


def _short(name: str) -> str:
    """A name of a foreign field, cut so that remembering many of them takes little."""
    return name[:_MAX_NAME]
