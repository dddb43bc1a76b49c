"""Stems by language: "running", "runs" and "run" are one word."""

import threading
from functools import cache

import Stemmer  # type: ignore[import-not-found] # it has no types

_ALGORITHMS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
_KEPT = 200_000  # stems that a language remembers, about 20 MB; then it starts afresh

# Plurals that the English algorithm does not know.
_IRREGULAR = {
    "en": {
        "children": "child",
        "feet": "foot",
        "geese": "goose",
        "knives": "knife",
        "leaves": "leaf",
        "men": "man",
        "mens": "man",
        "mice": "mouse",
        "scarves": "scarf",
        "shelves": "shelf",
        "teeth": "tooth",
        "wives": "wife",
        "wolves": "wolf",
        "women": "woman",
        "womens": "woman",
    }
}


class Stems:
    """The stems of one language; a word of a language without an algorithm is its own stem. Thread-safe."""

    def __init__(self, language: str) -> None:
        name = _ALGORITHMS.get(language)
        self._stemmer = Stemmer.Stemmer(name) if name in Stemmer.algorithms() else None
        if self._stemmer is not None:
            self._stemmer.maxCacheSize = 0
        self._irregular = _IRREGULAR.get(language, {})
        self._known: dict[str, str] = dict(self._irregular)
        self._lock = threading.Lock()

    def stem(self, word: str) -> str:
        """Words with a digit are left alone: they are models and measures."""
        known = self._known.get(word)
        return self._learn(word) if known is None else known

    def _learn(self, word: str) -> str:
        stem = word
        if self._stemmer is not None and not any(map(str.isdigit, word)):
            with self._lock:
                stem = str(self._stemmer.stemWord(word)) or word
        if len(self._known) >= _KEPT:
            self._known = dict(self._irregular)
        self._known[word] = stem
        return stem


@cache
def stems_of(language: str) -> Stems:
    return Stems(language)
