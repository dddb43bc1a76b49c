"""A catalogue of any size, generated: the same seed gives the same products, in any number.

Words, types, brands and features are drawn by Zipf's law, as in real shops: few are everywhere, most are rare. A type
of product lies in one category of a tree of three levels. The words themselves mean nothing.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate, count

import msgspec

from mercato.services.search.domain import Entry
from mercato.values.ids import CategoryId, ProductId

STORE = "store_bench"
_TYPES, _BRANDS, _FEATURES, _WORDS = 4_000, 20_000, 6_000, 60_000
_LEAVES, _BRANCHES = 400, 20
_COLOURS = "black white blue red green grey pink brown silver gold navy purple beige orange yellow teal".split()
_SIZES = ("xs", "s", "m", "l", "xl", "2xl", "3xl")
_UNITS = ("12 oz", "16 oz", "1 lb", "500 ml", "10 inch", "24 inch", "2 pack", "6 pack", "64 gb", "100 count")
_NO_WORDS = frozenset("for oz lb ml inch pack gb count".split())
_STOP_WORDS = "the and for with of in to a is your".split()
_BEGIN, _VOWELS = "b br c ch cl d dr f fl g gr h j k l m n p pl pr qu r s sc sh sl st t tr v w z".split(), "aeiou"
_END = ("", "", "n", "r", "s", "t", "l", "m", "nd", "st", "ck")
_DAY = 86_400_000


class Drawn(msgspec.Struct, frozen=True):
    """Things with the sums of their weights, to draw from."""

    things: tuple[str, ...]
    sums: tuple[float, ...]

    def draw(self, chance: random.Random, number: int) -> list[str]:
        return chance.choices(self.things, cum_weights=self.sums, k=number)


class Catalogue:
    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        chance = random.Random(seed)  # noqa: S311 - it makes products, and hides nothing
        words = _words(chance, _TYPES + _BRANDS + _FEATURES + _WORDS)
        places = iter((_TYPES, _TYPES + _BRANDS, _TYPES + _BRANDS + _FEATURES))
        first, second, third = places
        self._types = _zipf(words[:first], 0.9)
        self._brands = _zipf([word.capitalize() for word in words[first:second]], 0.9)
        self._features = _zipf(words[second:third], 1.0)
        text = [*words[third:], *words[:first:3], *words[second:third:2]]
        chance.shuffle(text)
        self._text = _zipf([*_STOP_WORDS, *text], 1.0)
        self._leaf = {word: chance.randrange(_LEAVES) for word in words[:first]}

    def entries(self, number: int) -> Iterator[Entry]:
        chance = random.Random(self._seed + 1)  # noqa: S311 - it makes products, and hides nothing
        return (self._entry(chance, place) for place in range(number))

    def typed(self, seed: int = 2) -> Iterator[str]:
        """Searches without end: one word or two, as many of each; of a product that exists."""
        chance = random.Random(seed)  # noqa: S311 - it makes products, and hides nothing
        for place in count():
            entry = self._entry(chance, place)
            words = [word for word in entry.title.lower().split() if word.isalpha() and word not in _NO_WORDS]
            kind = entry.type
            if place % 2 == 0:
                yield chance.choice((kind, kind, chance.choice(words)))
            else:
                other = chance.choice([word for word in words if word != kind])
                yield f"{other} {kind}"

    def _entry(self, chance: random.Random, place: int) -> Entry:
        kind = self._types.draw(chance, 1)[0]
        brand = self._brands.draw(chance, 1)[0]
        features = self._features.draw(chance, chance.randint(2, 6))
        colour, size = chance.choice(_COLOURS), chance.choice(_SIZES)
        title = [brand, *features[:2], kind, *features[2:]]
        if chance.random() < 0.4:  # noqa: PLR2004 - as many titles name what the product is for
            title += ["for", self._types.draw(chance, 1)[0]]
        title += [colour, chance.choice(_UNITS)]
        leaf = self._leaf[kind]
        ratings = int(chance.paretovariate(0.7)) - 1
        price = int(chance.lognormvariate(8, 1.1))
        return Entry(
            store=STORE,
            id=ProductId(f"prod_{place:08d}"),
            title=" ".join(title),
            brand=brand,
            type=kind,
            categories=_categories(leaf),
            category_names=tuple(str(each).replace("_", " ") for each in _categories(leaf)),
            description=" ".join(self._text.draw(chance, chance.randint(15, 45))),
            options={"color": (colour,), "size": (size,)},
            codes=(f"{brand[:3].upper()}-{place:07d}",),
            seller=f"seller_{place % 50}",
            currency="EUR",
            price=price,
            available=chance.random() < 0.9,  # noqa: PLR2004 - one in ten is sold out
            rating=min(500, int(chance.gauss(420, 50))) if ratings else 0,
            ratings=min(ratings, 200_000),
            sold=min(ratings, 200_000) * 3,
            created_at=1_700_000_000_000 + chance.randrange(900) * _DAY,
        )


def _categories(leaf: int) -> tuple[CategoryId, ...]:
    return CategoryId(f"cat_{leaf % _BRANCHES}"), CategoryId(f"cat_{leaf % 100}_of"), CategoryId(f"cat_leaf_{leaf}")


def _zipf(things: Sequence[str], power: float) -> Drawn:
    return Drawn(tuple(things), tuple(accumulate(1 / (place + 3) ** power for place in range(len(things)))))


def _words(chance: random.Random, number: int) -> list[str]:
    """Different words of four to eleven letters that can be spoken."""
    found: dict[str, None] = {}
    while len(found) < number:
        syllables = chance.choice((2, 2, 2, 3, 3))
        word = "".join(chance.choice(_BEGIN) + chance.choice(_VOWELS) for _ in range(syllables)) + chance.choice(_END)
        if len(word) > 3:  # noqa: PLR2004 - shorter ones are too few to be told apart
            found[word] = None
    return list(found)
