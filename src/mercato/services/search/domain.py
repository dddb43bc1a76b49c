"""What is searched, what is wanted, what is found: records that no engine is named in."""

from typing import Literal

import msgspec

from mercato.contracts.search import Order, SearchRules
from mercato.values.ids import CategoryId, ProductId

Field = Literal["category", "brand", "price", "rating", "in_stock", "seller"]  # or "option.NAME"


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An active product as an index has it. `categories` have those above them too, `category_names` are theirs.

    `options` has the values of each option by its name in lower case. Money is in minor units of `currency`; `price`
    is the lowest, None where nothing is for sale. `rating` is the mean in hundredths of a star, of so many `ratings`;
    `sold` counts pieces. `codes` are SKUs, barcodes and model numbers. `language` is that of the texts,
    as in SearchRules: entries are to be written again when it changes.
    """

    store: str
    id: ProductId
    title: str
    language: str = "en"
    brand: str = ""
    type: str = ""
    tags: tuple[str, ...] = ()
    categories: tuple[CategoryId, ...] = ()
    category_names: tuple[str, ...] = ()
    description: str = ""
    specs: tuple[tuple[str, str], ...] = ()
    options: dict[str, tuple[str, ...]] = {}
    codes: tuple[str, ...] = ()
    seller: str = ""
    currency: str = ""
    price: int | None = None
    available: bool = False
    rating: int = 0
    ratings: int = 0
    sold: int = 0
    created_at: int = 0


class Gone(msgspec.Struct, frozen=True):
    """A product that is to be found no more."""

    store: str
    id: ProductId


class Filters(msgspec.Struct, frozen=True, omit_defaults=True):
    """What hits must have: one value of each field that is given, by its name as a facet has it. `price` is the lowest
    and the highest that are wanted."""

    values: dict[str, tuple[str, ...]] = {}
    price: tuple[int | None, int | None] = (None, None)
    rating: int = 0  # hundredths of a star, at least
    in_stock: bool = False


class Wanted(msgspec.Struct, frozen=True):
    """A search of one store. At most `limit` hits after the first `offset`, and the counts of `facets`."""

    store: str
    text: str
    filters: Filters = Filters()
    sort: Order = "relevance"
    offset: int = 0
    limit: int = 24
    facets: tuple[str, ...] = ()
    explain: bool = False
    rules: SearchRules = SearchRules()
    now: int = 0


class FoundHit(msgspec.Struct, frozen=True):
    """`reasons` are the parts of `score` by their names, where they were asked for."""

    id: ProductId
    score: float
    reasons: dict[str, float] = {}


class Found(msgspec.Struct, frozen=True):
    """`total` counts all that match. `facets` has the count of each value, the most frequent first. `words` are the
    words that were searched for, in every form that counts as a match, for marking them. `searched` and `did_you_mean`
    are as in Results."""

    hits: tuple[FoundHit, ...]
    total: int
    facets: dict[str, tuple[tuple[str, int], ...]]
    words: tuple[str, ...] = ()
    searched: str = ""
    did_you_mean: str = ""


class SuggestedWords(msgspec.Struct, frozen=True):
    """Whole searches and products that may be meant by what is being typed, the most popular first."""

    terms: tuple[str, ...]
    products: tuple[ProductId, ...]
