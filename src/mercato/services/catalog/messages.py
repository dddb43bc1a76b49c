"""Messages that only imports, the worker of pictures and the jobs of catalog send, and the bodies of intents."""

from typing import Literal

import msgspec

from mercato.contracts.catalog import ProductDraft
from mercato.services.catalog.domain import SafeHtml, StoredPicture
from mercato.values.ids import MediaId, ProductId
from mercato.values.messages import Command, Query, Staff, System

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


class MakePicture(msgspec.Struct, frozen=True):
    """Check the uploaded file of this media, and make what shoppers see."""

    media_id: MediaId


class DiscardFiles(msgspec.Struct, frozen=True):
    """Delete these files, and once more when nobody can send them again: at `until`."""

    media_id: MediaId
    names: tuple[str, ...]
    until: int


class PlanPicture(Command[bool], frozen=True):
    """Files with these names are about to be kept for this media; whether it still waits for them."""

    allow = System
    media_id: MediaId
    names: tuple[str, ...]


class RecordPicture(Command[None], frozen=True):
    """All files of this picture are kept: show it."""

    allow = System
    picture: StoredPicture


class RefuseMedia(Command[None], frozen=True):
    """Nothing can be made of the file; what was kept for it is deleted."""

    allow = System
    media_id: MediaId
    reason: str


class RecordDiscard(Command[None], frozen=True):
    """Files are deleted, or it was given up."""

    allow = System
    media_id: MediaId


class Unclaimed(msgspec.Struct, frozen=True):
    store: str
    media_id: MediaId


class ListUnclaimed(Query[tuple[Unclaimed, ...]], frozen=True):
    """Uploads of all stores that never came or were refused long ago."""

    allow = System


class ForgetMedia(Command[None], frozen=True):
    """Forget an upload that never came or was refused, unless it has come after all."""

    allow = System
    media_id: MediaId
