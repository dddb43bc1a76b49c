"""catalog: the category tree, products with options and variants, and the published product document."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mercato.values.commerce import Line
from mercato.values.ids import CategoryId, MediaId, ProductId, VariantId
from mercato.values.messages import Anyone, Command, Conflict, Event, Invalid, NotFound, Query, Refusal, Staff, System
from mercato.values.money import LIMIT, Amount, Currency
from mercato.values.page import Page

Status = Literal["draft", "active", "archived"]
Sort = Literal["newest", "title", "price_up", "price_down"]
MediaState = Literal["awaited", "checking", "ready", "refused"]
MediaType = Literal["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif"]
Slug = Annotated[str, Meta(pattern=r"^[^\s/?#%\x00-\x1f]{1,255}$(?!\n)", description="name in URLs")]
Text = Annotated[str, Meta(max_length=500)]
Html = Annotated[str, Meta(max_length=200_000, description="HTML; everything unsafe is removed when stored")]


LARGEST_UPLOAD = 25_000_000  # bytes
LONGEST_TEXT = 8_000  # characters of a description that others are told


class Image(msgspec.Struct, frozen=True):
    """A picture that a merchant gives by its address, in gallery order."""

    url: Annotated[str, Meta(min_length=1, max_length=2_000)]
    alt: Text = ""


class PictureSize(msgspec.Struct, frozen=True):
    """One size of an uploaded picture, as WebP."""

    url: str
    width: int
    height: int


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture of the gallery. One that was uploaded has more: `width` and `height` are those of `url`, a JPEG of its
    largest size; `sizes` rise; `colour` is its main one, as in #a0b1c2."""

    url: str
    alt: str
    media_id: str = ""
    width: int = 0
    height: int = 0
    colour: str = ""
    sizes: tuple[PictureSize, ...] = ()


class Spec(msgspec.Struct, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    value: Annotated[str, Meta(max_length=20_000)]


class Option(msgspec.Struct, frozen=True):
    """A choice such as Size with its values, in the order shown."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    values: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(min_length=1)]


class VariantDraft(msgspec.Struct, frozen=True):
    """A variant as a merchant gives it. `options` has one value for each option of the product, in their order.

    `variant_id` names an existing variant to keep; "" makes a new one. `price`, `compare_at` (minor units of
    the draft's currency) and `stock_change` are passed on to pricing and inventory; None leaves them as they are.
    """

    options: tuple[str, ...] = ()
    variant_id: str = ""
    sku: Annotated[str, Meta(max_length=120)] = ""
    barcode: Annotated[str, Meta(max_length=60)] = ""
    grams: Annotated[int, Meta(ge=0, le=10**9)] = 0
    image: Annotated[str, Meta(max_length=2_000)] = ""
    price: Amount | None = None
    compare_at: Amount | None = None
    stock_change: Annotated[int, Meta(ge=-(10**9), le=10**9)] | None = None


class ProductDraft(msgspec.Struct, frozen=True):
    """A whole product as a merchant gives it. `currency` is that of its variants' prices."""

    handle: Slug
    title: Annotated[str, Meta(min_length=1, max_length=500)]
    currency: Currency
    variants: Annotated[tuple[VariantDraft, ...], Meta(min_length=1, max_length=2_000)]
    description: Html = ""
    vendor: Text = ""
    type: Text = ""
    tags: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(max_length=250)] = ()
    categories: Annotated[tuple[CategoryId, ...], Meta(max_length=50)] = ()
    options: Annotated[tuple[Option, ...], Meta(max_length=3)] = ()
    images: Annotated[tuple[Image, ...], Meta(max_length=250)] = ()
    specs: Annotated[tuple[Spec, ...], Meta(max_length=250)] = ()
    status: Status = "draft"


class Variant(msgspec.Struct, frozen=True, omit_defaults=True):
    """A variant of the published document. `price` None: not for sale; `available` counts all locations."""

    id: VariantId
    options: tuple[str, ...]
    sku: str = ""
    barcode: str = ""
    grams: int = 0
    image: str = ""
    price: int | None = None
    compare_at: int | None = None
    available: int = 0


class Product(msgspec.Struct, frozen=True):
    """The published product document: what lists, pages and the lane serve. Prices are in minor units."""

    id: ProductId
    handle: str
    title: str
    description: str
    vendor: str
    type: str
    tags: tuple[str, ...]
    categories: tuple[CategoryId, ...]
    options: tuple[Option, ...]
    variants: tuple[Variant, ...]
    images: tuple[Picture, ...]
    specs: tuple[Spec, ...]
    status: Status
    seller: str
    currency: str
    created_at: int
    updated_at: int
    version: int


class ProductCard(msgspec.Struct, frozen=True):
    """What a list shows of a product. `price_from` is its lowest price, None when nothing is for sale. `picture` is the
    first one with its sizes; `image` and `image_alt` say the same of it to who needs no more."""

    id: ProductId
    handle: str
    title: str
    image: str
    image_alt: str
    price_from: int | None
    price_to: int | None
    compare_at: int | None
    currency: str
    available: bool
    options: tuple[Option, ...]
    picture: Picture | None = None


class Media(msgspec.Struct, frozen=True):
    """A file of a product from its upload on: awaited, being checked, then ready or refused for a `reason`.

    `variant_id` or `option_value` say whose picture it is, "" for the whole product. `expires_at` is when the upload
    must have come. `picture` is what shoppers see, once it is ready.
    """

    id: MediaId
    product_id: ProductId
    state: MediaState
    file_name: str
    content_type: str
    size: int
    alt: str
    variant_id: str
    option_value: str
    reason: str
    expires_at: int
    version: int
    picture: Picture | None = None


class Upload(msgspec.Struct, frozen=True):
    """Where the bytes of a file are sent, with this method and these headers, until `expires_at`. It needs no other
    right: who has it can send this one file."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: int


class AwaitedMedia(msgspec.Struct, frozen=True):
    media: Media
    upload: Upload


class Category(msgspec.Struct, frozen=True):
    """A node of the tree; `parent_id` None: a root. `path` names it from the root, with " > " between."""

    id: CategoryId
    parent_id: CategoryId | None
    handle: str
    name: str
    path: str
    position: int
    version: int


class SoldVariant(msgspec.Struct, frozen=True):
    """What other services copy of a variant; `options` is "Red / XL"."""

    variant_id: VariantId
    sku: str
    options: str


class Figures(msgspec.Struct, frozen=True):
    """Price and stock that came with a variant: pricing takes the price, inventory the change of stock."""

    variant_id: VariantId
    price: int | None
    compare_at: int | None
    stock_change: int


class ProductChanged(Event, frozen=True):
    """A product was made or changed; `variants` are all it has now, `removed` those it had until now. `image` is a
    small form of its first picture, `pictures` all that were uploaded; their addresses are paths at the shop."""

    product_id: ProductId
    title: str
    handle: str
    image: str
    status: Status
    seller: str
    variants: tuple[SoldVariant, ...]
    removed: tuple[VariantId, ...] = ()
    pictures: tuple[Picture, ...] = ()


class FiguresGiven(Event, frozen=True):
    """A merchant or an import gave prices and stock together with a product."""

    product_id: ProductId
    currency: str
    figures: tuple[Figures, ...]


class ProductArchived(Event, frozen=True):
    product_id: ProductId


class DescribedVariant(msgspec.Struct, frozen=True):
    """A variant as it can be searched for; `options` has a value for each option of its product."""

    id: VariantId
    sku: str
    barcode: str
    options: tuple[str, ...]


class ProductDescribed(Event, frozen=True):
    """What a product is in words: told when it was made, when any of this has changed, and again when somebody asks for
    it. `description` is plain text of at most LONGEST_TEXT characters; the addresses of `picture` are paths at the
    shop. Of two, the one with the higher `product_version` is right."""

    product_id: ProductId
    product_version: int
    status: Status
    seller: str
    handle: str
    title: str
    vendor: str
    type: str
    tags: tuple[str, ...]
    categories: tuple[CategoryId, ...]
    options: tuple[Option, ...]
    specs: tuple[Spec, ...]
    description: str
    currency: str
    variants: tuple[DescribedVariant, ...]
    created_at: int
    picture: Picture | None = None


class CategoryChanged(Event, frozen=True):
    """A category was made or changed. Events of earlier versions say only which one: its `title` is "" then."""

    category_id: CategoryId
    parent_id: CategoryId | None = None
    handle: str = ""
    title: str = ""
    path: str = ""
    position: int = 0


class HandleInUse(Refusal):
    status, code = 409, "handle_in_use"
    advice = "Another product or category of this store has the handle: choose another one."


class OptionsMismatch(Refusal):
    status, code = 422, "options_mismatch"
    advice = "Every variant needs one listed value for each option, and no two variants may have the same values."


class CreateProduct(Command[Product], frozen=True):
    allow = Staff
    refusals = (HandleInUse, OptionsMismatch, NotFound)
    product_id: ProductId
    product: ProductDraft


class ReplaceProduct(Command[Product], frozen=True):
    """Give the product the whole of `product`. Variants not named there are removed."""

    allow = Staff
    refusals = (NotFound, HandleInUse, OptionsMismatch, Conflict)
    product_id: ProductId
    product: ProductDraft
    if_version: int | None = None


class ChangeProduct(Command[Product], frozen=True):
    """Change the fields that are given, leave the rest; variants keep their ids."""

    allow = Staff
    refusals = (NotFound, HandleInUse, Conflict)
    product_id: ProductId
    if_version: int | None = None
    title: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    handle: Slug | None = None
    description: Html | None = None
    vendor: Text | None = None
    type: Text | None = None
    tags: tuple[str, ...] | None = None
    categories: tuple[CategoryId, ...] | None = None
    images: tuple[Image, ...] | None = None
    specs: tuple[Spec, ...] | None = None
    status: Status | None = None


class TooManyMedia(Refusal):
    status, code = 409, "too_many_media"
    advice = "Remove pictures of this product that are not needed before you add others."


class AwaitMedia(Command[Media], frozen=True):
    """Expect a picture of a product. It belongs to a variant, or to all variants with a value of an option, or to none
    in particular."""

    allow = Staff
    refusals = (NotFound, TooManyMedia, Invalid)
    media_id: MediaId
    product_id: ProductId
    file_name: Line
    content_type: MediaType
    size: Annotated[int, Meta(ge=1, le=LARGEST_UPLOAD, description="bytes")]
    alt: Text = ""
    variant_id: Annotated[str, Meta(max_length=48)] = ""
    option_value: Annotated[str, Meta(max_length=255)] = ""


class CompleteMedia(Command[Media], frozen=True):
    """The file is uploaded: check it, and make of it what shoppers see. Asked again, it says how far that is."""

    allow = Staff
    refusals = (NotFound,)
    media_id: MediaId


class ChangeMedia(Command[Media], frozen=True):
    """Change what is given. `position` counts from 0 among the product's uploaded pictures; the others move on."""

    allow = Staff
    refusals = (NotFound, Conflict, Invalid)
    media_id: MediaId
    if_version: int | None = None
    alt: Text | None = None
    position: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    variant_id: Annotated[str, Meta(max_length=48)] | None = None
    option_value: Annotated[str, Meta(max_length=255)] | None = None


class RemoveMedia(Command[None], frozen=True):
    """Take a picture off its product, in whatever state it is; its files are deleted."""

    allow = Staff
    refusals = (NotFound,)
    media_id: MediaId


class GetMedia(Query[Media], frozen=True):
    allow = Staff
    refusals = (NotFound,)
    media_id: MediaId


class ListMedia(Query[tuple[Media, ...]], frozen=True):
    """All media of a product: those that are shown in gallery order, then the others."""

    allow = Staff
    refusals = (NotFound,)
    product_id: ProductId


class SaveCategory(Command[Category], frozen=True):
    """Make a category or change it; `category_id` is made by the edge."""

    allow = Staff
    refusals = (HandleInUse, NotFound)
    category_id: CategoryId
    name: Line
    handle: Slug
    parent_id: CategoryId | None = None
    position: Annotated[int, Meta(ge=0, le=LIMIT)] = 0


class ToldAgain(msgspec.Struct, frozen=True):
    """The variants of the products that were told of, and the id to go on after; None: there are no more."""

    variant_ids: tuple[VariantId, ...]
    last_id: str | None


class DescribeAgain(Command[ToldAgain], frozen=True):
    """Tell again what the products after this id are, of those that were made before this time, and the categories with
    the first of them: for who comes later than what was told of them."""

    allow = System
    made_before: int
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 200


class GetProduct(Query[Product], frozen=True):
    """By id or by handle. Drafts and archived products are for staff only."""

    allow = Anyone
    refusals = (NotFound,)
    product_id: str = ""
    handle: str = ""


class ListProducts(Query[Page[ProductCard]], frozen=True):
    """Published products, of a category and those below it when one is given."""

    allow = Anyone
    refusals = (NotFound,)
    category: str = ""
    sort: Sort = "newest"
    cursor: str = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 24


class ListCategories(Query[tuple[Category, ...]], frozen=True):
    """The whole tree: parents before their children, siblings by position and name."""

    allow = Anyone
