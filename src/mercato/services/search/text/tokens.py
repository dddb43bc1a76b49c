"""Tokens: where the words of a text begin and end, in a form that ignores case, accents and ways of writing."""

import re
import unicodedata

import msgspec

LONGEST_WORD = 80  # characters; what is longer is cut, for no shopper types it

_PIECE = re.compile(r"[^\W_]+")
_LATIN = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "\u0131": "i"})
# Scripts without spaces: Thai, Lao, Khmer, kana, Chinese characters.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


class Token(msgspec.Struct, frozen=True):
    """A run of letters and digits, folded, at `start` to before `end` of the text; `before` is what stands between it
    and the token before, `after` the character that follows it."""

    word: str
    start: int
    end: int
    before: str
    after: str


def tokens(text: str) -> list[Token]:
    found: list[Token] = []
    last = 0
    for match in _PIECE.finditer(text):
        start, end = match.span()
        word = fold(match.group())[:LONGEST_WORD]
        if word:
            found.append(Token(word, start, end, text[last:start], text[end : end + 1]))
            last = end
    return found


def fold(word: str) -> str:
    """Lower case, compatible forms made one, accents gone: "Café" and "cafe" are the same word."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    # What was taken apart for its accents is put together again, as Hangul; no mark is left that could come back.
    return "".join(_PIECE.findall(unicodedata.normalize("NFC", bare.translate(_LATIN))))


def unspaced(word: str) -> list[str]:
    """A run of a script that writes no spaces, as overlapping pairs; [] for any other word."""
    if word.isascii() or not _UNSPACED.search(word):
        return []
    return [word[place : place + 2] for place in range(max(1, len(word) - 1))]
