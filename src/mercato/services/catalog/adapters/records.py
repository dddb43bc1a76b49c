"""What the readers of import files give: products with their variants, faults, and the survey of a whole file."""

from collections.abc import Iterator
from typing import Literal, Protocol

from msgspec import Struct

from mercato.contracts.catalog import Image, Option, Spec, Status
from mercato.services.catalog.domain import SafeHtml


class ImportedVariant(Struct, frozen=True):
    """A variant as the file gives it. `line` is the line of the file where it begins.

    `options` has one value for each option of the product. `price` and `compare_at` are minor units of the currency
    that the reader was given. `quantity` None: the file tells no stock, or says that stock is not counted.
    """

    line: int
    options: tuple[str, ...] = ()
    sku: str = ""
    barcode: str = ""
    grams: int = 0
    price: int | None = None
    compare_at: int | None = None
    quantity: int | None = None
    image: str = ""


class ImportedProduct(Struct, frozen=True):
    """A product as the file gives it, within the limits of the contract `ProductDraft`; its HTML is cleaned.

    `ordinal` counts the products that one file yields, from 1: the same file, currency and mapping give the same
    numbers again, so a run that stopped goes on with `read(after=ordinal)`. `category_path` names the category
    from the root. There is at least one variant, and no two have the same option values.
    """

    ordinal: int
    line: int
    handle: str
    title: str
    description: SafeHtml
    vendor: str
    type: str
    tags: tuple[str, ...]
    category_path: tuple[str, ...]
    options: tuple[Option, ...]
    variants: tuple[ImportedVariant, ...]
    images: tuple[Image, ...]
    specs: tuple[Spec, ...]
    status: Status


class Fault(Struct, frozen=True):
    """Why a row was left out ("rejected"), or what was changed to take it in ("warning").

    `line` is where the row begins, `column` the name that the file has for it, "" when the whole row is meant.
    """

    line: int
    column: str
    reason: str
    kind: Literal["rejected", "warning"] = "rejected"


class Survey(Struct, frozen=True):
    """What the first pass found. `products` is how many there are before any is rejected.

    `rows` leaves out the header and empty lines. `headers` are the names of columns, or of fields in JSON lines.
    """

    rows: int
    products: int
    headers: tuple[str, ...]


class Progress(Struct, frozen=True):
    """Bytes of the file that the pass under way has read, of all it has. A packed file counts as it lies there."""

    done: int
    total: int


class BrokenFile(ValueError):
    """The file cannot be trusted as a whole: nothing of it may be imported. `reason` also says what to do."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class Source(Protocol):
    """An import file and how to read it. One pass at a time; each pass opens the file again and reads it in order."""

    def inspect(self) -> Survey:
        """Read the whole file once and change nothing. Raises BrokenFile."""

    def read(self, after: int = 0) -> Iterator[ImportedProduct | Fault]:
        """The products and faults in the order of the file, a product's faults before the product.

        With `after`, the product of that ordinal and everything before it is left out. Raises BrokenFile in the
        middle only for a file that `inspect` refuses too, or that was changed since.
        """

    def progress(self) -> Progress:
        """How far the latest pass has come."""
