"""Understanding what was typed: each word with everything that counts as a match for it."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from mercato.services.search.finding.store_rules import StoreRules
from mercato.services.search.text.analysis import Word, analyse
from mercato.services.search.text.vocabulary import Near, Vocabulary

MOST_WORDS = 16  # of a search; those after them are not looked at
MOST_TYPED = 1_000  # characters
_MOST_CORRECTIONS = 8
_FAR_MORE = 10  # times as many entries have the word that a rare one may have been meant to be
_SHORTEST_TO_CORRECT = 4
_SHORTEST_TO_COMPLETE, _MOST_COMPLETIONS = 3, 3
_SHORTEST_TO_SPLIT = 6

JOINED, SYNONYM, CORRECTED = 0.9, 0.7, 0.6  # what such a way to match counts, beside the word itself


class Way(msgspec.Struct, frozen=True):
    """One way to match a word: these stems together, in this order, for `weight` of what the word itself counts."""

    stems: tuple[str, ...]
    words: tuple[str, ...]
    weight: float = 1.0


class Need(msgspec.Struct, frozen=True):
    """One thing that was typed; the first way is the word itself, or the one that was `meant` by a mistyped one.
    `count` says how many entries have it."""

    ways: tuple[Way, ...]
    count: int = 0
    typed: str = ""
    meant: str = ""

    @property
    def stem(self) -> str:
        return self.ways[0].stems[-1]


class Words(msgspec.Struct, frozen=True):
    """The words of a store: those of its vocabulary, and how many entries have another one, as in descriptions and
    codes."""

    vocabulary: Vocabulary
    elsewhere: Callable[[tuple[str, ...]], int] = lambda _: 0


class Understood(msgspec.Struct, frozen=True):
    """What was typed: what is needed, the stems of what must not be there, and the search with its slips mended,
    "" where there are none. `head` is the need that names the thing itself, `entries` are those of the store."""

    needs: tuple[Need, ...]
    avoided: tuple[str, ...] = ()
    mended: str = ""
    head: int = 0
    negations: frozenset[str] = frozenset()
    entries: int = 0

    @property
    def single_stems(self) -> frozenset[str]:
        """The stems of all ways that are one word."""
        return frozenset(way.stems[0] for need in self.needs for way in need.ways if len(way.stems) == 1)

    @property
    def words(self) -> tuple[str, ...]:
        """All words that count as a match, for marking them."""
        return tuple(dict.fromkeys(word for need in self.needs for way in need.ways for word in way.words))


def understand(typed: str, rules: StoreRules, words: Words, bold: bool = False) -> Understood:
    """Words that no entry has are corrected; with `bold`, rare ones too that are near to far more frequent ones."""
    return _Reader(rules, words, bold).read(typed)


class _Reader:
    def __init__(self, rules: StoreRules, words: Words, bold: bool) -> None:
        self._stems = rules.stems
        self._negations = rules.negations
        self._ignored = rules.ignored
        self._synonyms = rules.synonyms
        self._vocabulary = words.vocabulary
        self._elsewhere = words.elsewhere
        self._bold = bold

    def read(self, typed: str) -> Understood:
        words = list(analyse(typed[:MOST_TYPED]).words)[:MOST_WORDS]
        wanted, avoided = self._divide(words)
        kept = [word for word in wanted if word.text not in self._ignored] or wanted
        if not kept:
            kept, avoided = words, []
        runs = list(_runs(kept))
        texts = ["".join(word.text for word in run) for run in runs]
        needs = [self._need(runs, place, texts) for place in range(len(runs))]
        found = _unique(needs)
        return Understood(
            needs=tuple(found),
            head=self._head(kept, found),
            negations=frozenset(self._negations),
            entries=self._vocabulary.entries,
            avoided=tuple(dict.fromkeys(self._stems.stem(word.text) for word in avoided)),
            mended=self._mend(words, needs),
        )

    def _divide(self, words: Sequence[Word]) -> tuple[list[Word], list[Word]]:
        """What is wanted, and what is named after "without"."""
        wanted: list[Word] = []
        avoided: list[Word] = []
        left = 0
        for word in words:
            if word.text in self._negations:
                left = self._negations[word.text]
            elif left and word.text not in self._ignored:
                avoided.append(word)
                left -= 1
            else:
                left = 0
                wanted.append(word)
        return (wanted, avoided) if wanted else (list(words), [])

    def _need(self, runs: Sequence[Sequence[Word]], place: int, texts: Sequence[str]) -> Need:
        run = tuple(word.text for word in runs[place])
        whole = texts[place]
        ways = [self._way(run)]
        if len(run) > 1:
            ways.append(self._way((whole,)))
        ways += self._joined(texts, place)
        ways += (self._way(words, SYNONYM) for words in self._synonyms.get(run, ()))
        count = max(self._vocabulary.count(whole), min(map(self._vocabulary.count, run)))
        split = self._vocabulary.split(whole) if len(whole) >= _SHORTEST_TO_SPLIT and len(run) == 1 else None
        if split is not None:
            ways.append(self._way(split, JOINED))
        if len(run) == 1 and (corrections := self._corrections(whole, count, known=len(ways) > 1)):
            return self._corrected(ways, count, corrections)
        return Need(tuple(ways), count)

    def _corrected(self, ways: Sequence[Way], count: int, corrections: Sequence[Near]) -> Need:
        """The most frequent word that may have been meant stands for one that nothing has."""
        others = [self._way((near.word,), CORRECTED) for near in corrections]
        if count:
            return Need((*ways, *others), count, ways[0].words[0], corrections[0].word)
        best = self._way((corrections[0].word,))
        return Need((best, *ways, *others[1:]), corrections[0].count, ways[0].words[0], corrections[0].word)

    def _head(self, words: Sequence[Word], needs: Sequence[Need]) -> int:
        """Which need names the thing itself: the last one before a word that says what it is for."""
        stems = {self._stems.stem(need.typed) if need.typed else need.stem: place for place, need in enumerate(needs)}
        last: int | None = None
        end = words[0].end if words else 0
        for word in words:
            if word.start - end > 2 and last is not None:  # noqa: PLR2004 - a word that was left out stands between
                break
            end = word.end
            last = stems.get(self._stems.stem(word.text), last)
        return last or 0

    def _joined(self, texts: Sequence[str], place: int) -> Iterator[Way]:
        """The word and its neighbour as one, where entries write them so."""
        for first in (place - 1, place):
            pair = texts[first : first + 2] if first >= 0 else ()
            if len(pair) > 1 and self._vocabulary.count("".join(pair)):
                yield self._way(("".join(pair),), JOINED)

    def _corrections(self, word: str, count: int, known: bool) -> list[Near]:
        """What may have been meant, most frequent first. `known`: there are other ways to match the word."""
        if (count and not self._bold) or len(word) < _SHORTEST_TO_COMPLETE or word.isdigit():
            return []
        stem = self._stems.stem(word)
        if not count and not self._bold and (known or self._elsewhere((word, stem))):
            return []
        if len(word) < _SHORTEST_TO_CORRECT:
            return [] if count else list(self._vocabulary.starting(word, _MOST_COMPLETIONS))
        near = [each for each in self._near(word) if self._stems.stem(each.word) != stem]
        return [each for each in near if each.count >= _FAR_MORE * count][:_MOST_CORRECTIONS]

    def _near(self, word: str) -> list[Near]:
        """Words that one slip makes of it; where there are none, of its plural or its singular."""
        found = self._vocabulary.near(word)
        return found or self._vocabulary.near(word[:-1] if word.endswith("s") else f"{word}s")

    def _way(self, words: Iterable[str], weight: float = 1.0) -> Way:
        texts = tuple(words)
        return Way(tuple(map(self._stems.stem, texts)), texts, weight)

    def _mend(self, words: Sequence[Word], needs: Sequence[Need]) -> str:
        meant = {need.typed: need.meant for need in needs if need.meant}
        return " ".join(meant.get(word.text, word.text) for word in words) if meant else ""


def _runs(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Words that signs tie together are one thing."""
    place = 0
    while place < len(words):
        tied = max(1, min(words[place].compound, len(words) - place))
        yield list(words[place : place + tied])
        place += tied


def _unique(needs: Iterable[Need]) -> list[Need]:
    return list({need.ways[0].stems: need for need in needs}.values())
