"""Answers that are kept for a while."""

from mercato.services.search.finding.kept import Kept


def test_an_answer_is_made_afresh_after_many_changes() -> None:
    kept = Kept[int]()
    assert kept.get(b"a", 10, lambda: 1) == 1
    assert kept.get(b"a", 209, lambda: 2) == 1
    assert kept.get(b"b", 10, lambda: 3) == 3
    assert kept.get(b"a", 210, lambda: 2) == 2


def test_an_index_that_was_rebuilt_gives_new_answers() -> None:
    kept = Kept[int]()
    kept.get(b"a", 500, lambda: 1)
    assert kept.get(b"a", 3, lambda: 2) == 2
