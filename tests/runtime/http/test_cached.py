"""Kept replies: found until one of their subjects changes, and known as forgotten by whoever still has them."""

import pytest

from mercato.runtime.http import cached
from mercato.runtime.http.cached import Kept, ReplyCache


def _kept(*subjects: str) -> Kept:
    return Kept(b"{}", b'"1"', subjects)


def test_a_reply_is_found_in_its_store_until_a_subject_changes() -> None:
    cache, kept = ReplyCache(), _kept("product", "variant")
    cache.keep("red", "/a", kept, cache.changes)
    assert cache.find("red", "/a") is kept
    assert cache.find("blue", "/a") is None
    cache.forget("blue", "variant")
    assert (cache.find("red", "/a"), kept.forgotten) == (kept, False)
    cache.forget("red", "variant")
    assert (cache.find("red", "/a"), kept.forgotten) == (None, True)


def test_a_reply_that_was_made_before_a_change_is_not_kept() -> None:
    cache, kept = ReplyCache(), _kept("product")
    changes = cache.changes
    cache.forget("red", "other")
    cache.keep("red", "/a", kept, changes)
    assert cache.find("red", "/a") is None


def test_a_reply_that_is_replaced_is_forgotten() -> None:
    cache, first, second = ReplyCache(), _kept("product", "old"), _kept("product", "new")
    cache.keep("red", "/a", first, cache.changes)
    cache.keep("red", "/a", second, cache.changes)
    assert (first.forgotten, second.forgotten) == (True, False)
    cache.forget("red", "old")
    assert cache.find("red", "/a") is second
    cache.forget("red", "new")
    assert (cache.find("red", "/a"), second.forgotten) == (None, True)


def test_a_full_cache_forgets_its_oldest_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "CAPACITY", 4)
    cache = ReplyCache()
    replies = [_kept("product") for _ in range(5)]
    for number, kept in enumerate(replies):
        cache.keep("red", f"/{number}", kept, cache.changes)
    assert [kept.forgotten for kept in replies] == [True, True, False, False, False]
    assert [cache.find("red", f"/{number}") for number in range(5)] == [None, None, *replies[2:]]
