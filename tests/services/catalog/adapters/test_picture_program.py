"""What is made of a picture, and what is refused."""

from io import BytesIO

import pytest
from PIL import Image, ImageCms, ImageOps

from mercato.services.catalog.adapters.made_pictures import Made, Refused
from mercato.services.catalog.adapters.picture_program import WIDTHS, answer_to
from tests.services.catalog.photographs import HTML, NO_PICTURES, opened, photograph


def made_of(content: bytes) -> Made:
    answer = answer_to(content)
    assert isinstance(answer, Made), answer
    return answer


def near(found: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) <= 12 for one, other in zip(found[:3], wanted, strict=True))


@pytest.mark.parametrize(
    ("width", "widths"),
    [
        (1, [1]),
        (100, [100]),
        (160, [160]),
        (161, [160, 161]),
        (800, [160, 320, 640, 800]),
        (1_920, list(WIDTHS)),
        (2_500, list(WIDTHS)),
        (8_000, list(WIDTHS)),
    ],
)
def test_sizes_rise_to_the_width_of_the_picture_and_no_further(width: int, widths: list[int]) -> None:
    made = made_of(photograph(width, max(1, width // 2)))
    assert [size.width for size in made.sizes] == widths
    for size in made.sizes:
        image = opened(size.content)
        assert (image.format, image.size) == ("WEBP", (size.width, size.height))
        assert abs(size.height - size.width / 2) <= 1
    jpeg = opened(made.jpeg)
    assert (jpeg.format, jpeg.size) == ("JPEG", (made.sizes[-1].width, made.sizes[-1].height))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
def test_every_form_is_read(form: str) -> None:
    image = opened(made_of(photograph(form=form)).jpeg)
    assert near(image.getpixel((100, 300)), (120, 20, 30))
    assert near(image.getpixel((700, 300)), (240, 236, 230))


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        *(("PNG", mode) for mode in ("RGBA", "P", "L", "LA", "I;16")),
        *(("JPEG", mode) for mode in ("CMYK", "L")),
        ("WEBP", "RGBA"),
    ],
)
def test_every_kind_of_pixel_is_read(form: str, mode: str) -> None:
    content = photograph(form=form, mode="L" if mode == "I;16" else mode)
    if mode == "I;16":
        deep = opened(content).convert("I").point(lambda value: value * 257)
        out = BytesIO()
        deep.convert("I;16").save(out, "PNG")
        content = out.getvalue()
    image = opened(made_of(content).jpeg)
    left, right = image.getpixel((100, 300)), image.getpixel((700, 300))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[1] < 100
    assert right[1] > 200


def test_what_can_be_seen_through_stays_so_and_stands_on_white_where_it_cannot() -> None:
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    image.paste((0, 80, 0, 255), (0, 0, 200, 400))
    out = BytesIO()
    image.save(out, "PNG")
    made = made_of(out.getvalue())
    assert opened(made.sizes[-1].content).getpixel((300, 200)) in ((0, 0, 0, 0), (255, 255, 255, 0))
    assert near(opened(made.jpeg).getpixel((300, 200)), (255, 255, 255))


def test_a_picture_stands_as_the_camera_was_held_and_says_nothing_of_where() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x010F] = "Camera of somebody"
    exif.get_ifd(0x8825)[2] = (51.0, 20.0, 0.0)  # where it was
    content = photograph(800, 600, exif=exif, comment=b"a secret remark")
    assert b"Camera" in content
    made = made_of(content)
    assert [size.width for size in made.sizes] == [160, 320, 600]
    image = opened(made.jpeg)
    assert image.size == (600, 800)
    assert near(image.getpixel((300, 100)), (120, 20, 30))  # what was left is above
    for file in (made.jpeg, *(size.content for size in made.sizes)):
        assert not any(word in file for word in (b"Exif", b"EXIF", b"Camera", b"secret", b"ICC"))
        assert dict(opened(file).getexif()) == {}


def test_colours_of_another_space_are_brought_into_the_webs_own() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    plain = opened(
        made_of(photograph(icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())).jpeg
    )
    assert near(plain.getpixel((100, 300)), (120, 20, 30))
    odd = opened(made_of(photograph(icc_profile=profile.tobytes())).jpeg)  # one that does not fit the pixels
    assert near(odd.getpixel((100, 300)), (120, 20, 30))
    broken = opened(made_of(photograph(icc_profile=b"no profile")).jpeg)
    assert near(broken.getpixel((100, 300)), (120, 20, 30))


def test_the_first_picture_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (200, 200), colour) for colour in ((200, 0, 0), (0, 200, 0))]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert near(opened(made_of(out.getvalue()).jpeg).getpixel((100, 100)), (200, 0, 0))


def test_what_hides_behind_a_picture_is_left_behind() -> None:
    made = made_of(photograph() + HTML)
    assert all(b"script" not in file for file in (made.jpeg, *(size.content for size in made.sizes)))


def test_a_very_high_picture_is_made_no_higher_than_pages_can_show() -> None:
    (size,) = made_of(photograph(300, 30_000)).sizes
    assert (size.width, size.height) == (77, 4 * WIDTHS[-1])


def test_the_main_colour_is_told() -> None:
    colour = made_of(photograph(900, 300)).colour
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    assert near((red, green, blue), (120, 20, 30)) or near((red, green, blue), (240, 236, 230))


def test_the_same_file_gives_the_same_bytes() -> None:
    content = photograph(2_000, 1_000)
    assert made_of(content) == made_of(content)


@pytest.mark.parametrize("turned", range(1, 9))
def test_every_way_to_hold_a_camera_is_known(turned: int) -> None:
    """Whatever is marked on the file, it is seen as those who look at the mark would show it."""
    exif = Image.Exif()
    exif[0x0112] = turned
    content = photograph(200, 100, exif=exif, quality=95)
    wanted = ImageOps.exif_transpose(opened(content))
    image = opened(made_of(content).jpeg)
    assert image.size == wanted.size
    for place in ((10, 10), (image.width - 10, 10), (10, image.height - 10)):
        found = wanted.getpixel(place)
        assert isinstance(found, tuple)
        assert near(image.getpixel(place), (int(found[0]), int(found[1]), int(found[2])))


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_refused_with_the_reason(name: str) -> None:
    content, reason = NO_PICTURES[name]
    answer = answer_to(content)
    assert isinstance(answer, Refused)
    assert reason in answer.reason
    assert answer.reason.endswith(".")
