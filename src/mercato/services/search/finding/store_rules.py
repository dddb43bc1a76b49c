"""A store's rules, read once for many searches: reading thousands of synonyms takes longer than a search."""

from collections.abc import Mapping

import msgspec

from mercato.contracts.search import Pin, SearchRules
from mercato.services.search.text.analysis import words_of
from mercato.services.search.text.stems import Stems, stems_of
from mercato.services.search.text.stop_words import negations, stop_words

Phrase = tuple[str, ...]  # words that were typed together


class StoreRules(msgspec.Struct, frozen=True):
    """`synonyms` has for what may be typed what is meant too; `pins` what the merchant says for a search; `negations`
    how many words each of them denies."""

    rules: SearchRules
    stems: Stems
    ignored: frozenset[str]
    negations: Mapping[str, int]
    synonyms: Mapping[Phrase, tuple[Phrase, ...]]
    pins: Mapping[Phrase, Pin]


def read_rules(rules: SearchRules) -> StoreRules:
    language = rules.language
    return StoreRules(
        rules=rules,
        stems=stems_of(language),
        ignored=stop_words(language) | {word for each in rules.stop_words for word in words_of(each)},
        negations=negations(language),
        synonyms=_synonyms(rules),
        # The first one counts where two are for the same search.
        pins={tuple(words_of(pin.typed)): pin for pin in reversed(rules.pins)},
    )


class RulesRead:
    """The rules of each store as they were read last. Thread-safe."""

    def __init__(self) -> None:
        self._known: dict[str, StoreRules] = {}

    def of(self, store: str, rules: SearchRules) -> StoreRules:
        known = self._known.get(store)
        if known is None or (known.rules is not rules and known.rules != rules):
            known = self._known[store] = read_rules(rules)
        return known


def _synonyms(rules: SearchRules) -> dict[Phrase, tuple[Phrase, ...]]:
    found: dict[Phrase, tuple[Phrase, ...]] = {}
    for synonym in rules.synonyms:
        meant = [tuple(words_of(word)) for word in synonym.words]
        typed = [tuple(words_of(synonym.instead_of))] if synonym.instead_of else meant
        for each in typed:
            found[each] = (*found.get(each, ()), *(other for other in meant if other and other != each))
    return found
