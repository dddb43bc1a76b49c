"""Rules of stores, read once."""

from mercato.contracts.search import Pin, SearchRules, Synonym
from mercato.services.search.finding.store_rules import RulesRead, read_rules


def test_rules_are_read_again_only_when_they_change() -> None:
    known = RulesRead()
    first = known.of("sto_1", SearchRules(stop_words=("best",)))
    assert known.of("sto_1", SearchRules(stop_words=("best",))) is first
    assert known.of("sto_2", SearchRules()) is not first
    assert "best" not in known.of("sto_1", SearchRules()).ignored


def test_synonyms_are_by_the_words_that_may_be_typed() -> None:
    rules = SearchRules(synonyms=(Synonym(("Sofa", "love seat")), Synonym(("boots",), instead_of="Wellies")))
    assert read_rules(rules).synonyms == {
        ("sofa",): (("love", "seat"),),
        ("love", "seat"): (("sofa",),),
        ("wellies",): (("boots",),),
    }


def test_the_first_of_two_pins_counts() -> None:
    first, second = Pin("Red  shoes"), Pin("red shoes")
    assert read_rules(SearchRules(pins=(first, second))).pins == {("red", "shoes"): first}
