"""Entries for tests, with as little said as a test needs."""

from typing import Any

from mercato.services.search.domain import Entry, Found, Wanted
from mercato.services.search.finding.finder import Finder
from mercato.values.ids import ProductId

STORE, OTHER = "sto_1", "sto_2"


def entry(id: str, title: str, **more: Any) -> Entry:
    said: dict[str, Any] = {"store": STORE, "id": ProductId(id), "title": title, "available": True}
    return Entry(**said | more)


def wanted(text: str = "", **more: Any) -> Wanted:
    said: dict[str, Any] = {"store": STORE, "text": text}
    return Wanted(**said | more)


def found(finder: Finder, text: str = "", **more: Any) -> Found:
    return finder.find(wanted(text, **more))


def ids(finder: Finder, text: str = "", **more: Any) -> list[str]:
    """What is found, in its order."""
    return [hit.id for hit in found(finder, text, **more).hits]
