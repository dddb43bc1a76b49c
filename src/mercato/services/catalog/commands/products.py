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
from mercato.runtime.media.store import PATH
from mercato.runtime.transaction import Transaction, encode
from mercato.services.catalog import storage
from mercato.services.catalog.adapters.html import clean_html
from mercato.services.catalog.commands.categories import Tree
from mercato.services.catalog.domain import (
    MAX_PRICE,
    SafeHtml,
    StoredProduct,
    StoredVariant,
    UrlOf,
    body_of,
    check_options,
    description_of,
    picture_of,
    small_picture_of,
    sold_variants,
)
from mercato.services.catalog.queries import published, stored
from mercato.values.ids import ProductId, VariantId
from mercato.values.messages import Caller, Conflict, Invalid, NotFound

TITLE_IN_LISTS = 120


def create_product(url_of: UrlOf, tx: Transaction, command: CreateProduct, _caller: Caller) -> Product:
    _require_free_handle(tx, command.product_id, command.product.handle)
    draft, tree = command.product, Tree(tx)
    tree.require(draft.categories)
    return published(url_of, tx, add_product(tx, tree, command.product_id, draft, _cleaned(draft.description)))


def add_product(
    tx: Transaction, tree: Tree, product_id: ProductId, draft: ProductDraft, description: SafeHtml
) -> StoredProduct:
    """Make a product of a draft whose handle nobody has; its prices and stock are passed on."""
    variants = _variants_of(tx, draft, known=())
    body = body_of(draft, description, variants)
    product = StoredProduct(
        product_id, draft.handle, draft.title, draft.status, draft.currency, tx.now, tx.now, 1, body
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
    prices = [variant.price for variant in draft.variants if variant.price is not None]
    _list(tx, tree, product, min(prices, default=MAX_PRICE))
    _tell(tx, product, removed=())
    describe(tx, product)
    _pass_on(tx, product, draft.variants)
    return product


def replace_product(url_of: UrlOf, tx: Transaction, command: ReplaceProduct, _caller: Caller) -> Product:
    product = find(tx, command.product_id)
    _require_version(product, command.if_version)
    draft, tree = command.product, Tree(tx)
    _require_free_handle(tx, product.id, draft.handle)
    tree.require(draft.categories)
    return published(url_of, tx, give_product(tx, tree, product, draft, _cleaned(draft.description)))


def give_product(
    tx: Transaction, tree: Tree, product: StoredProduct, draft: ProductDraft, description: SafeHtml
) -> StoredProduct:
    """Give an existing product the whole of a draft; variants that it does not name are removed. Its handle must be
    free or its own."""
    variants = _variants_of(tx, draft, known=product.body.variants)
    kept = {variant.id for variant in variants}
    removed = tuple(variant.id for variant in product.body.variants if variant.id not in kept)
    after = msgspec.structs.replace(
        product,
        handle=draft.handle,
        title=draft.title,
        status=draft.status,
        currency=draft.currency,
        body=body_of(draft, description, variants, product.body.media),
    )
    saved = save(tx, tree, product, after, removed)
    _pass_on(tx, saved, draft.variants)
    return saved


def change_product(url_of: UrlOf, tx: Transaction, command: ChangeProduct, _caller: Caller) -> Product:
    product = find(tx, command.product_id)
    _require_version(product, command.if_version)
    given = {name: getattr(command, name) for name in command.__struct_fields__ if name != "product_id"}
    changes = {name: value for name, value in given.items() if value is not None and name != "if_version"}
    if "handle" in changes:
        _require_free_handle(tx, product.id, changes["handle"])
    tree = Tree(tx)
    tree.require(changes.get("categories", ()))
    if "description" in changes:
        changes["description"] = _cleaned(changes["description"])
    columns = {name: changes.pop(name) for name in ("handle", "title", "status") if name in changes}
    body = msgspec.structs.replace(product.body, **changes)
    after = msgspec.structs.replace(product, body=body, **columns)
    return published(url_of, tx, save(tx, tree, product, after))


def find(tx: Transaction, product_id: str) -> StoredProduct:
    row = tx.one(storage.FIND_PRODUCT, id=product_id)
    if row is None:
        raise NotFound("there is no such product")
    return stored(row)


def save(
    tx: Transaction, tree: Tree, before: StoredProduct, after: StoredProduct, removed: tuple[VariantId, ...] = ()
) -> StoredProduct:
    """Store what has become of a product, and tell others."""
    saved = msgspec.structs.replace(after, updated_at=tx.now, version=before.version + 1)
    tx.must(
        storage.CHANGE_PRODUCT,
        Conflict,
        of_id=saved.id,
        known_version=before.version,
        handle=saved.handle,
        title=saved.title,
        status=saved.status,
        currency=saved.currency,
        updated_at=saved.updated_at,
        body=encode(saved.body).decode(),
    )
    tx.run(storage.REMOVE_LISTED, product_id=saved.id)
    _list(tx, tree, saved, _lowest_price(tx, saved.id, saved.currency))
    _tell(tx, saved, removed)
    if after != before:
        describe(tx, saved)
    return saved


def describe(tx: Transaction, product: StoredProduct) -> None:
    """Tell what the product is in words."""
    tx.emit(description_of(product, _at_the_shop(tx)), product.id, product.version)


def _at_the_shop(tx: Transaction) -> UrlOf:
    """Addresses of files as others are told them: paths at the shop."""
    store = tx.store
    return lambda name: f"{PATH}{store}/{name}"


def _tell(tx: Transaction, product: StoredProduct, removed: tuple[VariantId, ...]) -> None:
    at_the_shop = _at_the_shop(tx)
    event = ProductChanged(
        product.id,
        product.title,
        product.handle,
        small_picture_of(product.body, at_the_shop),
        product.status,
        product.body.seller,
        sold_variants(product.body),
        removed,
        tuple(picture_of(picture, at_the_shop) for picture in product.body.media),
    )
    tx.emit(event, product.id, product.version)
    tx.changed(product.id)
    if product.status == "archived":
        tx.emit(ProductArchived(product.id), product.id, product.version)


def _list(tx: Transaction, tree: Tree, product: StoredProduct, price: int) -> None:
    """Put the product where lists show it. A new one stands at once where it will stand with the prices given."""
    if product.status != "active":
        return
    for category_id in tree.shown_in(product.body.categories):
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


def _cleaned(description: str) -> SafeHtml:
    try:
        return clean_html(description)
    except ValueError as error:
        raise Invalid(f"`description` {error}") from None


def _require_free_handle(tx: Transaction, product_id: str, handle: str) -> None:
    other = tx.one(storage.FIND_PRODUCT_BY_HANDLE, handle=handle)
    if other is not None and other.id != product_id:
        raise HandleInUse


def _require_version(product: StoredProduct, if_version: int | None) -> None:
    if if_version is not None and if_version != product.version:
        raise Conflict(current_version=product.version)
