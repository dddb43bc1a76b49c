"""Messages that only imports send."""

from typing import Literal

import msgspec

from mercato.contracts.catalog import ProductDraft
from mercato.services.catalog.domain import SafeHtml
from mercato.values.ids import ProductId
from mercato.values.messages import Command, Query, Staff

Result = Literal["created", "changed", "unchanged", "refused"]


class Imported(msgspec.Struct, frozen=True):
    """What became of a product; `reason` says why it was refused."""

    product_id: ProductId
    result: Result
    reason: str = ""


class ImportRun(msgspec.Struct, frozen=True):
    """How far the import of one file came: everything up to the product `ordinal` is applied."""

    ordinal: int
    finished: bool


class GivenProduct(msgspec.Struct, frozen=True):
    """A product as a file gives it. Its `description` stands beside the draft, because it is cleaned already.

    `quantities` are the stock figures of the file, one for each variant, None where it tells none: what is passed on
    is the change against the figure of the last import. Missing categories of `category_path` are made.
    """

    product: ProductDraft
    description: SafeHtml
    category_path: tuple[str, ...]
    quantities: tuple[int | None, ...]


class ImportProducts(Command[tuple[Imported, ...]], frozen=True):
    """Make the products with these handles what the file says, where the file says something else than last time.

    A product that is refused leaves the others as they are. `applied` is the ordinal of the product up to which
    everything of `file`, a hash of its content, was applied before these.
    """

    allow = Staff
    products: tuple[GivenProduct, ...]
    file: str
    applied: int


class RecordImport(Command[None], frozen=True):
    """Everything of this file up to the product `ordinal` is applied. `file` is a hash of its content."""

    allow = Staff
    file: str
    ordinal: int
    finished: bool


class GetImport(Query[ImportRun], frozen=True):
    """How far the import of this file came; ordinal 0 when it never began."""

    allow = Staff
    file: str
