"""Drawings for the desk, 400 by 400, in one colour and the shades of it."""

from mercato.frontends.storefront.pictures.colours import darker, lighter
from mercato.frontends.storefront.pictures.shapes import box, path, turned

_PAPER = "#fbf8f1"
_BRASS = "#c9a45c"


def notebook(colour: str) -> str:
    shade, light = darker(colour, 0.2), lighter(colour, 0.26)
    return turned(
        -6,
        "".join(
            (
                box(112, 74, (200, 262), darker(_PAPER, 0.14), 10),
                box(108, 70, (198, 262), _PAPER, 10),
                box(98, 64, (202, 264), colour, 12),
                path("M110 64 H132 V328 H110 Q98 328 98 316 V76 Q98 64 110 64 Z", shade),
                path("M268 64 V328", stroke=darker(colour, 0.4), width=7),
                box(160, 116, (86, 54), light, 5),
                path("M172 136 H234 M172 152 H216", stroke=shade, width=4),
                path("M226 326 l0 26 l9 -8 l9 8 l0 -26", "#b5483a"),
            )
        ),
    )


def pen(colour: str) -> str:
    shade, light = darker(colour, 0.24), lighter(colour, 0.4)
    return turned(
        38,
        "".join(
            (
                path("M184 306 H216 L203 358 H197 Z", "#d9d3c7"),
                path("M192 336 H208 L203 358 H197 Z", _BRASS),
                box(180, 176, (40, 132), colour, 5),
                box(180, 166, (40, 14), _BRASS, 3),
                path("M178 168 V64 Q178 36 200 36 Q222 36 222 64 V168 Z", colour),
                path("M206 168 V38 Q222 42 222 64 V168 Z M206 180 H220 V304 H206 Z", shade),
                path("M189 66 V156 M189 190 V292", stroke=light, width=5),
                path("M222 66 q16 6 12 30 l-4 66", stroke=_BRASS, width=7),
                box(180, 298, (40, 10), _BRASS, 3),
            )
        ),
    )


def cards(colour: str) -> str:
    shade, light = darker(colour, 0.2), lighter(colour, 0.5)
    leaf = path("M200 282 Q196 210 204 140", stroke=colour, width=5) + "".join(
        path(f"M201 {y} q{26 * side} -6 {34 * side} -34 q{-30 * side} 2 {-34 * side} 34 Z", colour)
        for y, side in ((264, -1), (244, 1), (220, -1), (198, 1), (176, -1), (160, 1))
    )
    return "".join(
        (
            turned(14, box(104, 96, (192, 224), shade, 8)),
            turned(7, box(104, 96, (192, 224), light, 8)),
            turned(-4, box(104, 92, (192, 228), darker(_PAPER, 0.1), 8) + box(102, 90, (192, 228), _PAPER, 8) + leaf),
        )
    )
