"""The drawn pictures."""

from xml.dom.minidom import parseString

import pytest

from mercato.frontends.storefront.pictures.colours import COLOURS, darker, lighter, mix
from mercato.frontends.storefront.pictures.drawing import KINDS, VIEWS, draw


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_in_every_colour_and_view_as_sound_svg(kind: str) -> None:
    drawings = {draw(f"{kind}-{colour}-{view}") for colour in COLOURS for view in VIEWS}
    assert len(drawings) == len(COLOURS) * len(VIEWS)
    for drawing in drawings:
        assert drawing is not None
        root = parseString(drawing).documentElement  # noqa: S318 - we have drawn it ourselves
        assert root is not None
        assert root.tagName == "svg"
        assert "<script" not in drawing
        assert len(drawing) < 12_000


def test_the_same_name_is_the_same_picture() -> None:
    assert draw("mug-moss-front") == draw("mug-moss-front")


@pytest.mark.parametrize(
    "name", ["", "mug", "mug-moss", "mug-moss-side", "mug-gold-front", "dog-moss-front", "a-b-c-d"]
)
def test_a_name_that_says_nothing_has_no_picture(name: str) -> None:
    assert draw(name) is None


def test_colours_are_mixed_between_black_and_white() -> None:
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert mix("#123456", "#ffffff", 0) == "#123456"
    assert lighter("#000000", 1) == "#ffffff"
    assert darker("#ffffff", 1) == "#10131a"
