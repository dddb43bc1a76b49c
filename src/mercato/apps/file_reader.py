"""The program that reads an import's file, `python -m mercato.apps.file_reader`: a process of its own beside the shop.

Reading and checking a product takes an interpreter as long as a shopper's request; here it takes another one, on
another core. The program gets a line of JSON that says what to read, surveys the file, gets a second line with the
ordinal to go on after, and gives the products by chunks. All that it says are pieces of JSON, each after its length in
four bytes. It waits for whoever does not listen, for a pipe holds little, and ends when nobody listens any more.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path

import msgspec

from mercato.contracts.catalog import ProductDraft, VariantDraft
from mercato.services.catalog.adapters.import_files import open_source
from mercato.services.catalog.adapters.mapping import BadMapping
from mercato.services.catalog.adapters.records import BrokenFile, Fault, ImportedProduct, Source
from mercato.services.catalog.messages import GivenProduct

AT_ONCE = 32  # products of a chunk, and so of one command
LOOK = 0.2  # seconds between two looks at the first pass's progress
LENGTH = 4  # bytes

Item = ImportedProduct | Fault


class Wanted(msgspec.Struct, frozen=True):
    """What is to be read; `mapping` "" is none."""

    path: str
    mapping: str
    currency: str


class Looked(msgspec.Struct, frozen=True, tag=True):
    """How far the first pass is, in bytes."""

    done: int
    total: int


class Surveyed(msgspec.Struct, frozen=True, tag=True):
    """The file is sound. `file` tells this import from another one: a hash of the file and of its mapping."""

    products: int
    file: str


class Chunk(msgspec.Struct, frozen=True, tag=True):
    """Some products in the order of the file, and the faults among them.

    `lines` are where the products begin, `last` is the ordinal of the last one, `done` of `total` bytes are read.
    """

    products: tuple[GivenProduct, ...]
    lines: tuple[int, ...]
    last: int
    faults: tuple[Fault, ...]
    done: int
    total: int


class Ended(msgspec.Struct, frozen=True, tag=True):
    """Everything has been given."""


class Unreadable(msgspec.Struct, frozen=True, tag=True):
    """The file, or its mapping, cannot be read."""

    reason: str


Piece = Looked | Surveyed | Chunk | Ended | Unreadable


def main() -> int:
    wanted = msgspec.json.decode(sys.stdin.buffer.readline(), type=Wanted)
    try:
        return _read(wanted)
    except BrokenPipeError:
        return 1  # nobody listens any more
    except (BrokenFile, BadMapping, OSError) as error:
        _say(Unreadable(str(error)))
        return 1


def _read(wanted: Wanted) -> int:
    path, mapping = Path(wanted.path), Path(wanted.mapping) if wanted.mapping else None
    source = open_source(path, wanted.currency, mapping)
    _say(Surveyed(_survey(source), _hash(path, mapping)))
    after = sys.stdin.buffer.readline()
    if after:
        for chunk in chunks(source, int(after), wanted.currency):
            _say(chunk)
        _say(Ended())
    return 0


def _say(piece: Piece) -> None:
    data = msgspec.json.encode(piece)
    sys.stdout.buffer.write(len(data).to_bytes(LENGTH, "big") + data)
    sys.stdout.buffer.flush()


def _survey(source: Source) -> int:
    """Read the whole file and give nothing; how many products it has. Raises BrokenFile."""
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(source.inspect)
        while not wait((looking,), LOOK).done:
            progress = source.progress()
            _say(Looked(progress.done, progress.total))
        return looking.result().products


def _hash(path: Path, mapping: Path | None) -> str:
    digest = hashlib.sha256()
    for part in (path, mapping):
        if part is not None:
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def chunks(source: Source, after: int, currency: str) -> Iterator[Chunk]:
    """The products after this ordinal; their prices are amounts of `currency`."""
    items = source.read(after)
    while together := list(islice(items, AT_ONCE)):
        yield _chunk(together, source, currency)


def _chunk(items: Iterable[Item], source: Source, currency: str) -> Chunk:
    products = [item for item in items if isinstance(item, ImportedProduct)]
    progress = source.progress()
    return Chunk(
        tuple([_given(product, currency) for product in products]),
        tuple([product.line for product in products]),
        products[-1].ordinal if products else 0,
        tuple([item for item in items if isinstance(item, Fault)]),
        progress.done,
        progress.total,
    )


def _given(product: ImportedProduct, currency: str) -> GivenProduct:
    draft = ProductDraft(
        handle=product.handle,
        title=product.title,
        currency=currency,
        variants=tuple(
            [
                VariantDraft(
                    options=variant.options,
                    sku=variant.sku,
                    barcode=variant.barcode,
                    grams=variant.grams,
                    image=variant.image,
                    price=variant.price,
                    compare_at=variant.compare_at,
                )
                for variant in product.variants
            ]
        ),
        vendor=product.vendor,
        type=product.type,
        tags=product.tags,
        options=product.options,
        images=product.images,
        specs=product.specs,
        status=product.status,
    )
    quantities = tuple([variant.quantity for variant in product.variants])
    return GivenProduct(draft, product.description, product.category_path, quantities)


if __name__ == "__main__":
    sys.exit(main())
