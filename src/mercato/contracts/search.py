"""search: finding products by what shoppers type, narrowing them by facets, and suggestions while they type."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mercato.contracts.catalog import ProductCard
from mercato.values.ids import ProductId
from mercato.values.messages import Anyone, Command, Conflict, NotFound, Query, Refusal, Staff

Order = Literal["relevance", "price_up", "price_down", "newest", "rating", "best_selling"]
Typed = Annotated[str, Meta(max_length=300, description="what a shopper has typed; no query language")]
Values = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(max_length=50)]
FacetName = Annotated[
    str, Meta(max_length=112, pattern=r"^(category|brand|price|rating|in_stock|seller|option\.[^\x00-\x1f]+)$(?!\n)")
]
Word = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]

MOST_FACETS = 12
DEEPEST = 1_000  # hits that paging reaches


class Mark(msgspec.Struct, frozen=True):
    """A part of a text that matches, from `start` to before `end`, in characters."""

    start: int
    end: int


class Reason(msgspec.Struct, frozen=True):
    """What one part of the ranking formula gave a hit."""

    name: str
    value: float


class Hit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A product that was found. `card` is what a list shows of it; price and stock are as of the last event heard.
    `marks` are what matched in its title; `reasons` sum to its score, and are there when they were asked for."""

    card: ProductCard
    brand: str
    seller: str
    rating: float = 0.0
    ratings: int = 0
    marks: tuple[Mark, ...] = ()
    snippet: str = ""
    snippet_marks: tuple[Mark, ...] = ()
    reasons: tuple[Reason, ...] = ()


class FacetValue(msgspec.Struct, frozen=True):
    """One value to narrow by: `value` is what goes into the query, `label` what is shown. For `price` a value is
    "LOW-HIGH" in minor units (either side may be empty), for `rating` the lowest number of stars."""

    value: str
    label: str
    count: int
    chosen: bool = False


class Facet(msgspec.Struct, frozen=True):
    """The values of one facet, with how many products each has under all filters but those of this facet."""

    name: str
    label: str
    values: tuple[FacetValue, ...]


class Results(msgspec.Struct, frozen=True, omit_defaults=True):
    """Products in order. `next` is the cursor of the following page, None on the last. `searched` is what was searched
    for instead of what was typed, where that finds nothing; `did_you_mean` another spelling that finds more.
    `redirect` is the path that the store sends this search to, "" for none."""

    hits: tuple[Hit, ...]
    total: int
    facets: tuple[Facet, ...] = ()
    next: str | None = None
    searched: str = ""
    did_you_mean: str = ""
    redirect: str = ""


class SearchProducts(Query[Results], frozen=True):
    """Published products that match what was typed (all, where nothing was) and every filter that is given. Values of
    one filter widen, filters narrow each other. `category` and those below it: an id or a handle."""

    allow = Anyone
    refusals = (NotFound,)
    q: Typed = ""
    category: str = ""
    brand: Values = ()
    price_min: Annotated[int, Meta(ge=0, le=10**15)] | None = None
    price_max: Annotated[int, Meta(ge=0, le=10**15)] | None = None
    rating: Annotated[int, Meta(ge=1, le=5)] | None = None
    in_stock: bool = False
    options: dict[Annotated[str, Meta(min_length=1, max_length=100)], Values] = msgspec.field(default_factory=dict)
    seller: Values = ()
    sort: Order = "relevance"
    cursor: Annotated[str, Meta(max_length=500)] = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 24
    facets: Annotated[tuple[FacetName, ...], Meta(max_length=MOST_FACETS)] = ()
    explain: bool = False


class FindSimilar(Query[tuple[Hit, ...]], frozen=True):
    """Products like this one."""

    allow = Anyone
    refusals = (NotFound,)
    product_id: ProductId
    limit: Annotated[int, Meta(ge=1, le=48)] = 12


class SuggestedProduct(msgspec.Struct, frozen=True):
    title: str
    handle: str
    image: str
    marks: tuple[Mark, ...] = ()


class SuggestedCategory(msgspec.Struct, frozen=True):
    name: str
    path: str
    handle: str


class Suggestions(msgspec.Struct, frozen=True):
    """What a shopper may be typing, most popular first."""

    terms: tuple[str, ...]
    products: tuple[SuggestedProduct, ...]
    categories: tuple[SuggestedCategory, ...]


class Suggest(Query[Suggestions], frozen=True):
    """Typo tolerant from the third letter on."""

    allow = Anyone
    prefix: Typed
    limit: Annotated[int, Meta(ge=1, le=20)] = 6


class Synonym(msgspec.Struct, frozen=True):
    """Whoever types one of `words` also means the others; with `instead_of`, whoever types that also means `words`,
    but not the other way round."""

    words: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=50)]
    instead_of: Annotated[str, Meta(max_length=80)] = ""


class Pin(msgspec.Struct, frozen=True):
    """For this search these products come first, in this order; `boost` lifts (above 1) or lowers (below 1) others."""

    typed: Word
    products: Annotated[tuple[ProductId, ...], Meta(max_length=50)] = ()
    boost: dict[ProductId, Annotated[float, Meta(ge=0.0, le=100.0)]] = {}


class Redirect(msgspec.Struct, frozen=True):
    """This search leads to a path of the shop instead of to results."""

    typed: Word
    path: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^/[^\s\\\x00-\x1f]*$(?!\n)")]


class SearchRules(msgspec.Struct, frozen=True):
    """What a store says about its search. `language` is that of its products (ISO 639-1). `weights` change single
    weights of the ranking formula, by their names."""

    language: Annotated[str, Meta(pattern=r"^[a-z]{2}$(?!\n)")] = "en"
    synonyms: Annotated[tuple[Synonym, ...], Meta(max_length=2_000)] = ()
    stop_words: Annotated[tuple[Word, ...], Meta(max_length=1_000)] = ()
    pins: Annotated[tuple[Pin, ...], Meta(max_length=2_000)] = ()
    redirects: Annotated[tuple[Redirect, ...], Meta(max_length=2_000)] = ()
    weights: dict[str, Annotated[float, Meta(ge=0.0, le=1_000.0)]] = {}


class StoredRules(msgspec.Struct, frozen=True):
    rules: SearchRules
    version: int


class NoResult(msgspec.Struct, frozen=True):
    """A search that found nothing: how often, and when it was last."""

    typed: str
    count: int
    last_at: int


class UnknownWeight(Refusal):
    status, code = 422, "unknown_weight"
    advice = "Take one of the weights that the fact `weights` lists."


class SetSearchRules(Command[StoredRules], frozen=True):
    """Replace all rules of the store's search."""

    allow = Staff
    refusals = (UnknownWeight, Conflict)
    rules: SearchRules
    if_version: int | None = None


class GetSearchRules(Query[StoredRules], frozen=True):
    allow = Staff


class ListNoResults(Query[tuple[NoResult, ...]], frozen=True):
    """Searches that found nothing, most frequent first."""

    allow = Staff
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
