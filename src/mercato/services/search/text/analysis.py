"""Analysis: from a text to the words that are indexed and looked for."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from mercato.services.search.text import measures
from mercato.services.search.text.tokens import Token, tokens, unspaced

_HYPHENS = frozenset("-\u2010\u2011\u2013/.&")  # between letters they may join what others write as one word, or as two
_APOSTROPHES = frozenset("'\u2019`\u00b4")
_PARTS = re.compile(r"\d+|[^\d]+")
LONGEST_TEXT = 20_000  # characters of one field that are looked at


class Word(msgspec.Struct, frozen=True):
    """A word at `start` to before `end` of the text. `compound` counts the words, from this one on, that signs tie
    together, as in "wh-1000xm4"; 0 for a word that stands alone."""

    text: str
    start: int
    end: int
    compound: int = 0


class Analysed(msgspec.Struct, frozen=True):
    """The words of a text in their order, and `forms`: more words that the text may be found by, in no order."""

    words: tuple[Word, ...]
    forms: tuple[str, ...]

    @property
    def texts(self) -> list[str]:
        return [word.text for word in self.words]


def analyse(text: str) -> Analysed:
    """Words are folded but not stemmed. Possessives lose their end; numbers are joined with their units, sizes have
    one form; of a compound the parts are words and the whole is a form."""
    found = _measured(_joined(tokens(text[:LONGEST_TEXT])))
    words: list[Word] = []
    forms: list[str] = []
    for run in _compounds(found):
        for place, token in enumerate(run):
            words += _words_of(token, len(run) - place if len(run) > 1 else 0)
            forms += _halves(token.word)
        if len(run) > 1:
            forms.append("".join(token.word for token in run))
    return Analysed(tuple(words), tuple(forms))


def words_of(text: str) -> list[str]:
    """The words of a text in their order."""
    return analyse(text).texts


def _joined(given: Sequence[Token]) -> list[Token]:
    """Join what belongs to one word: "1.5", "1,000", "1/2", "l'oreal", "don't"; "men's" loses its end."""
    found: list[Token] = []
    for token in given:
        last = found[-1] if found else None
        if last is not None and last.end + 1 == token.start and len(token.before) == 1:
            joined = _join(last, token)
            if joined is not None:
                found[-1] = joined
                continue
        found.append(token)
    return found


def _join(last: Token, token: Token) -> Token | None:
    sign = token.before
    if sign in _APOSTROPHES:
        word = last.word if token.word == "s" else last.word + token.word
        return Token(word, last.start, token.end, last.before, token.after)
    if not (last.word.isdigit() and token.word[:1].isdigit()):
        return None
    if sign in (".", ","):
        unit = measures.attached(f"1.{token.word}")
        digits = token.word if unit is None else unit[0][2:]
        if digits.isdigit():
            number = measures.plain_number(f"{last.word}{sign}{digits}")
            return Token(number + (unit[1] if unit else ""), last.start, token.end, last.before, token.after)
    if sign == "/" and len(last.word) == 1:  # a fraction, as in "1/2inch"
        unit = measures.attached(token.word)
        word = token.word if unit is None else "".join(unit)
        return Token(f"{last.word}/{word}", last.start, token.end, last.before, token.after)
    return None


def _measured(given: Sequence[Token]) -> list[Token]:
    """Join numbers with their units, "xx" with "large", and write both in one form."""
    found: list[Token] = []
    place = 0
    while place < len(given):
        token = given[place]
        following = given[place + 1] if place + 1 < len(given) else None
        measured = _measure(token, following)
        found.append(measured or token)
        both = measured is not None and following is not None and measured.end == following.end
        place += 2 if both else 1
    return found


def _measure(token: Token, following: Token | None) -> Token | None:
    """The token as a measure or a size, with the following one if that is its unit; None where it is none."""
    word = token.word
    near = following is not None and following.before in (" ", "-", "", ". ", "\u00a0")
    if word[-1].isdigit() and word[0].isdigit():
        if unit := measures.sign_unit(token.after):
            return Token(word + unit, token.start, token.end + 1, token.before, "")
        if following is not None and near and (unit := _unit(following)):
            return Token(word + unit, token.start, following.end, token.before, following.after)
        return None
    if (pair := measures.attached(word)) is not None:
        return Token("".join(pair), token.start, token.end, token.before, token.after)
    if following is not None and near and (size := measures.spelled_size(word, following.word)):
        return Token(size, token.start, following.end, token.before, following.after)
    size = measures.size(word)
    return Token(size, token.start, token.end, token.before, token.after) if size else None


def _unit(token: Token) -> str:
    """The unit that stands after a number; "in" counts where a hyphen ties it, as in "12-in"."""
    if token.word == "in" and token.before == "-":
        return "inch"
    return measures.unit_of(token.word)


def _compounds(given: Sequence[Token]) -> Iterator[list[Token]]:
    """Runs of tokens that signs tie together, as in "wh-1000xm4"; most runs have one."""
    run: list[Token] = []
    for token in given:
        tied = run and len(token.before) == 1 and token.before in _HYPHENS and run[-1].end + 1 == token.start
        if run and not tied:
            yield run
            run = []
        run.append(token)
    if run:
        yield run


def _words_of(token: Token, compound: int) -> list[Word]:
    pairs = unspaced(token.word)
    if pairs and len(token.word) != token.end - token.start:  # folding changed its length: nobody knows where each is
        return [Word(pair, token.start, token.end) for pair in pairs]
    if pairs:
        return [Word(pair, token.start + place, token.start + place + len(pair)) for place, pair in enumerate(pairs)]
    return [Word(token.word, token.start, token.end, compound)]


def _halves(word: str) -> list[str]:
    """Parts of a model number or a measure that it may be found by: "1000xm4" by "1000" and by "xm4"."""
    if word.isalpha() or word.isdigit() or measures.size(word):
        return []
    parts = _PARTS.findall(word)
    if len(parts) == 1 or "/" in word or "." in word:
        return []
    first, rest = parts[0], word[len(parts[0]) :]
    return [half for half in (first, rest) if len(half) > 1]
