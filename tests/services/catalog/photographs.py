"""Pictures for tests, and files that pretend to be some."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def photograph(width: int = 800, height: int = 600, form: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    """A picture whose left half is dark red, and whose right half is light."""
    image = Image.new("RGB", (width, height), (240, 236, 230))
    image.paste((120, 20, 30), (0, 0, width // 2, height))
    out = BytesIO()
    image.convert(mode).save(out, form, **options)
    return out.getvalue()


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few kilobytes that claims to be, and is, enormous."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    packed = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


NO_PICTURES: dict[str, tuple[bytes, str]] = {
    "a text": (b"I am called photograph.jpg", "no picture that we can read"),
    "nothing but the first bytes": (photograph()[:3], "no picture that we can read"),
    "an SVG": (SVG, "no picture that we can read"),
    "a page": (HTML, "no picture that we can read"),
    "a page behind the mark of a GIF": (b"GIF89a/*" + HTML, "no picture that we can read"),
    "a TIFF": (photograph(form="TIFF"), "no picture that we can read"),
    "a BMP": (photograph(form="BMP"), "no picture that we can read"),
    "a PDF": (photograph(form="PDF"), "no picture that we can read"),
    "a JPEG cut short": (photograph()[: len(photograph()) // 2], "damaged or incomplete"),
    "a PNG cut short": (photograph(form="PNG")[:-200], "damaged or incomplete"),
    "a WebP cut short": (photograph(form="WEBP")[:-200], "damaged"),
    "a bomb": (bomb(), "30000 by 30000 pixels, which are more than 60 million"),
    "one pixel row too many": (bomb(60_000, 1_001), "60000 by 1001 pixels"),
}
