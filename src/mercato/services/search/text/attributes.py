"""Words that name one of several things that exclude each other: for whom a thing is, and its colour."""

from collections.abc import Iterable, Mapping

import msgspec

from mercato.services.search.text.stems import stems_of


class Kinds(msgspec.Struct, frozen=True):
    """What each stem names; "" stands for all of them."""

    names: Mapping[str, tuple[str, ...]]

    def of(self, stems: Iterable[str]) -> frozenset[str]:
        return frozenset(name for stem in stems if stem in self.names for name in self.names[stem])


def _kinds(words: Mapping[str, str]) -> Kinds:
    stem = stems_of("en").stem
    found: dict[str, tuple[str, ...]] = {}
    for name, written in words.items():
        for word in written.split():
            found[stem(word)] = (*found.get(stem(word), ()), name)
    return Kinds(found)


AUDIENCES = _kinds(
    {
        "woman": "women ladies lady female unisex mujer damen femme maternity",
        "man": "men gentleman gentlemen male guys unisex hombre herren homme",
        "girl": "girl girls kids children youth unisex",
        "boy": "boy boys kids children youth unisex",
        "baby": "baby babies infant infants newborn toddler toddlers",
        "adult": "adult adults",
    }
)
COLOURS = _kinds(
    {
        "black": "black charcoal ebony onyx",
        "white": "white ivory",
        "grey": "grey gray silver charcoal slate",
        "red": "red burgundy crimson maroon wine scarlet",
        "blue": "blue navy teal turquoise aqua indigo denim cobalt",
        "green": "green olive lime mint emerald sage teal",
        "yellow": "yellow mustard lemon gold",
        "orange": "orange coral",
        "purple": "purple violet lavender plum lilac",
        "pink": "pink rose fuchsia magenta blush coral",
        "brown": "brown tan chocolate coffee walnut espresso camel cognac chestnut bronze",
        "beige": "beige cream khaki tan nude taupe sand ivory natural",
        "gold": "gold golden brass",
        "silver": "silver chrome nickel",
    }
)
