"""The rules of products and categories: pure."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from html import unescape
from typing import NewType

import msgspec

from mercato.contracts.catalog import (
    LONGEST_TEXT,
    DescribedVariant,
    Image,
    Option,
    OptionsMismatch,
    Picture,
    PictureSize,
    Product,
    ProductCard,
    ProductDescribed,
    ProductDraft,
    SoldVariant,
    Spec,
    Status,
    Variant,
    VariantDraft,
)
from mercato.values.ids import CategoryId, MediaId, ProductId, VariantId
from mercato.values.messages import Invalid

SafeHtml = NewType("SafeHtml", str)  # what the cleaner has let through, and nothing else

MAX_PRICE = 2**62  # where a product without a price stands in lists sorted by price: at the dear end


UrlOf = Callable[[str], str]  # where browsers find what is kept under a key

MOST_MEDIA = 250  # of one product
SMALL = 320  # pixels of width that are enough beside a line of a cart

_TAG = re.compile(r"<[^>]*>")


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


class MadeSize(msgspec.Struct, frozen=True):
    """A size that was made of a picture. `name` has the hash of its content, so it never means anything else."""

    name: str
    width: int
    height: int


class StoredPicture(msgspec.Struct, frozen=True, omit_defaults=True):
    """An uploaded picture as its product has it. `name` is its JPEG, `sizes` rise in width."""

    media_id: MediaId
    name: str
    width: int
    height: int
    colour: str
    sizes: tuple[MadeSize, ...]
    alt: str = ""
    variant_id: str = ""
    option_value: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *(size.name for size in self.sizes))


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
    media: tuple[StoredPicture, ...] = ()


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


def body_of(
    draft: ProductDraft,
    description: SafeHtml,
    variants: tuple[StoredVariant, ...],
    media: tuple[StoredPicture, ...] = (),
) -> ProductBody:
    """What a draft says. Uploaded pictures stay: drafts know nothing of them."""
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
        media=media,
    )


def sold_variants(body: ProductBody) -> tuple[SoldVariant, ...]:
    return tuple(SoldVariant(variant.id, variant.sku, " / ".join(variant.options)) for variant in body.variants)


def description_of(product: StoredProduct, url_of: UrlOf) -> ProductDescribed:
    """What others are told of a product in words."""
    body = product.body
    return ProductDescribed(
        product.id,
        product.version,
        product.status,
        body.seller,
        product.handle,
        product.title,
        body.vendor,
        body.type,
        body.tags,
        body.categories,
        body.options,
        body.specs,
        plain_text(body.description),
        product.currency,
        tuple([DescribedVariant(each.id, each.sku, each.barcode, each.options) for each in body.variants]),
        product.created_at,
        next(iter(gallery_of(body, url_of)), None),
    )


def plain_text(html: str) -> str:
    """Cleaned HTML without its tags, on one line, at most LONGEST_TEXT characters."""
    if "<" in html:
        html = _TAG.sub(" ", html)
    if "&" in html:
        html = unescape(html)
    return " ".join(html.split())[:LONGEST_TEXT]


def name_of(media_id: str, content: bytes, suffix: str) -> str:
    """The name of a file by its content. Each upload has names of its own, so that deleting one touches no other."""
    return f"{hashlib.sha256(media_id.encode() + content).hexdigest()[:32]}.{suffix}"


def upload_name(media_id: str) -> str:
    """The name of what was uploaded, as it came. It has no suffix, so it is never served."""
    return f"uploads/{media_id}"


def check_owner(body: ProductBody, variant_id: str, option_value: str) -> None:
    """Raises Invalid unless the product has this variant and this value, where they are given."""
    if variant_id and variant_id not in {variant.id for variant in body.variants}:
        raise Invalid(f"the product has no variant {variant_id}")
    if option_value and not any(option_value in option.values for option in body.options):
        raise Invalid(f"no option of the product has the value {option_value!r}")


def gallery_of(body: ProductBody, url_of: UrlOf) -> tuple[Picture, ...]:
    """The uploaded pictures in their order, then those given by address."""
    given = (Picture(image.url, image.alt) for image in body.images)
    return (*(picture_of(stored, url_of) for stored in body.media), *given)


def picture_of(stored: StoredPicture, url_of: UrlOf) -> Picture:
    return Picture(
        url_of(stored.name),
        stored.alt,
        stored.media_id,
        stored.width,
        stored.height,
        stored.colour,
        tuple(PictureSize(url_of(size.name), size.width, size.height) for size in stored.sizes),
    )


def small_picture_of(body: ProductBody, url_of: UrlOf) -> str:
    """The address of the first picture, in a small size where there are several; "" without one."""
    if not body.media:
        return body.images[0].url if body.images else ""
    sizes = body.media[0].sizes
    return url_of(next((size for size in sizes if size.width >= SMALL), sizes[-1]).name)


def moved(media: tuple[StoredPicture, ...], picture: StoredPicture, position: int) -> tuple[StoredPicture, ...]:
    """The pictures with this one in its new form at a position; one behind the end is the end."""
    others = [other for other in media if other.media_id != picture.media_id]
    others.insert(min(position, len(others)), picture)
    return tuple(others)


def document_of(product: StoredProduct, figures: Figures, url_of: UrlOf) -> Product:
    """The published document."""
    body = product.body
    own = _own_pictures(body)
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
        variants=tuple(_variant_of(variant, figures, own, url_of) for variant in body.variants),
        images=gallery_of(body, url_of),
        specs=body.specs,
        status=product.status,
        seller=body.seller,
        currency=product.currency,
        created_at=product.created_at,
        updated_at=product.updated_at,
        version=product.version,
    )


def card_of(product: StoredProduct, figures: Figures, url_of: UrlOf) -> ProductCard:
    """What a list shows of a product."""
    body = product.body
    priced = [figures.prices[variant.id] for variant in body.variants if variant.id in figures.prices]
    lowest = min(priced, default=None, key=lambda price: price[0])
    picture = next(iter(gallery_of(body, url_of)), None)
    return ProductCard(
        id=product.id,
        handle=product.handle,
        title=product.title,
        image=picture.url if picture else "",
        image_alt=picture.alt if picture else "",
        price_from=lowest[0] if lowest else None,
        price_to=max((price for price, _ in priced), default=None),
        compare_at=lowest[1] if lowest else None,
        currency=product.currency,
        available=any(figures.available.get(variant.id, 0) > 0 for variant in body.variants),
        options=body.options,
        picture=picture,
    )


def _own_pictures(body: ProductBody) -> dict[str, str]:
    """The name of the first picture of each variant and each value of an option that has one."""
    own: dict[str, str] = {}
    for picture in body.media:
        for whose in (picture.variant_id, picture.option_value):
            if whose:
                own.setdefault(whose, picture.name)
    return own


def _variant_of(variant: StoredVariant, figures: Figures, own: Mapping[str, str], url_of: UrlOf) -> Variant:
    name = next((own[whose] for whose in (variant.id, *variant.options) if whose in own), None)
    price, compare_at = figures.prices.get(variant.id, (None, None))
    return Variant(
        variant.id,
        variant.options,
        variant.sku,
        variant.barcode,
        variant.grams,
        variant.image if name is None else url_of(name),
        price,
        compare_at,
        figures.available.get(variant.id, 0),
    )
