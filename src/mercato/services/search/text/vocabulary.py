"""The vocabulary of a store: its words, how many entries have each, and which words are near to what was typed."""

import threading
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable

import msgspec

_LETTERS = 48  # the most frequent ones of the vocabulary, which a slip of the finger may have put in
_SAMPLE = 20_000  # words that tell which letters are frequent
_RANGE = 3_000  # words of one prefix that are looked at; below it the popular ones are kept for a while
_FIRST_MAY_BE_WRONG = 5  # letters
_MOST_KEPT = 4_096  # words whose neighbours are kept
_LOOKED_AFTER = 512  # new words after which what is kept for short prefixes is made afresh


class Near(msgspec.Struct, frozen=True):
    """A word that may have been meant, and how many entries have it."""

    word: str
    count: int


class Vocabulary:
    """Words, not stems, with the number of entries that have them. Memory: about 200 bytes a word. Thread-safe.

    The empty word is in every entry, so that its count is that of the entries.
    """

    def __init__(self, counts: Iterable[tuple[str, int]] = ()) -> None:
        self._counts: dict[str, int] = dict(counts)
        self._entries = self._counts.pop("", 0)
        self._sorted = sorted(self._counts)
        self._letters = _frequent_letters(self._counts)
        self._popular: dict[tuple[str, int], tuple[Near, ...]] = {}
        self._neighbours: dict[str, tuple[str, ...]] = {}  # as long as there is no new word
        self._changed = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def entries(self) -> int:
        return self._entries

    def count(self, word: str) -> int:
        return self._counts.get(word, 0)

    def add(self, words: Iterable[str]) -> None:
        """Count one entry more that has each of these words."""
        with self._lock:
            self._entries += 1
            for word in words:
                before = self._counts.get(word)
                self._counts[word] = (before or 0) + 1
                if before is None:
                    insort(self._sorted, word)
                    self._changed += 1
                    self._neighbours = {}
            if self._changed >= min(_LOOKED_AFTER, 1 + len(self._counts) // 50):
                self._changed = 0
                self._popular = {}
                self._letters = _frequent_letters(self._counts)

    def starting(self, prefix: str, limit: int) -> tuple[Near, ...]:
        """The words of most entries that begin with `prefix`, the most frequent first."""
        known = self._popular.get((prefix, limit))
        if known is not None:
            return known
        words = self._sorted
        first = bisect_left(words, prefix)
        last = bisect_left(words, prefix + "\U0010ffff", first)
        found = sorted((Near(word, self.count(word)) for word in words[first:last]), key=lambda near: -near.count)
        best = tuple(found[:limit])
        if last - first > _RANGE:
            self._popular[prefix, limit] = best
        return best

    def near(self, word: str) -> list[Near]:
        """Words that one slip makes of this one: a letter too many, too few, another one, or two exchanged. The most
        frequent first; the word itself is not among them."""
        kept, counts = self._neighbours, self._counts
        found = kept.get(word)
        if found is None:
            found = tuple(counts.keys() & self._slips(word) - {word})
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            kept[word] = found
        return sorted((Near(each, counts[each]) for each in found), key=lambda near: (-near.count, near.word))

    def starting_near(self, prefix: str, limit: int) -> tuple[Near, ...]:
        """The words of most entries that begin with what one slip makes of `prefix`; of a short one, the first letter
        is right."""
        found: dict[str, Near] = {}
        for slip in self._slips(prefix):
            if (slip[:1] == prefix[:1] or len(prefix) >= _FIRST_MAY_BE_WRONG) and self._begins(slip):
                found.update((near.word, near) for near in self.starting(slip, limit))
        return tuple(sorted(found.values(), key=lambda near: (-near.count, near.word))[:limit])

    def split(self, word: str) -> tuple[str, str] | None:
        """Two words that are written together here: those whose rarer one most entries have; None for none."""
        best, best_count = None, 1
        for place in range(2, len(word) - 1):
            first, second = word[:place], word[place:]
            count = min(self.count(first), self.count(second))
            if count > best_count and min(len(first), len(second)) >= _shortest(first, second):
                best, best_count = (first, second), count
        return best

    def _begins(self, prefix: str) -> bool:
        place = bisect_left(self._sorted, prefix)
        return place < len(self._sorted) and self._sorted[place].startswith(prefix)

    def _slips(self, word: str) -> set[str]:
        letters = self._letters
        found: list[str] = []
        for place in range(len(word) + 1):
            before, after, rest = word[:place], word[place:], word[place + 1 :]
            found += [before + letter + after for letter in letters]
            if after:
                found.append(before + rest)
                found += [before + letter + rest for letter in letters]
            if rest:
                found.append(before + rest[0] + after[0] + rest[1:])
        return set(found)


def _shortest(first: str, second: str) -> int:
    """Letters that both halves of a word need to be words: two say nothing, but beside a number."""
    return 2 if first.isdigit() or second.isdigit() else 3


def _frequent_letters(counts: dict[str, int]) -> str:
    letters: Counter[str] = Counter()
    for word, _ in zip(counts, range(_SAMPLE), strict=False):
        letters.update(word)
    return "".join(letter for letter, _ in letters.most_common(_LETTERS))
