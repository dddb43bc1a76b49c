"""What is searched, what is wanted, what is found: records that no engine is named in."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Literal, Protocol, TypeVar

import msgspec

from mercato.contracts.catalog import ProductDescribed
from mercato.contracts.search import Mark, Order, SearchRules
from mercato.services.search.text.analysis import analyse
from mercato.services.search.text.stems import stems_of
from mercato.values.ids import CategoryId, ProductId

SNIPPET = 200  # characters

AnyNode = TypeVar("AnyNode", bound="Node")

Field = Literal["category", "brand", "price", "rating", "in_stock", "seller"]  # or "option.NAME"


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="change", tag="entry"):
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


class Gone(msgspec.Struct, frozen=True, tag_field="change", tag="gone"):
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


# Categories.


class Node(Protocol):
    """A category as its tree needs it."""

    @property
    def id(self) -> str: ...

    @property
    def parent_id(self) -> str | None: ...

    @property
    def name(self) -> str: ...


def below(category_id: str, nodes: Iterable[Node]) -> list[str]:
    """The category and all below it, itself first."""
    children: dict[str | None, list[str]] = {}
    for node in nodes:
        children.setdefault(node.parent_id, []).append(node.id)
    found = {category_id: None}
    waiting = [category_id]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found[child] = None
                waiting.append(child)
    return list(found)


def above(category_id: str, tree: Mapping[str, AnyNode]) -> list[AnyNode]:
    """The category and all above it, itself first; those that are not in the tree are left out."""
    found: dict[str, AnyNode] = {}
    node = tree.get(category_id)
    while node is not None and node.id not in found:
        found[node.id] = node
        node = tree.get(node.parent_id) if node.parent_id else None
    return list(found.values())


def path_of(category_id: str, tree: Mapping[str, AnyNode]) -> str:
    """The names from the root down, as in "Women > Shoes"."""
    return " > ".join(node.name for node in reversed(above(category_id, tree)))


# From what catalog tells to what is indexed and shown.


class Figures(msgspec.Struct, frozen=True):
    """What others say of a product: `price` is the lowest, in minor units."""

    price: int | None
    available: bool
    sold: int


def entry_of(store: str, told: ProductDescribed, figures: Figures, tree: Mapping[str, Node], language: str) -> Entry:
    """The entry of an active product."""
    placed = {node.id: node for category_id in told.categories for node in above(category_id, tree)}
    return Entry(
        store=store,
        id=told.product_id,
        title=told.title,
        language=language,
        brand=told.vendor,
        type=told.type,
        tags=told.tags,
        categories=tuple([CategoryId(category_id) for category_id in placed]),
        category_names=tuple([node.name for node in placed.values()]),
        description=told.description,
        specs=tuple([(spec.name, spec.value) for spec in told.specs]),
        options={option.name.lower(): option.values for option in told.options},
        codes=tuple(dict.fromkeys(code for each in told.variants for code in (each.sku, each.barcode) if code)),
        seller=told.seller,
        currency=told.currency,
        price=figures.price,
        available=figures.available,
        sold=max(0, figures.sold),
        created_at=told.created_at,
    )


@lru_cache(8_192)
def _stemmed(text: str, language: str) -> tuple[tuple[int, int, str], ...]:
    """Where each word of a text begins and ends, and its stem. The same titles are shown again and again."""
    stem = stems_of(language).stem
    return tuple([(word.start, word.end, stem(word.text)) for word in analyse(text).words])


class Matching:
    """Where words of texts match a search: any form of `words` does. `typed` is how many words were typed."""

    def __init__(self, words: Iterable[str], language: str, typed: int) -> None:
        stem = stems_of(language).stem
        self._language = language
        self._stems = {stem(word) for word in words}
        self._typed = typed
        self._forms = {*words, *self._stems}

    def marks(self, text: str) -> tuple[Mark, ...]:
        """Neighbours are one mark."""
        return self._found(text)[0]

    def of_product(self, title: str, text: str) -> tuple[tuple[Mark, ...], str, tuple[Mark, ...]]:
        """The marks of a title; and, where it has not all that was typed, a part of the text around a match, with the
        marks in it."""
        marks, matched = self._found(title)
        if len(matched) >= self._typed:
            return marks, "", ()
        return (marks, *self._snippet(text))

    @cached_property
    def _begin(self) -> re.Pattern[str] | None:
        """Where something begins like a match."""
        forms = sorted(self._forms, key=len, reverse=True)
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, forms))})", re.IGNORECASE) if forms else None

    def _found(self, text: str) -> tuple[tuple[Mark, ...], set[str]]:
        found: list[Mark] = []
        matched: set[str] = set()
        for start, end, stem in _stemmed(text, self._language) if self._stems else ():
            if stem not in self._stems:
                continue
            matched.add(stem)
            if found and not text[found[-1].end : start].strip():
                found[-1] = Mark(found[-1].start, end)
            else:
                found.append(Mark(start, end))
        return tuple(found), matched

    def _snippet(self, text: str) -> tuple[str, tuple[Mark, ...]]:
        """Only a part of a long text is looked at word by word, the one around what begins like a match."""
        first = self._begin.search(text) if self._begin else None
        if first is None:
            return "", ()
        start = max(0, first.start() - SNIPPET // 3)
        if start:
            start = text.find(" ", start, first.start()) + 1 or first.start()
        end = min(len(text), start + SNIPPET)
        if end < len(text):
            end = max(text.rfind(" ", first.end(), end), first.end())
        part = text[start:end]
        found = self.marks(part)
        if not found:
            return "", ()
        before, after = "… " if start else "", " …" if end < len(text) else ""
        shift = len(before)
        return f"{before}{part}{after}", tuple([Mark(mark.start + shift, mark.end + shift) for mark in found])
