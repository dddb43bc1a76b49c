"""What engines are asked and what they answer: no engine is named here, and no word is made here."""

from typing import Literal

import msgspec

from mercato.contracts.search import Order
from mercato.services.search.domain import Filters
from mercato.services.search.finding.documents import Candidate
from mercato.values.ids import ProductId

_decoder = msgspec.msgpack.Decoder(Candidate)


class Term(msgspec.Struct, frozen=True, tag=True):
    """A word in a text field: its BM25 score (k1 = 1.2, b = 0.75) times `weight`."""

    field: str
    word: str
    weight: float = 1.0


class Phrase(msgspec.Struct, frozen=True, tag=True):
    """Words of a text field that stand together in this order, with at most `slop` moves; scored as a term."""

    field: str
    words: tuple[str, ...]
    weight: float = 1.0
    slop: int = 0


Part = Term | Phrase


class Group(msgspec.Struct, frozen=True):
    """Ways to match one thing that was typed. Its score is that of the best part, and `tie` times those of the others
    that match too. What has one of `matches` matches, and what has one of `parts` where there are none: `parts` then
    only score. An `optional` group only scores, too."""

    parts: tuple[Part, ...]
    tie: float = 0.0
    matches: tuple[Part, ...] = ()
    optional: bool = False


class Plan(msgspec.Struct, frozen=True):
    """A search of one store: what matches at least `least` of the groups that are not optional (all of them where it
    is None; everything where there are no groups) and every filter, without `excluded` products.

    Ordered by relevance, the score is the sum of the groups' scores times the entry's prior. Equal ones keep one order
    as long as nothing is written; those of every other order are in the order of their numbers
    (see Document.orders), which `popular` has too. `only` narrows to these
    products; `also` match whatever was typed, if the filters let them through.
    """

    store: str
    groups: tuple[Group, ...] = ()
    least: int | None = None
    filters: Filters = Filters()
    only: tuple[ProductId, ...] = ()
    also: tuple[ProductId, ...] = ()
    excluded: tuple[ProductId, ...] = ()
    sort: Order | Literal["popular"] = "relevance"
    offset: int = 0
    limit: int = 24


class Scored(msgspec.Struct, frozen=True):
    """A hit; `payload` is what its document was stored with."""

    score: float
    payload: bytes


def candidate_of(hit: Scored) -> Candidate:
    return _decoder.decode(hit.payload)


class Answer(msgspec.Struct, frozen=True):
    hits: tuple[Scored, ...]
    total: int


Counts = dict[str, tuple[tuple[str, int], ...]]  # by the name of a facet: each value and its count, highest first
