"""Drawings for kitchen and living room, 400 by 400, in one colour and the shades of it."""

from mercato.frontends.storefront.pictures.colours import darker, lighter, mix
from mercato.frontends.storefront.pictures.shapes import box, ellipse, path, ring, turned

_WOOD = "#b88957"
_STEEL = "#aeb6bd"
_GLOW = "#ffe2a0"


def mug(colour: str) -> str:
    shade, light = darker(colour, 0.18), lighter(colour, 0.3)
    return "".join(
        (
            path("M282 168 Q344 162 338 222 Q332 276 272 278", stroke=shade, width=22),
            path("M282 168 Q344 162 338 222 Q332 276 272 278", stroke=colour, width=12),
            path("M96 130 L108 310 Q112 334 140 334 H244 Q272 334 276 310 L288 130 Z", colour),
            path("M236 130 H288 L276 310 Q272 334 244 334 H220 Q238 240 236 130 Z", shade),
            ellipse(192, 130, 96, 24, light),
            ellipse(192, 133, 84, 18, darker("#6b4327", 0.1)),
            path("M124 168 Q126 244 136 306", stroke=light, width=9),
            path(
                "M100 262 Q192 288 281 262 L276 310 Q272 334 244 334 H140 Q112 334 108 310 Z",
                mix(colour, "#f6efe2", 0.55),
            ),
        )
    )


def bowl(colour: str) -> str:
    shade, light = darker(colour, 0.2), lighter(colour, 0.26)
    speckles = "".join(
        ellipse(x, y, 2.6, 2.2, shade)
        for x, y in ((110, 236), (138, 262), (160, 240), (182, 286), (150, 300), (214, 254), (240, 288), (206, 312))
    )
    return "".join(
        (
            path("M150 324 H250 L242 342 H158 Z", shade),
            path("M64 196 Q72 332 172 332 H228 Q328 332 336 196 Z", colour),
            path("M262 208 H336 Q328 332 228 332 H216 Q262 286 262 208 Z", shade),
            ellipse(200, 196, 136, 38, light),
            ellipse(200, 200, 122, 30, darker(colour, 0.34)),
            ellipse(196, 208, 104, 20, darker(colour, 0.22)),
            path("M92 236 Q104 286 138 312", stroke=light, width=7),
            speckles,
        )
    )


def pan(colour: str) -> str:
    shade, light = darker(colour, 0.25), lighter(colour, 0.22)
    return turned(
        -32,
        "".join(
            (
                box(262, 186, (134, 26), _WOOD, 13),
                box(252, 190, (40, 18), _STEEL, 4),
                ellipse(378, 199, 5, 5, darker(_WOOD, 0.5)),
                path("M290 194 H366", stroke=lighter(_WOOD, 0.3), width=3),
                ellipse(152, 200, 124, 124, shade),
                ellipse(152, 200, 114, 114, colour),
                ellipse(152, 200, 98, 98, darker(colour, 0.38)),
                ring(152, 200, (70, 70), darker(colour, 0.26), 2),
                ring(152, 200, (40, 40), darker(colour, 0.26), 2),
                path("M76 160 Q96 116 142 108", stroke=light, width=8),
            )
        ),
    )


def kettle(colour: str) -> str:
    shade, light = darker(colour, 0.2), lighter(colour, 0.32)
    return "".join(
        (
            path("M118 148 Q116 58 200 58 Q284 58 282 148", stroke=_WOOD, width=17),
            path("M118 148 l-2 26 M282 148 l2 26", stroke=_STEEL, width=9),
            path("M280 236 Q318 224 336 178 L358 178 Q350 262 290 288 Z", shade),
            path("M92 324 Q66 220 134 166 Q200 140 266 166 Q334 220 308 324 Q200 344 92 324 Z", colour),
            path("M248 160 Q334 220 308 324 Q276 332 236 334 Q290 260 248 160 Z", shade),
            ellipse(200, 160, 62, 15, shade),
            path("M142 158 Q200 122 258 158 Q200 176 142 158 Z", light),
            ellipse(200, 128, 12, 11, _WOOD),
            path("M114 294 Q104 226 146 190", stroke=light, width=10),
            path("M90 318 Q200 340 310 318 L306 334 Q200 350 94 334 Z", _STEEL),
        )
    )


def knife(colour: str) -> str:
    return turned(
        -38,
        "".join(
            (
                path("M30 176 Q60 168 238 168 V226 H150 Q66 226 30 176 Z", "#d4d9dd"),
                path("M30 176 Q76 210 150 214 H238 V226 H150 Q66 226 30 176 Z", "#b5bdc4"),
                path("M46 178 H230", stroke="#eef1f3", width=4),
                box(236, 162, (24, 66), _STEEL, 5),
                path("M258 166 H362 Q384 168 382 196 Q380 224 356 222 Q306 214 258 224 Z", colour),
                path("M258 200 Q306 196 380 204 Q378 224 356 222 Q306 214 258 224 Z", darker(colour, 0.22)),
                "".join(ellipse(x, 192, 6, 6, _STEEL) for x in (282, 318, 354)),
            )
        ),
    )


def lamp(colour: str) -> str:
    shade, light = darker(colour, 0.2), lighter(colour, 0.28)
    return "".join(
        (
            path("M128 186 L56 330 H344 L272 186 Z", mix("#f4f1ec", _GLOW, 0.35)),
            path("M200 186 V316", stroke=_WOOD, width=15),
            path("M203 190 V312", stroke=lighter(_WOOD, 0.3), width=3),
            ellipse(200, 322, 74, 18, darker(_WOOD, 0.3)),
            ellipse(200, 316, 74, 18, _WOOD),
            path("M154 70 H246 L288 190 Q200 212 112 190 Z", colour),
            path("M222 70 H246 L288 190 Q262 198 238 200 Z", shade),
            path("M168 84 L134 182", stroke=light, width=9),
            path("M112 190 Q200 212 288 190 Q200 176 112 190 Z", _GLOW),
            ellipse(200, 70, 46, 9, light),
        )
    )


def pendant(colour: str) -> str:
    shade, light = darker(colour, 0.2), lighter(colour, 0.3)
    return "".join(
        (
            path("M200 0 V116", stroke="#33302c", width=4),
            box(186, 108, (28, 34), _WOOD, 6),
            path("M96 272 L44 398 H356 L304 272 Z", mix("#f4f1ec", _GLOW, 0.4)),
            path("M78 272 Q84 140 200 138 Q316 140 322 272 Z", colour),
            path("M240 144 Q316 160 322 272 H262 Q272 196 240 144 Z", shade),
            path("M108 256 Q118 184 172 158", stroke=light, width=9),
            ellipse(200, 272, 122, 24, darker(colour, 0.4)),
            ellipse(200, 276, 106, 17, lighter(_GLOW, 0.25)),
            ellipse(200, 282, 32, 20, "#fff8e6"),
        )
    )


def lantern(colour: str) -> str:
    shade, light = darker(colour, 0.22), lighter(colour, 0.3)
    return "".join(
        (
            ring(200, 74, (44, 34), shade, 8),
            path("M146 122 L168 92 H232 L254 122 Z", colour),
            box(122, 120, (156, 24), colour, 8),
            box(138, 144, (124, 154), mix("#ffffff", _GLOW, 0.45), 6),
            path("M200 178 Q232 222 216 250 Q200 268 184 250 Q168 222 200 178 Z", "#f0a13c"),
            path("M200 206 Q216 232 208 248 Q200 256 192 248 Q184 232 200 206 Z", "#fff3cf"),
            box(180, 258, (40, 40), "#f6f0e4", 5),
            path("M138 144 V298 M262 144 V298 M200 144 V170", stroke=shade, width=8),
            path("M154 156 V286", stroke="#ffffff", width=5),
            box(112, 296, (176, 36), colour, 10),
            path("M112 316 H288 V322 Q288 332 278 332 H122 Q112 332 112 322 Z", shade),
            path("M136 130 H226", stroke=light, width=5),
        )
    )
