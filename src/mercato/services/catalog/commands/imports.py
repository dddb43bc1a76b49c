"""Commands of imports: a product as a file gives it, and how far a file is applied."""

import hashlib

import msgspec

from mercato.contracts.catalog import ProductDraft, VariantDraft
from mercato.runtime.transaction import Transaction, encode
from mercato.services.catalog import storage
from mercato.services.catalog.commands.categories import category_at
from mercato.services.catalog.commands.products import add_product, give_product
from mercato.services.catalog.domain import StoredProduct
from mercato.services.catalog.messages import Imported, ImportProduct, RecordImport
from mercato.services.catalog.queries import stored
from mercato.values.ids import ProductId
from mercato.values.messages import Caller

Quantities = dict[str, int]  # the last imported stock figure of each variant, by its option values
_QUANTITIES = msgspec.json.Decoder(Quantities)


def import_product(tx: Transaction, command: ImportProduct, _caller: Caller) -> Imported:
    handle = command.product.handle
    fingerprint = hashlib.sha256(encode(command)).hexdigest()
    last = tx.one(storage.FIND_IMPORTED, handle=handle)
    if last is not None and last.fingerprint == fingerprint:
        return Imported(ProductId(last.product_id), "unchanged")
    product = _existing(tx, handle, last)
    known = _QUANTITIES.decode(last.quantities) if last else {}
    draft = _draft(tx, command, product, known)
    saved = give_product(tx, product, draft) if product else add_product(tx, ProductId(tx.new_id("prod")), draft)
    tx.defer(
        storage.SAVE_IMPORTED,
        handle=handle,
        product_id=saved.id,
        fingerprint=fingerprint,
        quantities=encode({**known, **_figures(command)}).decode(),
    )
    return Imported(saved.id, "changed" if product else "created")


def record_import(tx: Transaction, command: RecordImport, _caller: Caller) -> None:
    tx.defer(
        storage.SAVE_IMPORT,
        file=command.file,
        ordinal=command.ordinal,
        finished=int(command.finished),
        updated_at=tx.now,
    )


def _existing(tx: Transaction, handle: str, last: storage.ImportedRow | None) -> StoredProduct | None:
    row = tx.one(storage.FIND_PRODUCT, id=last.product_id) if last else None
    row = row or tx.one(storage.FIND_PRODUCT_BY_HANDLE, handle=handle)
    return stored(row) if row else None


def _draft(tx: Transaction, command: ImportProduct, product: StoredProduct | None, known: Quantities) -> ProductDraft:
    """The file's product with its category, the ids of variants that exist, and stock as a change."""
    ids = {variant.options: variant.id for variant in product.body.variants} if product else {}
    variants = tuple(
        msgspec.structs.replace(
            variant, variant_id=ids.get(variant.options, ""), stock_change=_change(variant, quantity, known)
        )
        for variant, quantity in zip(command.product.variants, command.quantities, strict=True)
    )
    category_id = category_at(tx, command.category_path)
    categories = (category_id,) if category_id else ()
    return msgspec.structs.replace(command.product, variants=variants, categories=categories)


def _change(variant: VariantDraft, quantity: int | None, known: Quantities) -> int | None:
    """Stock goes as the change against the last import's figure, so that what was sold meanwhile stays sold."""
    return None if quantity is None else quantity - known.get(_key(variant), 0)


def _figures(command: ImportProduct) -> Quantities:
    pairs = zip(command.product.variants, command.quantities, strict=True)
    return {_key(variant): quantity for variant, quantity in pairs if quantity is not None}


def _key(variant: VariantDraft) -> str:
    return encode(variant.options).decode()
