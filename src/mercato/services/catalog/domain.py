"""The rules of products and categories: pure."""

import re
from collections.abc import Iterable, Mapping
from typing import NewType

import msgspec

from mercato.contracts.catalog import (
    Image,
    Option,
    OptionsMismatch,
    Product,
    ProductCard,
    ProductDraft,
    SoldVariant,
    Spec,
    Status,
    Variant,
    VariantDraft,
)
from mercato.values.ids import CategoryId, ProductId, VariantId

SafeHtml = NewType("SafeHtml", str)  # what the cleaner has let through, and nothing else

MAX_PRICE = 2**62  # where a product without a price stands in lists sorted by price: at the dear end


def slug_of(name: str) -> str:
    """A handle made of a name: lower case, with a hyphen for everything that is no letter or digit."""
    return "-".join(re.findall(r"[^\W_]+", name.lower()))[:200] or "category"


class StoredVariant(msgspec.Struct, frozen=True, omit_defaults=True):
    id: VariantId
    options: tuple[str, ...] = ()
    sku: str = ""
    barcode: str = ""
    grams: int = 0
    image: str = ""


class ProductBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What merchants give of a product, beside its columns."""

    variants: tuple[StoredVariant, ...]
    description: SafeHtml = SafeHtml("")
    vendor: str = ""
    type: str = ""
    tags: tuple[str, ...] = ()
    categories: tuple[CategoryId, ...] = ()
    options: tuple[Option, ...] = ()
    images: tuple[Image, ...] = ()
    specs: tuple[Spec, ...] = ()
    seller: str = "owner"


class StoredProduct(msgspec.Struct, frozen=True):
    """A product without what other services own: prices and availability."""

    id: ProductId
    handle: str
    title: str
    status: Status
    currency: str
    created_at: int
    updated_at: int
    version: int
    body: ProductBody


class Figures(msgspec.Struct, frozen=True):
    """Prices and availability by variant id."""

    prices: Mapping[str, tuple[int, int | None]]
    available: Mapping[str, int]


def check_options(options: tuple[Option, ...], variants: Iterable[VariantDraft]) -> None:
    """Raises OptionsMismatch unless each variant has one listed value for each option, all different."""
    seen: set[tuple[str, ...]] = set()
    for place, variant in enumerate(variants, 1):
        if len(variant.options) != len(options):
            raise OptionsMismatch(f"variant {place} has {len(variant.options)} values for {len(options)} options")
        for option, value in zip(options, variant.options, strict=True):
            if value not in option.values:
                raise OptionsMismatch(f"variant {place}: {value!r} is no value of {option.name!r}")
        if variant.options in seen:
            raise OptionsMismatch(f"variant {place} repeats the values {' / '.join(variant.options)}")
        seen.add(variant.options)


def body_of(draft: ProductDraft, description: SafeHtml, variants: tuple[StoredVariant, ...]) -> ProductBody:
    return ProductBody(
        variants=variants,
        description=description,
        vendor=draft.vendor,
        type=draft.type,
        tags=draft.tags,
        categories=draft.categories,
        options=draft.options,
        images=draft.images,
        specs=draft.specs,
    )


def sold_variants(body: ProductBody) -> tuple[SoldVariant, ...]:
    return tuple(SoldVariant(variant.id, variant.sku, " / ".join(variant.options)) for variant in body.variants)


def document_of(product: StoredProduct, figures: Figures) -> Product:
    """The published document."""
    body = product.body
    return Product(
        id=product.id,
        handle=product.handle,
        title=product.title,
        description=body.description,
        vendor=body.vendor,
        type=body.type,
        tags=body.tags,
        categories=body.categories,
        options=body.options,
        variants=tuple(_variant_of(variant, figures) for variant in body.variants),
        images=body.images,
        specs=body.specs,
        status=product.status,
        seller=body.seller,
        currency=product.currency,
        created_at=product.created_at,
        updated_at=product.updated_at,
        version=product.version,
    )


def card_of(product: StoredProduct, figures: Figures) -> ProductCard:
    """What a list shows of a product."""
    body = product.body
    priced = [figures.prices[variant.id] for variant in body.variants if variant.id in figures.prices]
    lowest = min(priced, default=None, key=lambda price: price[0])
    image = body.images[0] if body.images else None
    return ProductCard(
        id=product.id,
        handle=product.handle,
        title=product.title,
        image=image.url if image else "",
        image_alt=image.alt if image else "",
        price_from=lowest[0] if lowest else None,
        price_to=max((price for price, _ in priced), default=None),
        compare_at=lowest[1] if lowest else None,
        currency=product.currency,
        available=any(figures.available.get(variant.id, 0) > 0 for variant in body.variants),
        options=body.options,
    )


def _variant_of(variant: StoredVariant, figures: Figures) -> Variant:
    price, compare_at = figures.prices.get(variant.id, (None, None))
    return Variant(
        variant.id,
        variant.options,
        variant.sku,
        variant.barcode,
        variant.grams,
        variant.image,
        price,
        compare_at,
        figures.available.get(variant.id, 0),
    )
