"""What the second stage knows of a candidate: numbers about how it answers what was typed, each by its name.

They are made of what every engine stores of an entry and of the other candidates, so that all engines rank alike.
Those that speak for a candidate are from 0 to 1, those that speak against it from -1 to 0 (`rating` is both), so that
no weight is below 0.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import exp, log, log1p

import msgspec

from mercato.services.search.finding.documents import Candidate
from mercato.services.search.finding.understanding import Understood
from mercato.services.search.text.attributes import AUDIENCES, COLOURS, Kinds
from mercato.services.search.text.measures import measure_of

FEATURES = (
    "text",
    "title",
    "anywhere",
    "all_anywhere",
    "adjacent",
    "early",
    "head",
    "kind_head",
    "accessory",
    "kind",
    "brand",
    "other_brand",
    "audience",
    "other_audience",
    "colour",
    "other_colour",
    "number",
    "other_number",
    "avoided",
    "kept_away",
    "category",
    "alike",
    "long_title",
    "popular",
    "rating",
    "in_stock",
    "fresh",
)
_NEITHER = (0.0, 0.0)
_LEADERS = 20  # candidates at the head, by text, that tell what the others should be like
_PARTING = frozenset(("for", "with", "by", "from", "compat", "fit", "w"))  # what stands behind them is not the thing
_LONG_TITLE = 40  # words
_MANY = log1p(100_000)  # of ratings and sales, on the scale that they are compared by
_FRESH = 60 * 86_400_000  # milliseconds in which a new entry loses most of its newness
_FREE = frozenset(("free", "less"))


class Scene(msgspec.Struct, frozen=True):
    """What was typed, and what the leading candidates are like: asked of for each candidate."""

    places: dict[str, int]  # the need of a stem
    phrases: tuple[tuple[str, int], ...]  # stems with spaces around them, and their need
    rarity: tuple[float, ...]  # of each need, summing to 1
    head: int
    avoided: frozenset[str]
    negations: frozenset[str]
    audiences: frozenset[str]
    colours: frozenset[str]
    measures: dict[str, set[str]]
    brand_sought: bool
    best: float
    categories: Mapping[str, float]
    words: Mapping[str, float]
    now: int


class Read(msgspec.Struct, frozen=True):
    """A candidate taken apart; `others` are the title's words that were not typed."""

    score: float
    candidate: Candidate
    title: list[str]
    brand: list[str]
    rest: set[str]
    others: list[str]


def read(score: float, candidate: Candidate, typed: frozenset[str]) -> Read:
    brand = candidate.brand.split()
    title = candidate.title.split()
    rest = {*brand, *candidate.kind.split(), *candidate.more.split()}
    return Read(score, candidate, title, brand, rest, list(set(title) - typed))


def scene(understood: Understood, candidates: Sequence[Read], now: int) -> Scene:
    """`candidates` are in the order of their text scores, highest first; `now` in milliseconds."""
    places: dict[str, int] = {}
    phrases: list[tuple[str, int]] = []
    for place, need in enumerate(understood.needs):
        for way in need.ways:
            if len(way.stems) == 1:
                places.setdefault(way.stems[0], place)
                places.setdefault(way.words[0], place)
            else:
                phrases.append((f" {' '.join(way.stems)} ", place))
    rare = [log(1.0 + (understood.entries + 1) / (need.count + 1)) for need in understood.needs]
    total = sum(rare) or 1.0
    stems = frozenset(places)
    leaders = candidates[:_LEADERS]
    return Scene(
        places=places,
        phrases=tuple(phrases),
        rarity=tuple(each / total for each in rare),
        head=understood.head,
        avoided=frozenset(understood.avoided),
        negations=understood.negations,
        audiences=AUDIENCES.of(stems),
        colours=COLOURS.of(stems),
        measures=_measures(word for need in understood.needs for word in need.ways[0].words),
        brand_sought=any(each.brand and stems.issuperset(each.brand) for each in candidates),
        best=max((each.score for each in candidates), default=1.0) or 1.0,
        categories=_shares([each.candidate.categories for each in leaders]),
        words=_shares([each.others for each in leaders]),
        now=now,
    )


def features(scene: Scene, each: Read) -> list[float]:
    """The numbers of a candidate, in the order of FEATURES."""
    return [*_matches(scene, each), *_agreements(scene, each), *_standing(scene, each)]


def _matches(scene: Scene, each: Read) -> Iterator[float]:
    """How the words that were typed stand in the entry."""
    found = _places(scene, each)
    kind = {scene.places[word] for word in each.candidate.kind.split() if word in scene.places}
    anywhere = {*found, *(place for word, place in scene.places.items() if word in each.rest)}
    main = _main_part(each.title)
    head = found.get(scene.head, -1)
    rarity = scene.rarity
    yield each.score / scene.best
    yield sum([rarity[place] for place in found])
    yield sum([rarity[place] for place in anywhere])
    yield float(len(anywhere) == len(rarity))
    pairs = len(rarity) - 1
    yield sum(found.get(at, -9) + 1 == found.get(at + 1, -1) for at in range(pairs)) / pairs if pairs else 0.0
    yield sum([rarity[place] / (1.0 + 0.2 * at) for place, at in found.items()])
    yield float(0 <= head < main)
    yield float(scene.head in kind)
    yield -float(head >= main)
    yield sum([rarity[place] for place in kind])


def _agreements(scene: Scene, each: Read) -> Iterator[float]:
    """Whether the entry is of the brand, the colour and so on that was typed, or of another one."""
    candidate, title = each.candidate, each.title
    brand = bool(each.brand) and all(word in scene.places for word in each.brand)
    yield float(brand)
    yield -float(scene.brand_sought and not brand)
    yield from _agreement(scene.audiences, AUDIENCES, title, candidate.kind) if scene.audiences else _NEITHER
    yield from _agreement(scene.colours, COLOURS, title, candidate.more) if scene.colours else _NEITHER
    yield from _numbers(scene.measures, each) if scene.measures else _NEITHER
    yield from _avoidance(scene, title) if scene.avoided else _NEITHER


def _standing(scene: Scene, each: Read) -> Iterator[float]:
    """How like the leading candidates the entry is, and how it sells."""
    candidate, title = each.candidate, each.title
    yield _mean(scene.categories, candidate.categories)
    yield _mean(scene.words, each.others)
    yield -min(1.0, len(title) / _LONG_TITLE)
    yield min(1.0, log1p(candidate.ratings + candidate.sold) / _MANY)
    yield (candidate.rating / 100 - 4.0) if candidate.ratings else 0.0
    yield float(candidate.available)
    age = scene.now - candidate.created_at
    yield exp(-age / _FRESH) if candidate.created_at and age >= 0 else 0.0


def _places(scene: Scene, each: Read) -> dict[int, int]:
    """Where in the title each need is met first."""
    found: dict[int, int] = {}
    places = scene.places
    for at, word in enumerate(each.title):
        place = places.get(word)
        if place is not None and place not in found:
            found[place] = at
    if scene.phrases:
        text = f" {each.candidate.title} "
        for phrase, place in scene.phrases:
            if place not in found and (at := text.find(phrase)) >= 0:
                found[place] = text.count(" ", 0, at)
    return found


def _main_part(title: Sequence[str]) -> int:
    """How many words the title has before it says what the thing is for, or has with it."""
    return next((at for at, word in enumerate(title) if at and word in _PARTING), len(title))


def _agreement(sought: frozenset[str], kinds: Kinds, title: Sequence[str], more: str) -> tuple[float, float]:
    """Whether words are of what is sought, and whether they are of something else instead."""
    own = kinds.of((*title, *more.split()))
    return (1.0, 0.0) if own & sought else (0.0, -float(bool(own)))


def _measures(words: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for word in words:
        number, unit = measure_of(word)
        if number:
            found.setdefault(unit, set()).add(number)
    return found


def _numbers(sought: dict[str, set[str]], each: Read) -> tuple[float, float]:
    own = _measures((*each.title, *each.rest))
    agree = sum(bool(numbers & own.get(unit, set())) for unit, numbers in sought.items())
    differ = sum(bool(own.get(unit)) and not numbers & own[unit] for unit, numbers in sought.items())
    return agree / len(sought), -differ / len(sought)


def _avoidance(scene: Scene, title: Sequence[str]) -> tuple[float, float]:
    """Whether the title has what must not be there, and whether it says that it has not."""
    violated = kept = 0.0
    for at, word in enumerate(title):
        if word in scene.avoided:
            before, after = title[max(0, at - 3) : at], title[at + 1 : at + 2]
            if not scene.negations.isdisjoint(before) or not _FREE.isdisjoint(after):
                kept = 1.0
            else:
                violated = -1.0
    return violated, kept


def _shares(groups: Sequence[Iterable[str]]) -> dict[str, float]:
    """In which share of the groups each word is, the first ones counting more."""
    counts: Counter[str] = Counter()
    total = 0.0
    for place, group in enumerate(groups):
        weight = 1.0 / (1.0 + 0.15 * place)
        total += weight
        for word in group:
            counts[word] += weight  # type: ignore[assignment]
    return {word: count / total for word, count in counts.items()}


def _mean(shares: Mapping[str, float], words: Sequence[str]) -> float:
    return sum([shares.get(word, 0.0) for word in words]) / len(words) if words else 0.0
