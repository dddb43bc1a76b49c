"""A picture by its name: kind, colour and view. Pure: the same name is the same bytes."""

from collections.abc import Callable

from mercato.frontends.storefront.pictures import clothing, household, leather, paper
from mercato.frontends.storefront.pictures.colours import COLOURS, lighter, mix
from mercato.frontends.storefront.pictures.shapes import ellipse

Drawing = Callable[[str], str]

KINDS: dict[str, Drawing] = {
    "tshirt": clothing.tshirt,
    "longsleeve": clothing.longsleeve,
    "sweater": clothing.sweater,
    "cardigan": clothing.cardigan,
    "beanie": clothing.beanie,
    "scarf": clothing.scarf,
    "socks": clothing.socks,
    "sneaker": leather.sneaker,
    "boot": leather.boot,
    "sandal": leather.sandal,
    "backpack": leather.backpack,
    "tote": leather.tote,
    "pouch": leather.pouch,
    "mug": household.mug,
    "bowl": household.bowl,
    "pan": household.pan,
    "kettle": household.kettle,
    "knife": household.knife,
    "lamp": household.lamp,
    "pendant": household.pendant,
    "lantern": household.lantern,
    "notebook": paper.notebook,
    "pen": paper.pen,
    "cards": paper.cards,
}

# Where in a drawing of 400 by 400 the second view looks, and how closely.
_CLOSE = {
    "tshirt": (205, 150),
    "longsleeve": (205, 150),
    "sweater": (200, 165),
    "cardigan": (200, 190),
    "sneaker": (160, 220),
    "boot": (190, 190),
    "pen": (245, 160),
    "pendant": (200, 250),
}
_CLOSER = 1.9

# How far down a thing must move to stand on its shadow.
_LOWER = {"sneaker": 30, "sandal": 34, "boot": 10, "pouch": 28, "bowl": -2}

VIEWS = ("front", "close")
_PAPER = "#f4f1ec"


def draw(name: str) -> str | None:
    """The SVG of a picture named KIND-COLOUR-VIEW; None for a name that says nothing."""
    parts = name.split("-")
    if len(parts) != len(("kind", "colour", "view")):
        return None
    kind, colour, view = parts
    if kind not in KINDS or colour not in COLOURS or view not in VIEWS:
        return None
    return _drawn(kind, COLOURS[colour], view)


def _drawn(kind: str, colour: str, view: str) -> str:
    thing = KINDS[kind](colour)
    if view == "close":
        x, y = _CLOSE.get(kind, (200, 205))
        thing = f'<g transform="translate(200 200) scale({_CLOSER}) translate({-x} {-y})">{thing}</g>'
        ground, floor = mix(_PAPER, colour, 0.22), ""
    else:
        thing = f'<g transform="translate(0 {_LOWER[kind]})">{thing}</g>' if kind in _LOWER else thing
        ground = mix(_PAPER, colour, 0.08)
        floor = ellipse(200, 342, 122, 12, mix(ground, "#3a332b", 0.12))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="800" height="800">'
        f'<rect width="400" height="400" fill="{ground}"/>'
        f'<circle cx="200" cy="190" r="168" fill="{lighter(ground, 0.45)}"/>'
        f"{floor}{thing}</svg>"
    )
