"""Documents: what engines hold of an entry, made here for all of them."""

import zlib
from collections.abc import Iterable
from math import log1p

import msgspec

from mercato.services.search.domain import Entry
from mercato.services.search.text.analysis import Analysed, analyse
from mercato.services.search.text.stems import stems_of
from mercato.values.ids import ProductId

TEXTS = ("title", "brand", "kind", "more", "body", "exact")  # the fields that score, of words with spaces between
ALL = "all"  # the field of all words of the others, once each: it says what matches, and scores nothing
ORDERS = ("price_up", "price_down", "newest", "rating", "best_selling", "popular")  # numbers to sort by
LAYOUT = 5  # raised when documents change: an index of another layout is made anew

_MOST_WORDS = 100  # of each text that ranking looks at
_TIE_BITS = 20  # of each number to sort by: they keep entries that are equal in one order
_MOST_OF = {"price": 2**42, "created": 2**42, "sold": 2**42, "ratings": 2**24, "popular": 2**30}


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """What ranking looks at. Texts are stems with spaces between; `more` are tags, options, specs, and other forms of
    what stands in the title; `words` are the title's words as they are."""

    id: ProductId
    title: str
    brand: str
    kind: str
    more: str
    rating: int
    ratings: int
    sold: int
    available: bool
    created_at: int
    categories: tuple[str, ...]
    words: str


class Document(msgspec.Struct, frozen=True):
    """An entry as an index has it. `texts` has the words of each of TEXTS and of ALL, stemmed but for `exact`, which
    has codes, and other forms of words; `words` are those of the vocabulary; `orders` are the numbers to sort by,
    highest first but for `price_up`."""

    store: str
    id: ProductId
    texts: dict[str, str]
    words: tuple[str, ...]
    category: tuple[str, ...]
    brand: str
    seller: str
    options: dict[str, tuple[str, ...]]
    price: int | None
    rating: int
    available: bool
    prior: float
    orders: dict[str, int]
    payload: bytes


def document_of(entry: Entry) -> Document:
    title, brand = analyse(entry.title), analyse(entry.brand)
    kind = analyse(". ".join((entry.type, *entry.category_names)))
    more = analyse(". ".join((*entry.tags, *_option_values(entry), *(value for _, value in entry.specs))))
    body = analyse(entry.description)
    codes = analyse(" ".join(entry.codes))
    stem = stems_of(entry.language).stem
    stemmed = {"title": title, "brand": brand, "kind": kind, "more": more, "body": body}
    texts = {name: " ".join(map(stem, analysed.texts)) for name, analysed in stemmed.items()}
    forms = (form for each in (title, brand, more, body) for form in each.forms)
    texts["exact"] = " ".join(_unique((*forms, *codes.texts, *codes.forms)))
    texts[ALL] = " ".join(_unique(word for text in texts.values() for word in text.split()))
    return Document(
        store=entry.store,
        id=entry.id,
        texts=texts,
        words=_vocabulary((title, brand, kind, more)),
        category=tuple(entry.categories),
        brand=entry.brand,
        seller=entry.seller,
        options=entry.options,
        price=entry.price,
        rating=entry.rating,
        available=entry.available,
        prior=prior(entry),
        orders=_orders(entry),
        payload=msgspec.msgpack.encode(_candidate(entry, texts, title)),
    )


def prior(entry: Entry) -> float:
    """What an entry's text score is multiplied by: from 1.0 for what nobody has rated or bought to 1.3 for what very
    many have, a tenth less for what is out of stock."""
    known = log1p(entry.ratings + entry.sold) / log1p(100_000)
    return (1.0 + 0.3 * min(1.0, known)) * (1.0 if entry.available else 0.9)


def key_of(store: str, product: str) -> str:
    """What stands for an entry, or for a word, of one store among those of all."""
    return f"{store}/{product}"


def option_key(name: str) -> str:
    """The name of an option, whatever its case, as a name that every engine takes."""
    name = name.lower()
    return name if name.isascii() and name.isalnum() else f"x{name.encode().hex()}"


def _option_values(entry: Entry) -> Iterable[str]:
    return (value for values in entry.options.values() for value in values)


def _vocabulary(texts: Iterable[Analysed]) -> tuple[str, ...]:
    return _unique(word for each in texts for word in (*each.texts, *each.forms))


def _candidate(entry: Entry, texts: dict[str, str], title: Analysed) -> Candidate:
    return Candidate(
        id=entry.id,
        title=_first(texts["title"]),
        brand=_first(texts["brand"]),
        kind=_first(texts["kind"]),
        more=" ".join((_first(texts["more"]), *title.forms)),
        rating=entry.rating,
        ratings=entry.ratings,
        sold=entry.sold,
        available=entry.available,
        created_at=entry.created_at,
        categories=tuple(entry.categories),
        words=_first(" ".join(title.texts)),
    )


def _first(text: str) -> str:
    """The first words: ranking looks at no more."""
    return " ".join(text.split(" ", _MOST_WORDS)[:_MOST_WORDS])


def _orders(entry: Entry) -> dict[str, int]:
    """Numbers to sort by: what has no price is last both ways; equal ratings are ordered by how many there are."""
    tie = zlib.crc32(entry.id.encode()) >> (32 - _TIE_BITS)
    priced = entry.price is not None
    price = _bounded(entry.price or 0, "price")
    return {
        "price_up": _with_tie(price if priced else _MOST_OF["price"], tie),
        "price_down": _with_tie(price + 1 if priced else 0, tie),
        "newest": _with_tie(_bounded(entry.created_at, "created"), tie),
        "rating": _with_tie((entry.rating if entry.ratings else 0) * 2**24 + _bounded(entry.ratings, "ratings"), tie),
        "popular": _with_tie(_popularity(entry), tie),
        "best_selling": _with_tie(_bounded(entry.sold, "sold"), tie),
    }


def _popularity(entry: Entry) -> int:
    """What is in stock comes first, then what most people have bought or rated."""
    return entry.available << 30 | _bounded(entry.sold + entry.ratings, "popular")


def _bounded(value: int, name: str) -> int:
    return max(0, min(value, _MOST_OF[name] - 1))


def _with_tie(value: int, tie: int) -> int:
    return value << _TIE_BITS | tie


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
