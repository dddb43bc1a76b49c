"""What is made of an uploaded picture, as the program that makes it tells the process that wants it."""

import msgspec


class Size(msgspec.Struct, frozen=True):
    """A size as WebP."""

    width: int
    height: int
    content: bytes


class Made(msgspec.Struct, frozen=True, tag=True):
    """What was made: sizes that rise in width, and the largest as JPEG. `colour` is the main one, as in #a0b1c2."""

    sizes: tuple[Size, ...]
    jpeg: bytes
    colour: str


class Refused(msgspec.Struct, frozen=True, tag=True):
    """Why nothing can be made of it, as a sentence for who has sent it."""

    reason: str
