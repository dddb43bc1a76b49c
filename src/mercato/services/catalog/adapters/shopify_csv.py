"""Products from CSV in the format that Shopify exports; columns go by their names, in the older and the newer wording.

Rows of one handle follow one another; the first one describes the product. A row with a value in any column of a
variant is a variant, a row with an image adds that image, and both may stand in one row. Metafields of products and the
columns of Google Shopping become specs. Cells are data, whatever sign they begin with.
"""

from collections.abc import Iterator
from pathlib import Path

from mercato.services.catalog.adapters import fields
from mercato.services.catalog.adapters.csv_rows import CsvRows
from mercato.services.catalog.adapters.fields import Rejected
from mercato.services.catalog.adapters.lines import MAX_ROW, MAX_SEEN, Lines, Seen
from mercato.services.catalog.adapters.records import Fault, ImportedProduct, Progress, Survey
from mercato.services.catalog.adapters.shopify_columns import Columns, find_columns
from mercato.services.catalog.adapters.shopify_product import Product

_TOO_LONG = f"the row is longer than {MAX_ROW:,} bytes"
_UNSORTED = "rows of this handle came earlier in the file: put all rows of a product one after another"


class ShopifyCsv:
    """An import file in Shopify's CSV format; prices are read as amounts of `currency`."""

    def __init__(self, path: Path, currency: str) -> None:
        self._path = path
        self._currency = currency
        self._lines = Lines(path)

    def progress(self) -> Progress:
        return self._lines.progress()

    def inspect(self) -> Survey:
        rows, columns = self._open()
        count = products = 0
        last = ""
        for line, row in rows:
            if row is not None and not any(row):
                continue
            count += 1
            handle = row[columns.handle].strip() if row and len(row) == columns.width else ""
            if handle and handle != last:
                last = handle
                products += 1
                if products > MAX_SEEN:
                    raise self._lines.broken(f"there are more than {MAX_SEEN:,} products. Split the file.", line)
        return Survey(rows=count, products=products, headers=columns.names[:-1])

    def read(self, after: int = 0) -> Iterator[ImportedProduct | Fault]:
        ordinal = 0
        for item in self._items():
            if isinstance(item, Fault):
                if ordinal >= after:
                    yield item
            else:
                ordinal += 1
                if ordinal > after:
                    yield item.finished(ordinal)

    def _open(self) -> tuple[Iterator[tuple[int, list[str] | None]], Columns]:
        self._lines = Lines(self._path)
        rows = iter(CsvRows(self._lines))
        for line, row in rows:
            if row is None or any(row):
                return rows, find_columns(row, line, self._lines)
        raise self._lines.broken("the file is empty. Its first row must name the columns, such as Handle and Title.", 1)

    def _items(self) -> Iterator[Fault | Product]:
        rows, columns = self._open()
        products = _Products(columns, self._currency)
        for line, row in rows:
            if row is None:
                yield Fault(line, "", _TOO_LONG)
            elif any(row):
                yield from products.take(line, row)
        yield from products.close()


class _Products:
    """Puts rows together to products, one at a time."""

    def __init__(self, columns: Columns, currency: str) -> None:
        self._columns = columns
        self._currency = currency
        self._handles = Seen()
        self._skus = Seen()
        self._handle = ""
        self._product: Product | None = None
        self._refusal = ""

    def take(self, line: int, row: list[str]) -> list[Fault | Product]:
        """Add a row that is not empty; what it completes and reports comes out."""
        columns = self._columns
        if len(row) != columns.width:
            return [Fault(line, "", f"has {len(row):,} cells, but the header names {columns.width:,} columns")]
        # The columns that the file lacks have the index -1: this cell.
        row.append("")
        handle = row[columns.handle].strip()
        if not handle:
            return [Fault(line, columns.names[columns.handle], "is empty")]
        if handle != self._handle:
            before = self.close()
            self._handle = handle
            self._refusal = f"the product {fields.shown(handle)} was rejected for its first row, on line {line}"
            return before + self._add(line, row)
        if self._product is None:
            return [Fault(line, columns.names[columns.handle], self._refusal)]
        return self._add(line, row)

    def close(self) -> list[Fault | Product]:
        """End the product under way, if there is one."""
        product, self._product = self._product, None
        return [] if product is None else [*product.close(), product]

    def _add(self, line: int, row: list[str]) -> list[Fault | Product]:
        try:
            product = self._product or self._begun(line, row)
            items: list[Fault | Product] = [*product.add(line, row)]
        except Rejected as fault:
            return [Fault(line, fault.column, fault.reason)]
        self._product = product
        variant = product.variants[-1] if product.variants else None
        if variant and variant.line == line and variant.sku and not self._skus.add(variant.sku):
            reason = f"{fields.shown(variant.sku)} came earlier in the file: both variants are kept"
            items.append(Fault(line, self._columns.names[self._columns.sku], reason, "warning"))
        return items

    def _begun(self, line: int, row: list[str]) -> Product:
        if not self._handles.add(self._handle):
            self._refusal = _UNSORTED
            raise Rejected(self._columns.names[self._columns.handle], _UNSORTED)
        return Product(self._columns, self._currency, line, row)
