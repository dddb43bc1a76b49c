"""Drawings of shoes and bags, 400 by 400, in one colour and the shades of it."""

from mercato.frontends.storefront.pictures.colours import darker, lighter
from mercato.frontends.storefront.pictures.shapes import box, ellipse, path, ring

_SOLE = "#efe9dd"
_GUM = "#b98a56"
_METAL = "#c9b28a"


def sneaker(colour: str) -> str:
    shade, seam, light = darker(colour, 0.18), darker(colour, 0.38), lighter(colour, 0.5)
    laces = "".join(path(f"M{x} {y} l26 -20", stroke=_SOLE, width=6) for x, y in ((156, 218), (178, 196), (200, 174)))
    return "".join(
        (
            path(
                "M62 270 Q58 236 92 228 L150 208 L218 136 Q232 126 246 138 L262 156 "
                "Q288 158 306 138 Q330 172 336 274 Z",
                colour,
            ),
            path("M62 270 Q58 236 92 228 Q136 220 150 276 Z", lighter(colour, 0.18)),
            path("M262 156 Q288 158 306 138 Q330 172 336 274 L274 274 Q282 206 246 160 Z", shade),
            path("M150 208 L218 136 L246 158 L176 236 Z", shade),
            laces,
            path("M178 262 Q226 250 268 190 M196 266 Q246 252 280 206", stroke=light, width=7),
            path("M92 228 Q134 220 150 274 M274 272 Q282 206 248 162", stroke=seam, width=2),
            path("M52 270 H344 Q350 300 334 308 H76 Q48 304 52 270 Z", _SOLE),
            path("M54 292 H344 Q344 304 334 308 H76 Q60 306 54 292 Z", _GUM),
            path("M60 280 H338", stroke=darker(_SOLE, 0.16), width=2),
        )
    )


def boot(colour: str) -> str:
    shade, seam, light = darker(colour, 0.2), darker(colour, 0.42), lighter(colour, 0.24)
    eyes = ((176, 116), (174, 142), (170, 168), (162, 192), (148, 212))
    return "".join(
        (
            path(
                "M178 70 L292 70 Q300 150 296 214 Q312 250 312 290 L84 290 Q74 246 118 232 Q160 216 168 170 Z", colour
            ),
            path("M222 70 L292 70 Q300 150 296 214 Q308 240 312 290 L238 290 Q244 180 222 70 Z", shade),
            path("M84 290 Q74 246 118 232 Q154 236 162 290 Z", light),
            path("M178 70 L196 66 L190 172 Q184 212 150 236 L118 232 Q160 216 168 170 Z", darker(colour, 0.34)),
            "".join(
                ellipse(x, y, 4.5, 4.5, _METAL) + path(f"M{x} {y} l34 -10", stroke=_SOLE, width=4.5) for x, y in eyes
            ),
            path("M118 232 Q154 236 162 290 M238 290 Q244 180 222 70 M296 214 Q270 226 240 222", stroke=seam, width=2),
            path("M284 70 q24 -26 12 8", stroke=seam, width=6),
            path("M76 286 H322 Q326 300 320 306 H84 Q72 304 76 286 Z", _GUM),
            path("M78 302 H236 L240 322 H92 Q76 320 78 302 Z M258 302 H322 L318 328 H262 Z", "#3a2f28"),
        )
    )


def sandal(colour: str) -> str:
    shade, seam = darker(colour, 0.2), darker(colour, 0.4)
    return "".join(
        (
            path(
                "M54 290 Q50 262 96 268 Q180 280 252 246 Q316 222 346 250 Q352 290 318 304 H84 Q58 306 54 290 Z", _GUM
            ),
            path(
                "M60 276 Q56 262 96 264 Q180 274 252 242 Q312 220 344 246 Q300 244 256 262 Q170 294 60 276 Z", "#d9b58a"
            ),
            path("M92 270 Q96 206 150 214 Q186 222 196 268 Q146 282 92 270 Z", colour),
            path("M214 258 Q212 196 262 178 L280 188 Q240 206 244 246 Z", shade),
            path("M254 182 Q318 140 340 200 L344 246 L322 240 Q320 186 266 196 Z", colour),
            path("M104 262 Q112 216 150 222 Q176 230 184 262 M266 190 Q318 166 330 236", stroke=seam, width=2),
            box(246, 172, (26, 22), _METAL, 5),
            box(252, 178, (14, 10), shade, 3),
            path("M62 300 H330", stroke="#3a2f28", width=9),
        )
    )


def backpack(colour: str) -> str:
    shade, seam, light = darker(colour, 0.17), darker(colour, 0.38), lighter(colour, 0.2)
    return "".join(
        (
            path("M172 78 Q172 50 200 50 Q228 50 228 78", stroke=seam, width=9),
            path("M108 150 Q78 190 92 300 L124 300 V150 Z M292 150 Q322 190 308 300 L276 300 V150 Z", shade),
            path("M112 320 V160 Q112 74 200 74 Q288 74 288 160 V320 Q288 336 270 336 H130 Q112 336 112 320 Z", colour),
            path("M112 176 V160 Q112 74 200 74 Q288 74 288 160 V176 Q244 200 200 200 Q156 200 112 176 Z", light),
            path("M112 176 Q156 200 200 200 Q244 200 288 176", stroke=seam, width=3),
            box(136, 226, (128, 86), shade, 14),
            path("M140 246 H260", stroke=seam, width=3),
            path("M152 128 V236 M248 128 V236", stroke=_GUM, width=12),
            box(144, 206, (16, 22), _METAL, 3) + box(240, 206, (16, 22), _METAL, 3),
            box(186, 122, (28, 18), _GUM, 4),
            path("M226 246 v16", stroke=_METAL, width=5),
        )
    )


def tote(colour: str) -> str:
    shade, seam = darker(colour, 0.16), darker(colour, 0.36)
    return "".join(
        (
            path("M156 150 Q150 56 200 56 Q250 56 244 150", stroke=darker(_GUM, 0.15), width=9),
            path("M100 140 H300 L314 322 Q314 336 298 336 H102 Q86 336 86 322 Z", colour),
            path("M272 140 H300 L314 322 Q314 336 298 336 H282 Z", shade),
            path("M142 154 Q134 84 200 84 Q266 84 258 154", stroke=_GUM, width=10),
            path("M132 150 h22 v34 h-22 Z M246 150 h22 v34 h-22 Z", _GUM),
            path("M100 154 H302 M98 300 H312", stroke=seam, width=2),
            path("M90 300 H312 L314 322 Q314 336 298 336 H102 Q86 336 86 322 Z", shade),
            path("M122 212 L130 300 M272 212 L268 296", stroke=shade, width=4),
        )
    )


def pouch(colour: str) -> str:
    shade, seam, light = darker(colour, 0.17), darker(colour, 0.38), lighter(colour, 0.16)
    return "".join(
        (
            path("M84 150 Q84 132 102 132 H298 Q316 132 316 150 V290 Q316 308 298 308 H102 Q84 308 84 290 Z", colour),
            path("M84 150 Q84 132 102 132 H298 Q316 132 316 150 V214 Q258 246 200 246 Q142 246 84 214 Z", light),
            path("M84 214 Q142 246 200 246 Q258 246 316 214", stroke=seam, width=3),
            path(
                "M94 150 Q94 142 102 142 H298 Q306 142 306 150 V290 Q306 298 298 298 H102 Q94 298 94 290 Z",
                stroke=shade,
                width=2,
            ),
            ellipse(200, 236, 13, 13, _METAL),
            ring(200, 236, (8, 8), darker(_METAL, 0.25), 2),
            path("M316 168 q34 24 14 76 q-6 16 -16 8", stroke=_GUM, width=8),
        )
    )
