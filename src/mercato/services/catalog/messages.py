"""Messages that only imports send."""

from typing import Literal

import msgspec

from mercato.contracts.catalog import HandleInUse, OptionsMismatch, ProductDraft
from mercato.values.ids import ProductId
from mercato.values.messages import Command, Query, Staff

Result = Literal["created", "changed", "unchanged"]


class Imported(msgspec.Struct, frozen=True):
    product_id: ProductId
    result: Result


class ImportRun(msgspec.Struct, frozen=True):
    """How far the import of one file came: everything up to the product `ordinal` is applied."""

    ordinal: int
    finished: bool


class ImportProduct(Command[Imported], frozen=True):
    """Make the product with this handle what the file says, if the file says something else than last time.

    `quantities` are the stock figures of the file, one for each variant, None where it tells none: what is passed on
    is the change against the figure of the last import. Missing categories of `category_path` are made.
    """

    allow = Staff
    refusals = (HandleInUse, OptionsMismatch)
    product: ProductDraft
    category_path: tuple[str, ...]
    quantities: tuple[int | None, ...]


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
