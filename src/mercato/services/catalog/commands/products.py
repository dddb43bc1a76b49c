"""Commands about products."""

import msgspec

from mercato.contracts.catalog import (
    ChangeProduct,
    CreateProduct,
    Figures,
    FiguresGiven,
    HandleInUse,
    Product,
    ProductArchived,
    ProductChanged,
    ProductDraft,
    ReplaceProduct,
    VariantDraft,
)
from mercato.runtime.transaction import Transaction, encode
from mercato.services.catalog import storage
from mercato.services.catalog.adapters.html import clean_html
from mercato.services.catalog.domain import (
    MAX_PRICE,
    ProductBody,
    StoredProduct,
    StoredVariant,
    body_of,
    check_options,
    sold_variants,
)
from mercato.services.catalog.queries import published, stored
from mercato.values.ids import CategoryId, ProductId, VariantId
from mercato.values.messages import Caller, Conflict, Invalid, NotFound

TITLE_IN_LISTS = 120


def create_product(tx: Transaction, command: CreateProduct, _caller: Caller) -> Product:
    _require_free_handle(tx, command.product_id, command.product.handle)
    return published(tx, add_product(tx, command.product_id, command.product))


def add_product(tx: Transaction, product_id: ProductId, draft: ProductDraft) -> StoredProduct:
    """Make a product of a draft whose handle nobody has; its prices and stock are passed on."""
    _require_categories(tx, draft.categories)
    variants = _variants_of(tx, draft, known=())
    body = body_of(draft, variants)
    product = StoredProduct(
        product_id, draft.handle, draft.title, draft.status, draft.currency, tx.now, tx.now, 1, _cleaned(body)
    )
    tx.defer(
        storage.ADD_PRODUCT,
        id=product.id,
        handle=product.handle,
        title=product.title,
        status=product.status,
        currency=product.currency,
        created_at=product.created_at,
        updated_at=product.updated_at,
        version=1,
        body=encode(product.body).decode(),
    )
    _tell(tx, product, removed=())
    _pass_on(tx, product, draft.variants)
    return product


def replace_product(tx: Transaction, command: ReplaceProduct, _caller: Caller) -> Product:
    product = find(tx, command.product_id)
    _require_version(product, command.if_version)
    return published(tx, give_product(tx, product, command.product))


def give_product(tx: Transaction, product: StoredProduct, draft: ProductDraft) -> StoredProduct:
    """Give an existing product the whole of a draft; variants that it does not name are removed."""
    _require_free_handle(tx, product.id, draft.handle)
    _require_categories(tx, draft.categories)
    variants = _variants_of(tx, draft, known=product.body.variants)
    kept = {variant.id for variant in variants}
    removed = tuple(variant.id for variant in product.body.variants if variant.id not in kept)
    after = msgspec.structs.replace(
        product,
        handle=draft.handle,
        title=draft.title,
        status=draft.status,
        currency=draft.currency,
        body=body_of(draft, variants),
    )
    saved = _save(tx, after, removed)
    _pass_on(tx, saved, draft.variants)
    return saved


def change_product(tx: Transaction, command: ChangeProduct, _caller: Caller) -> Product:
    product = find(tx, command.product_id)
    _require_version(product, command.if_version)
    given = {name: getattr(command, name) for name in command.__struct_fields__ if name != "product_id"}
    changes = {name: value for name, value in given.items() if value is not None and name != "if_version"}
    if "handle" in changes:
        _require_free_handle(tx, product.id, changes["handle"])
    _require_categories(tx, changes.get("categories", ()))
    columns = {name: changes.pop(name) for name in ("handle", "title", "status") if name in changes}
    body = msgspec.structs.replace(product.body, **changes)
    after = msgspec.structs.replace(product, body=body, **columns)
    return published(tx, _save(tx, after, removed=()))


def find(tx: Transaction, product_id: str) -> StoredProduct:
    row = tx.one(storage.FIND_PRODUCT, id=product_id)
    if row is None:
        raise NotFound("there is no such product")
    return stored(row)


def _save(tx: Transaction, product: StoredProduct, removed: tuple[VariantId, ...]) -> StoredProduct:
    after = msgspec.structs.replace(product, body=_cleaned(product.body), updated_at=tx.now)
    changed = tx.run(
        storage.CHANGE_PRODUCT,
        of_id=after.id,
        known_version=product.version,
        handle=after.handle,
        title=after.title,
        status=after.status,
        currency=after.currency,
        updated_at=after.updated_at,
        body=encode(after.body).decode(),
    )
    if not changed:
        raise Conflict
    saved = msgspec.structs.replace(after, version=product.version + 1)
    _tell(tx, saved, removed)
    return saved


def _tell(tx: Transaction, product: StoredProduct, removed: tuple[VariantId, ...]) -> None:
    """Put the product where lists show it, and tell others."""
    _list(tx, product)
    image = product.body.images[0].url if product.body.images else ""
    event = ProductChanged(
        product.id,
        product.title,
        product.handle,
        image,
        product.status,
        product.body.seller,
        sold_variants(product.body),
        removed,
    )
    tx.emit(event, product.id, product.version)
    tx.changed(product.id)
    if product.status == "archived":
        tx.emit(ProductArchived(product.id), product.id, product.version)


def _list(tx: Transaction, product: StoredProduct) -> None:
    if product.version > 1:
        tx.run(storage.REMOVE_LISTED, product_id=product.id)
    if product.status != "active":
        return
    price = _lowest_price(tx, product.id, product.currency) if product.version > 1 else MAX_PRICE
    for category_id in _shown_in(tx, product.body.categories):
        tx.defer(
            storage.SAVE_LISTED,
            category_id=category_id,
            product_id=product.id,
            title=product.title[:TITLE_IN_LISTS],
            price=price,
        )


def _lowest_price(tx: Transaction, product_id: str, currency: str) -> int:
    """The product's lowest price, for lists that are sorted by it."""
    rows = tx.all(storage.LIST_PRICES, product_id=product_id)
    return min((row.amount for row in rows if row.currency == currency), default=MAX_PRICE)


def _shown_in(tx: Transaction, categories: tuple[CategoryId, ...]) -> list[str]:
    """The whole store (""), the categories given, and all above them."""
    shown = {"": None}
    waiting: list[str | None] = list(categories)
    while waiting:
        category_id = waiting.pop()
        if category_id and category_id not in shown:
            shown[category_id] = None
            row = tx.one(storage.FIND_CATEGORY, id=category_id)
            waiting.append(row.parent_id if row else None)
    return list(shown)


def _pass_on(tx: Transaction, product: StoredProduct, drafts: tuple[VariantDraft, ...]) -> None:
    figures = tuple(
        Figures(variant.id, draft.price, draft.compare_at, draft.stock_change or 0)
        for variant, draft in zip(product.body.variants, drafts, strict=True)
        if draft.price is not None or draft.stock_change is not None
    )
    if figures:
        tx.emit(FiguresGiven(product.id, product.currency, figures), product.id, product.version)


def _variants_of(tx: Transaction, draft: ProductDraft, known: tuple[StoredVariant, ...]) -> tuple[StoredVariant, ...]:
    check_options(draft.options, draft.variants)
    ids = {variant.id for variant in known}
    variants = []
    for given in draft.variants:
        if given.variant_id and given.variant_id not in ids:
            raise NotFound(f"the product has no variant {given.variant_id}")
        variant_id = VariantId(given.variant_id or tx.new_id("var"))
        variants.append(StoredVariant(variant_id, given.options, given.sku, given.barcode, given.grams, given.image))
    return tuple(variants)


def _cleaned(body: ProductBody) -> ProductBody:
    try:
        description = clean_html(body.description)
    except ValueError as error:
        raise Invalid(f"`description` {error}") from None
    return body if description == body.description else msgspec.structs.replace(body, description=description)


def _require_free_handle(tx: Transaction, product_id: str, handle: str) -> None:
    other = tx.one(storage.FIND_PRODUCT_BY_HANDLE, handle=handle)
    if other is not None and other.id != product_id:
        raise HandleInUse


def _require_categories(tx: Transaction, categories: tuple[CategoryId, ...]) -> None:
    for category_id in categories:
        if tx.one(storage.FIND_CATEGORY, id=category_id) is None:
            raise NotFound(f"there is no category {category_id}")


def _require_version(product: StoredProduct, if_version: int | None) -> None:
    if if_version is not None and if_version != product.version:
        raise Conflict(current_version=product.version)
