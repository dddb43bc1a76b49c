"""Commands of imports: products as a file gives them, and how far a file is applied."""

import hashlib

import msgspec

from mercato.contracts.catalog import HandleInUse, ProductDraft, VariantDraft
from mercato.runtime.database.statements import as_list
from mercato.runtime.transaction import Transaction, encode
from mercato.services.catalog import storage
from mercato.services.catalog.commands.categories import Tree
from mercato.services.catalog.commands.products import add_product, give_product
from mercato.services.catalog.domain import StoredProduct
from mercato.services.catalog.messages import GivenProduct, Imported, ImportProducts, RecordImport
from mercato.services.catalog.queries import stored
from mercato.services.catalog.storage import ImportedRow, ProductRow
from mercato.values.ids import ProductId
from mercato.values.messages import Caller, Refusal

Quantities = dict[str, int]  # the last imported stock figure of each variant, by its option values
_QUANTITIES = msgspec.json.Decoder(Quantities)


def import_products(tx: Transaction, command: ImportProducts, _caller: Caller) -> tuple[Imported, ...]:
    importing = _Importing(tx, command.products)
    results = tuple([_result(tx, importing, given) for given in command.products])
    if command.applied:
        _record(tx, command.file, command.applied, finished=False)
    return results


def record_import(tx: Transaction, command: RecordImport, _caller: Caller) -> None:
    _record(tx, command.file, command.ordinal, command.finished)


def _record(tx: Transaction, file: str, ordinal: int, finished: bool) -> None:
    tx.defer(storage.SAVE_IMPORT, file=file, ordinal=ordinal, finished=int(finished), updated_at=tx.now)


def _result(tx: Transaction, importing: "_Importing", given: GivenProduct) -> Imported:
    before = tx.writes
    try:
        return importing.apply(given)
    except Refusal as refusal:
        if tx.writes != before:
            raise  # all of these are taken back, and come again one by one
        return Imported(ProductId(""), "refused", f"{refusal.code}: {refusal.detail}")


class _Importing:
    """Applies products of which most is read at once: what the last import said, and who has their handles."""

    def __init__(self, tx: Transaction, products: tuple[GivenProduct, ...]) -> None:
        self._tx = tx
        self._tree = Tree(tx)
        handles = as_list(given.product.handle for given in products)
        self._last = {row.handle: row for row in tx.all(storage.LIST_IMPORTED, handles=handles)}
        self._owners = {row.handle: row for row in tx.all(storage.LIST_PRODUCTS_BY_HANDLES, handles=handles)}

    def apply(self, given: GivenProduct) -> Imported:
        handle = given.product.handle
        fingerprint = hashlib.sha256(encode(given)).hexdigest()
        last = self._last.get(handle)
        if last is not None and last.fingerprint == fingerprint:
            return Imported(ProductId(last.product_id), "unchanged")
        product = self._existing(handle, last)
        known = _QUANTITIES.decode(last.quantities) if last else {}
        draft = self._draft(given, product, known)
        saved = self._saved(given, product, draft)
        quantities = encode({**known, **_figures(given)}).decode()
        row = ImportedRow(handle, saved.id, fingerprint, quantities)
        self._tx.defer(storage.SAVE_IMPORTED, **msgspec.structs.asdict(row))
        self._last[handle] = row
        return Imported(saved.id, "changed" if product else "created")

    def _existing(self, handle: str, last: ImportedRow | None) -> StoredProduct | None:
        """The product that the last import made of this handle, else the one that has it. Raises HandleInUse."""
        owner: ProductRow | None = self._owners.get(handle)
        if last is not None and (owner is None or owner.id != last.product_id):
            row = self._tx.one(storage.FIND_PRODUCT, id=last.product_id)
            if row is not None and owner is not None:
                raise HandleInUse
            owner = row
        return stored(owner) if owner else None

    def _saved(self, given: GivenProduct, product: StoredProduct | None, draft: ProductDraft) -> StoredProduct:
        tx, tree = self._tx, self._tree
        if product is not None:
            return give_product(tx, tree, product, draft, given.description)
        return add_product(tx, tree, ProductId(tx.new_id("prod")), draft, given.description)

    def _draft(self, given: GivenProduct, product: StoredProduct | None, known: Quantities) -> ProductDraft:
        """The file's product with its category, the ids of variants that exist, and stock as a change."""
        ids = {variant.options: variant.id for variant in product.body.variants} if product else {}
        variants = tuple(
            [
                msgspec.structs.replace(
                    variant, variant_id=ids.get(variant.options, ""), stock_change=_change(variant, quantity, known)
                )
                for variant, quantity in zip(given.product.variants, given.quantities, strict=True)
            ]
        )
        category_id = self._tree.at(given.category_path)
        categories = (category_id,) if category_id else ()
        return msgspec.structs.replace(given.product, variants=variants, categories=categories)


def _change(variant: VariantDraft, quantity: int | None, known: Quantities) -> int | None:
    """Stock goes as the change against the last import's figure, so that what was sold meanwhile stays sold."""
    return None if quantity is None else quantity - known.get(_key(variant), 0)


def _figures(given: GivenProduct) -> Quantities:
    pairs = zip(given.product.variants, given.quantities, strict=True)
    return {_key(variant): quantity for variant, quantity in pairs if quantity is not None}


def _key(variant: VariantDraft) -> str:
    return encode(variant.options).decode()
