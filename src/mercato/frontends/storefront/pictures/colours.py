"""Colours of the drawings by name, and lighter and darker ones made of them."""

COLOURS = {
    "ink": "#27303f",
    "slate": "#5d6b7a",
    "fog": "#c3cad1",
    "chalk": "#f1ece2",
    "sand": "#d9c3a0",
    "clay": "#b9694a",
    "rust": "#a4452c",
    "ochre": "#d39b32",
    "moss": "#66764a",
    "pine": "#2f5647",
    "sea": "#3f8290",
    "sky": "#8fb8d4",
    "navy": "#2b3f66",
    "plum": "#6f3f5c",
    "rose": "#cf8d93",
    "copper": "#b87a50",
}


def mix(colour: str, other: str, part: float) -> str:
    """`colour` with so large a part (0 to 1) of `other`; both in the form #rrggbb."""
    pairs = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(own + (its - own) * part):02x}" for own, its in pairs)


def lighter(colour: str, part: float = 0.25) -> str:
    return mix(colour, "#ffffff", part)


def darker(colour: str, part: float = 0.25) -> str:
    return mix(colour, "#10131a", part)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
