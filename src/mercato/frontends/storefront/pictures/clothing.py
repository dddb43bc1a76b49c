"""Drawings of clothes, 400 by 400, in one colour and the shades of it."""

from mercato.frontends.storefront.pictures.colours import darker, lighter
from mercato.frontends.storefront.pictures.shapes import box, ellipse, path

_BODY = "M142 92 C160 84 168 82 172 80 Q200 112 228 80 C232 82 240 84 258 92"


def tshirt(colour: str) -> str:
    shade, seam = darker(colour, 0.16), darker(colour, 0.34)
    return "".join(
        (
            path("M142 92 L76 132 L104 190 L136 172 Z", shade),
            path("M258 92 L324 132 L296 190 L264 172 Z", shade),
            path(f"{_BODY} L268 330 Q200 342 132 330 Z", colour),
            path("M172 80 Q200 112 228 80 L236 83 Q200 126 164 83 Z", lighter(colour, 0.22)),
            path("M164 83 Q200 126 236 83", stroke=seam, width=2),
            path("M136 172 Q140 128 142 92 M264 172 Q260 128 258 92", stroke=seam, width=2),
            path("M133 318 Q200 330 267 318", stroke=seam, width=2),
            path("M82 138 L108 184 M318 138 L292 184", stroke=shade, width=2),
            path("M158 210 Q166 262 156 312 M238 196 Q236 260 244 312", stroke=shade, width=5),
        )
    )


def longsleeve(colour: str) -> str:
    shade, seam = darker(colour, 0.16), darker(colour, 0.34)
    return "".join(
        (
            path("M142 92 C112 104 96 118 90 146 L66 298 L98 304 L138 176 Z", shade),
            path("M258 92 C288 104 304 118 310 146 L334 298 L302 304 L262 176 Z", shade),
            path(f"{_BODY} L268 326 Q200 338 132 326 Z", colour),
            path("M172 80 Q200 112 228 80 L236 83 Q200 126 164 83 Z", lighter(colour, 0.22)),
            path("M164 83 Q200 126 236 83", stroke=seam, width=2),
            path("M138 176 Q140 128 142 92 M262 176 Q260 128 258 92", stroke=seam, width=2),
            path("M68 286 L101 292 M332 286 L299 292", stroke=seam, width=2),
            "".join(
                path(f"M136 {y} Q200 {y + 10} 264 {y}", stroke=lighter(colour, 0.55), width=9)
                for y in (190, 218, 246, 274)
            ),
        )
    )


def sweater(colour: str) -> str:
    shade, seam, light = darker(colour, 0.16), darker(colour, 0.36), lighter(colour, 0.3)
    return "".join(
        (
            path("M140 96 C108 106 92 122 86 152 L66 290 Q84 300 102 296 L138 190 Z", shade),
            path("M260 96 C292 106 308 122 314 152 L334 290 Q316 300 298 296 L262 190 Z", shade),
            path("M140 96 Q170 82 176 78 Q200 96 224 78 Q230 82 260 96 L270 314 Q200 326 130 314 Z", colour),
            box(128, 306, (144, 26), shade, 9),
            "".join(path(f"M{x} 310 V328", stroke=seam, width=2) for x in range(138, 268, 10)),
            path("M170 76 Q200 102 230 76 L236 88 Q200 122 164 88 Z", light),
            "".join(path(f"M{x} {y} l0 10", stroke=seam, width=2) for x, y in _collar()),
            "".join(_braid(x, seam, light) for x in (166, 200, 234)),
            path("M68 276 Q84 286 106 281 M332 276 Q316 286 294 281", stroke=seam, width=2),
        )
    )


def cardigan(colour: str) -> str:
    shade, seam, button = darker(colour, 0.16), darker(colour, 0.36), lighter(colour, 0.6)
    return "".join(
        (
            path("M140 96 C108 106 92 122 86 152 L66 290 Q84 300 102 296 L138 190 Z", shade),
            path("M260 96 C292 106 308 122 314 152 L334 290 Q316 300 298 296 L262 190 Z", shade),
            path("M172 80 L228 80 L204 190 L196 190 Z", darker(colour, 0.5)),
            path("M140 96 L172 78 L196 196 L196 332 Q160 332 130 326 Z", colour),
            path("M260 96 L228 78 L204 196 L204 332 Q240 332 270 326 Z", colour),
            path("M172 78 L198 196 V332 M228 78 L204 196", stroke=shade, width=9),
            "".join(ellipse(200, y, 5, 5, button) for y in (212, 240, 268, 296, 322)),
            path("M146 236 h36 v52 q-18 8 -36 0 Z M218 236 h36 v52 q-18 8 -36 0 Z", shade, seam, 2),
            path("M68 276 Q84 286 106 281 M332 276 Q316 286 294 281", stroke=seam, width=2),
        )
    )


def beanie(colour: str) -> str:
    shade, seam = darker(colour, 0.15), darker(colour, 0.32)
    ribs = (
        path(f"M{200 + dx * 0.35:g} 112 Q{200 + dx:g} 170 {200 + dx * 1.08:g} 250", stroke=seam, width=2.5)
        for dx in range(-84, 85, 21)
    )
    return "".join(
        (
            ellipse(200, 94, 30, 28, lighter(colour, 0.45)),
            "".join(
                path(f"M200 94 l{dx} {dy}", stroke=lighter(colour, 0.25), width=3)
                for dx, dy in ((-24, -8), (-14, -20), (2, -24), (17, -18), (25, -4), (-20, 12), (20, 12))
            ),
            path("M96 262 C92 150 140 110 200 110 C260 110 308 150 304 262 Z", colour),
            "".join(ribs),
            path("M84 250 Q200 222 316 250 Q324 290 314 318 Q200 292 86 318 Q76 290 84 250 Z", shade),
            "".join(
                path(f"M{x} {251 - (1 - ((x - 200) / 116) ** 2) * 18:g} l0 46", stroke=seam, width=2.5)
                for x in range(98, 308, 12)
            ),
        )
    )


def scarf(colour: str) -> str:
    shade, seam, light = darker(colour, 0.17), darker(colour, 0.34), lighter(colour, 0.35)
    fringe = "".join(path(f"M{x} 322 l-2 22", stroke=shade, width=3) for x in range(132, 190, 8))
    fringe += "".join(path(f"M{x} 292 l2 22", stroke=shade, width=3) for x in range(214, 270, 8))
    return "".join(
        (
            path("M206 150 L272 160 L274 292 L210 294 Z", shade),
            path("M134 160 L196 150 L192 324 L128 322 Z", colour),
            path("M104 128 Q200 210 296 128 Q312 156 286 178 Q200 232 114 178 Q88 156 104 128 Z", colour),
            path("M104 128 Q96 92 140 84 Q200 72 260 84 Q304 92 296 128 Q200 190 104 128 Z", shade),
            path("M132 112 Q200 142 268 112 Q240 96 200 96 Q160 96 132 112 Z", darker(colour, 0.5)),
            path("M106 150 Q200 220 294 150", stroke=seam, width=2),
            "".join(path(f"M131 {y} h62", stroke=light, width=6) for y in (236, 256, 290, 304)),
            "".join(path(f"M211 {y} h62", stroke=light, width=6) for y in (212, 232, 262, 276)),
            fringe,
        )
    )


def socks(colour: str) -> str:
    light = lighter(colour, 0.45)
    return _sock(darker(colour, 0.14), light, 62) + _sock(colour, light, 0)


def _sock(colour: str, light: str, dx: float) -> str:
    leg = f"M{128 + dx} 74 L{200 + dx} 74 L{206 + dx} 226 Q{208 + dx} 246 {190 + dx} 262"
    foot = f"L{128 + dx} 318 Q{96 + dx} 340 {78 + dx} 312 Q{68 + dx} 290 {92 + dx} 270 L{132 + dx} 232 Z"
    toe = f"M{102 + dx} 262 Q{126 + dx} 290 {120 + dx} 324 Q{92 + dx} 336 {78 + dx} 312 Q{68 + dx} 290 {102 + dx} 262 Z"
    heel = f"M{204 + dx} 206 Q{176 + dx} 222 {186 + dx} 264 Q{210 + dx} 246 {206 + dx} 226 Z"
    return "".join(
        (
            path(f"{leg} {foot}", colour),
            path(toe, light),
            path(heel, light),
            "".join(path(f"M{129 + dx} {y} h72", stroke=light, width=5) for y in (116, 132)),
            box(124 + dx, 66, (80, 32), darker(colour, 0.2), 7),
            "".join(path(f"M{x + dx} 70 v24", stroke=darker(colour, 0.4), width=2) for x in range(133, 200, 9)),
        )
    )


def _collar() -> list[tuple[float, float]]:
    """Where the ribs of a round collar begin."""
    return [(x, 101 - ((x - 200) / 36) ** 2 * 20) for x in range(172, 232, 8)]


def _braid(x: float, seam: str, light: str) -> str:
    """A plait of the knitting, from the collar to the hem."""
    loops = (
        path(f"M{x - 7} {y} q7 9 14 18 M{x + 7} {y} q-7 9 -14 18", stroke=seam, width=3)
        + path(f"M{x - 14} {y} v18 M{x + 14} {y} v18", stroke=light, width=1.5)
        for y in range(130, 292, 18)
    )
    return "".join(loops)
