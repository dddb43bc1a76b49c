"""A program that makes the sizes of one picture: the file comes on standard input, what was made goes to standard
output.

Files come from strangers, and decoders of images are large programs. So this runs in a process of its own, with little
memory, little time and no secrets: what a file does to it, it does to nobody else. What comes out is encoded anew from
the pixels alone. Nothing else of the file is left: no place where a photograph was taken, no program hidden behind it.
"""

import os
import resource
import sys
from contextlib import suppress
from io import BytesIO
from typing import Any

import msgspec
from PIL import Image, ImageCms, UnidentifiedImageError

from mercato.services.catalog.adapters.made_pictures import Made, Refused, Size

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF")
MOST_PIXELS = 60_000_000
WIDTHS = (160, 320, 640, 1_280, 1_920)
TALLEST = 4  # times the largest width that a picture may be high
QUALITY = 82

MEMORY = 2 << 30  # bytes of address space
SECONDS = 60  # of processor time

_WHITE = (255, 255, 255)
_ORIENTATION = 0x0112  # how the camera was held, from 1 to 8:
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = (5, 6, 7, 8)


class _Bad(Exception):
    """The reason why a file is refused."""


def main() -> None:
    _be_modest()
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer_to(sys.stdin.buffer.read())))


def answer_to(content: bytes) -> Made | Refused:
    """What can be made of a file. Only its content counts, whatever it is called."""
    try:
        return _make(content)
    except _Bad as reason:
        return Refused(str(reason))
    except MemoryError:
        return Refused("The picture needs more memory to be read than it may have: save it in a smaller size.")


def _make(content: bytes) -> Made:
    largest = _upright(_decoded(content))
    images = [_narrowed(largest, width) for width in WIDTHS if width < largest.width] + [largest]
    sizes = tuple(Size(image.width, image.height, _encoded(image, "WEBP", method=4)) for image in images)
    jpeg = _encoded(_on_white(largest), "JPEG", optimize=True, progressive=True)
    return Made(sizes, jpeg, _main_colour(largest))


def _decoded(content: bytes) -> Image.Image:
    """The picture, decoded to its last pixel. Its size is looked at before."""
    Image.MAX_IMAGE_PIXELS = None  # we count them ourselves
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise _Bad("The file is no picture that we can read: send a JPEG, PNG, WebP, AVIF or GIF.") from None
    except (OSError, SyntaxError, ValueError, OverflowError) as error:
        raise _Bad("The file is damaged: save it anew, then send it again.") from error
    if image.width * image.height > MOST_PIXELS:
        raise _Bad(
            f"The picture has {image.width} by {image.height} pixels, which are more than "
            f"{MOST_PIXELS // 1_000_000} million: save it in a smaller size."
        )
    image.draft("RGB", (2 * WIDTHS[-1], 2 * WIDTHS[-1]))  # a JPEG is read in a smaller size where that is enough
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, OverflowError, EOFError) as error:
        raise _Bad("The file is damaged or incomplete: save it anew, then send all of it.") from error
    return image


def _upright(image: Image.Image) -> Image.Image:
    """As it is to be seen in its largest size: in sRGB, and turned as the camera was held."""
    profile, turned = image.info.get("icc_profile"), image.getexif().get(_ORIENTATION, 1)
    plain = _in_colours(image)
    bounds = (WIDTHS[-1], TALLEST * WIDTHS[-1])
    plain.thumbnail(bounds[::-1] if turned in _LYING else bounds, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if profile:
        plain = _in_srgb(plain, profile)
    if plain.mode not in ("RGB", "RGBA"):
        plain = plain.convert("RGB")
    plain.info = {}  # nothing of it is written into what is made
    return plain.transpose(_TURNS[turned]) if turned in _TURNS else plain


def _in_colours(image: Image.Image) -> Image.Image:
    """In one of the modes that the sizes are made from: RGB, RGBA, or CMYK while its profile is needed."""
    if image.mode in ("RGB", "RGBA", "CMYK"):
        return image
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    see_through = image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if see_through else "RGB")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """A profile that cannot be used is left out of account, as browsers do."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha is not None else image
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        colours = ImageCms.profileToProfile(colours, source, target, outputMode="RGB") or colours
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def _narrowed(image: Image.Image, width: int) -> Image.Image:
    size = (width, max(1, round(image.height * width / image.width)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, _WHITE)
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _encoded(image: Image.Image, form: str, **options: int | bool) -> bytes:
    out = BytesIO()
    image.save(out, form, quality=QUALITY, **options)
    return out.getvalue()


def _main_colour(image: Image.Image) -> str:
    few = _on_white(image).resize((32, 32), Image.Resampling.BOX).quantize(8)
    counted: Any = few.getcolors()  # how often, and which place of the palette
    _, index = max(counted)
    palette = few.getpalette() or [0, 0, 0]
    return "#{:02x}{:02x}{:02x}".format(*palette[3 * index : 3 * index + 3])


def _be_modest() -> None:
    """Limits that not all systems know; where they do not, the other process still ends this one in time."""
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            # A process that reaches the first of the two is told which limit it was.
            resource.setrlimit(limit, (most, most + 1))
    with suppress(OSError):
        os.nice(10)


if __name__ == "__main__":
    main()
